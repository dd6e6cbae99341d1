// bigint.h — integers beyond 64 bits, as far as templates need them: exact, slow, bounded by the
// caller. Owns no limit.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace m2w::jinja {

/// A signed integer of any size: sign and magnitude.
class BigInt {
  public:
    BigInt() = default;
    BigInt(int64_t value);
    /// Digits of a base from 2 to 36, no sign, no separators; the caller has checked them.
    static BigInt from_digits(std::string_view digits, unsigned base);
    /// The integer part of a finite double.
    static BigInt from_double(double value);

    std::optional<int64_t> to_int64() const;
    /// Nearest double; infinity when out of range.
    double to_double() const;
    std::string to_string(unsigned base = 10) const;

    bool is_zero() const { return limbs_.empty(); }
    bool is_negative() const { return negative_; }
    bool is_odd() const { return !limbs_.empty() && (limbs_[0] & 1); }
    uint32_t bits() const;  // of the magnitude
    size_t limbs() const { return limbs_.size(); }

    BigInt operator-() const;
    friend BigInt operator+(const BigInt& a, const BigInt& b);
    friend BigInt operator-(const BigInt& a, const BigInt& b);
    friend BigInt operator*(const BigInt& a, const BigInt& b);
    /// Quotient rounded towards minus infinity and a remainder with the divisor's sign. b must not
    /// be zero.
    static void floor_divide(const BigInt& a, const BigInt& b, BigInt& quotient, BigInt& remainder);
    /// Negative, zero, positive.
    static int compare(const BigInt& a, const BigInt& b);

  private:
    static int compare_magnitudes(const BigInt& a, const BigInt& b);
    static BigInt add_magnitudes(const BigInt& a, const BigInt& b);
    static BigInt subtract_magnitudes(const BigInt& larger, const BigInt& smaller);
    uint32_t divide_by(uint32_t divisor);  // in place; returns the remainder
    void multiply_add(uint32_t factor, uint32_t addend);
    void trim();

    std::vector<uint32_t> limbs_;  // least significant first, no leading zeros
    bool negative_ = false;
};

}  // namespace m2w::jinja
