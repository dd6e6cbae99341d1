// bigint.cpp — schoolbook arithmetic on 32-bit limbs. The widths here stay small
// (Limits::integer_bits).
#include "chat/jinja/bigint.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace m2w::jinja {

BigInt::BigInt(int64_t value) : negative_(value < 0) {
    uint64_t magnitude = negative_ ? 0 - uint64_t(value) : uint64_t(value);
    for (; magnitude; magnitude >>= 32) limbs_.push_back(uint32_t(magnitude));
}

void BigInt::trim() {
    while (!limbs_.empty() && limbs_.back() == 0) limbs_.pop_back();
    if (limbs_.empty()) negative_ = false;
}

void BigInt::multiply_add(uint32_t factor, uint32_t addend) {
    uint64_t carry = addend;
    for (uint32_t& limb : limbs_) {
        carry += uint64_t(limb) * factor;
        limb = uint32_t(carry);
        carry >>= 32;
    }
    if (carry) limbs_.push_back(uint32_t(carry));
}

uint32_t BigInt::divide_by(uint32_t divisor) {
    uint64_t remainder = 0;
    for (size_t i = limbs_.size(); i-- > 0;) {
        remainder = (remainder << 32) | limbs_[i];
        limbs_[i] = uint32_t(remainder / divisor);
        remainder %= divisor;
    }
    trim();
    return uint32_t(remainder);
}

BigInt BigInt::from_digits(std::string_view digits, unsigned base) {
    BigInt out;
    for (char c : digits) {
        const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
        out.multiply_add(base, uint32_t(digit));
    }
    out.trim();
    return out;
}

BigInt BigInt::from_double(double value) {
    int exponent = 0;
    const double fraction = std::frexp(std::trunc(value), &exponent);
    BigInt out(int64_t(std::ldexp(fraction, 53)));
    for (int shift = exponent - 53; shift > 0; shift -= 16)
        out.multiply_add(1u << std::min(shift, 16), 0);
    if (exponent < 53) out = BigInt(int64_t(value));
    return out;
}

std::optional<int64_t> BigInt::to_int64() const {
    if (limbs_.size() > 2) return std::nullopt;
    uint64_t magnitude = 0;
    for (size_t i = limbs_.size(); i-- > 0;) magnitude = (magnitude << 32) | limbs_[i];
    constexpr uint64_t kMax = uint64_t(std::numeric_limits<int64_t>::max());
    if (magnitude > kMax + (negative_ ? 1 : 0)) return std::nullopt;
    return negative_ ? int64_t(0 - magnitude) : int64_t(magnitude);
}

uint32_t BigInt::bits() const {
    if (limbs_.empty()) return 0;
    return uint32_t(limbs_.size() * 32) - uint32_t(std::countl_zero(limbs_.back()));
}

double BigInt::to_double() const {
    const uint32_t width = bits();
    if (width <= 64) {
        uint64_t magnitude = 0;
        for (size_t i = limbs_.size(); i-- > 0;) magnitude = (magnitude << 32) | limbs_[i];
        return negative_ ? -double(magnitude) : double(magnitude);
    }
    if (width > 1024) {
        const double infinity = std::numeric_limits<double>::infinity();
        return negative_ ? -infinity : infinity;
    }
    // The top 64 bits, with every lower bit folded into the last one, round like the whole number.
    const uint32_t shift = width - 64;
    uint64_t top = 0;
    bool rest = false;
    for (uint32_t i = 0; i < width; ++i) {
        const uint64_t bit = (limbs_[i / 32] >> (i % 32)) & 1;
        if (i >= shift) {
            top |= bit << (i - shift);
        } else {
            rest |= bit != 0;
        }
    }
    const double magnitude = std::ldexp(double(top | uint64_t(rest)), int(shift));
    return negative_ ? -magnitude : magnitude;
}

std::string BigInt::to_string(unsigned base) const {
    if (limbs_.empty()) return "0";
    uint32_t chunk = base, chunk_digits = 1;  // the largest power of the base in 32 bits
    while (uint64_t(chunk) * base <= UINT32_MAX) chunk *= base, ++chunk_digits;
    std::string out;
    BigInt rest = *this;
    while (!rest.limbs_.empty()) {
        uint32_t part = rest.divide_by(chunk);
        for (uint32_t i = 0; i < chunk_digits && (part || !rest.limbs_.empty()); ++i) {
            const uint32_t digit = part % base;
            out += char(digit < 10 ? '0' + digit : 'a' + digit - 10);
            part /= base;
        }
    }
    if (negative_) out += '-';
    std::reverse(out.begin(), out.end());
    return out;
}

int BigInt::compare_magnitudes(const BigInt& a, const BigInt& b) {
    if (a.limbs_.size() != b.limbs_.size()) return a.limbs_.size() < b.limbs_.size() ? -1 : 1;
    for (size_t i = a.limbs_.size(); i-- > 0;)
        if (a.limbs_[i] != b.limbs_[i]) return a.limbs_[i] < b.limbs_[i] ? -1 : 1;
    return 0;
}

int BigInt::compare(const BigInt& a, const BigInt& b) {
    if (a.negative_ != b.negative_) return a.negative_ ? -1 : 1;
    const int order = compare_magnitudes(a, b);
    return a.negative_ ? -order : order;
}

BigInt BigInt::add_magnitudes(const BigInt& a, const BigInt& b) {
    BigInt out;
    uint64_t carry = 0;
    for (size_t i = 0; i < std::max(a.limbs_.size(), b.limbs_.size()) || carry; ++i) {
        if (i < a.limbs_.size()) carry += a.limbs_[i];
        if (i < b.limbs_.size()) carry += b.limbs_[i];
        out.limbs_.push_back(uint32_t(carry));
        carry >>= 32;
    }
    return out;
}

BigInt BigInt::subtract_magnitudes(const BigInt& larger, const BigInt& smaller) {
    BigInt out;
    int64_t borrow = 0;
    for (size_t i = 0; i < larger.limbs_.size(); ++i) {
        int64_t digit = int64_t(larger.limbs_[i]) - borrow;
        if (i < smaller.limbs_.size()) digit -= smaller.limbs_[i];
        borrow = digit < 0;
        out.limbs_.push_back(uint32_t(digit));
    }
    out.trim();
    return out;
}

BigInt BigInt::operator-() const {
    BigInt out = *this;
    out.negative_ = !negative_ && !is_zero();
    return out;
}

BigInt operator+(const BigInt& a, const BigInt& b) {
    BigInt out;
    if (a.negative_ == b.negative_) {
        out = BigInt::add_magnitudes(a, b);
        out.negative_ = a.negative_;
    } else if (BigInt::compare_magnitudes(a, b) >= 0) {
        out = BigInt::subtract_magnitudes(a, b);
        out.negative_ = a.negative_;
    } else {
        out = BigInt::subtract_magnitudes(b, a);
        out.negative_ = b.negative_;
    }
    out.trim();
    return out;
}

BigInt operator-(const BigInt& a, const BigInt& b) {
    return a + -b;
}

BigInt operator*(const BigInt& a, const BigInt& b) {
    BigInt out;
    out.limbs_.assign(a.limbs_.size() + b.limbs_.size(), 0);
    for (size_t i = 0; i < a.limbs_.size(); ++i) {
        uint64_t carry = 0;
        for (size_t j = 0; j < b.limbs_.size(); ++j) {
            carry += uint64_t(a.limbs_[i]) * b.limbs_[j] + out.limbs_[i + j];
            out.limbs_[i + j] = uint32_t(carry);
            carry >>= 32;
        }
        out.limbs_[i + b.limbs_.size()] = uint32_t(carry);
    }
    out.negative_ = a.negative_ != b.negative_;
    out.trim();
    return out;
}

void BigInt::floor_divide(const BigInt& a, const BigInt& b, BigInt& quotient, BigInt& remainder) {
    // Bit by bit: quadratic in the width, which Limits::integer_bits keeps small.
    BigInt q, r, divisor = b;
    divisor.negative_ = false;
    q.limbs_.assign(a.limbs_.size(), 0);
    for (uint32_t i = a.bits(); i-- > 0;) {
        r.multiply_add(2, (a.limbs_[i / 32] >> (i % 32)) & 1);
        if (compare_magnitudes(r, divisor) >= 0) {
            r = subtract_magnitudes(r, divisor);
            q.limbs_[i / 32] |= 1u << (i % 32);
        }
    }
    q.negative_ = a.negative_ != b.negative_;
    r.negative_ = a.negative_;
    q.trim();
    r.trim();
    if (!r.is_zero() && r.negative_ != b.negative_) {
        q = q - BigInt(1);
        r = r + b;
    }
    quotient = std::move(q);
    remainder = std::move(r);
}

}  // namespace m2w::jinja
