// unicode_text.cpp — UTF-8 validation by utf8cpp, normalisation with utf8proc's tables.
#include "tokenizer/unicode_text.h"

#include <utf8.h>
#include <utf8proc.h>

#include <algorithm>

namespace m2w::tokenizer {

namespace {

/// Code points below U+0300 are written with lead bytes below this, are their own NFC and compose
/// with nothing before them (Unicode, DerivedNormalizationProps.txt, NFC_QC).
constexpr uint8_t kFirstCombiningLead = 0xcc;

bool starts_inert(char byte) {
    return uint8_t(byte) < kFirstCombiningLead && (uint8_t(byte) & 0xc0) != 0x80;
}

/// Sorts each run of combining marks by class. utf8proc_decompose does it by exchanging neighbours,
/// which a long run makes quadratic.
void order_marks(std::vector<utf8proc_int32_t>& chars) {
    const auto mark_class = [](utf8proc_int32_t c) {
        return utf8proc_get_property(c)->combining_class;
    };
    for (size_t begin = 0; begin < chars.size();) {
        if (mark_class(chars[begin]) == 0) {
            begin++;
            continue;
        }
        size_t end = begin + 1;
        while (end < chars.size() && mark_class(chars[end]) != 0) end++;
        std::stable_sort(chars.begin() + ptrdiff_t(begin), chars.begin() + ptrdiff_t(end),
                         [&](auto a, auto b) { return mark_class(a) < mark_class(b); });
        begin = end;
    }
}

/// Appends the NFC form of valid UTF-8.
void append_composed(std::string_view text, std::string& out) {
    std::vector<utf8proc_int32_t> chars;
    chars.reserve(text.size());
    for (auto at = text.begin(); at != text.end();) {
        const auto c = utf8proc_int32_t(utf8::unchecked::next(at));
        // The longest canonical decomposition has 4 code points (Unicode Standard Annex 15).
        utf8proc_int32_t parts[8];
        int boundary = 0;
        const auto n_parts = utf8proc_decompose_char(
            c, parts, std::size(parts), utf8proc_option_t(UTF8PROC_DECOMPOSE | UTF8PROC_STABLE),
            &boundary);
        chars.insert(chars.end(), parts, parts + n_parts);
    }
    order_marks(chars);
    const auto n_chars =
        utf8proc_normalize_utf32(chars.data(), utf8proc_ssize_t(chars.size()),
                                 utf8proc_option_t(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
    for (utf8proc_ssize_t i = 0; i < n_chars; i++)
        utf8::unchecked::append(char32_t(chars[size_t(i)]), std::back_inserter(out));
}

/// Appends the NFC form of valid UTF-8, copying what needs no work.
void append_nfc(std::string_view text, std::string& out) {
    size_t copied = 0;
    while (true) {
        size_t at = copied;
        while (at < text.size() && uint8_t(text[at]) < kFirstCombiningLead) at++;
        if (at == text.size()) break;
        // The character before may compose with this one; the next inert one does not.
        size_t begin = at;
        if (begin > copied) {
            do begin--;
            while (begin > copied && (uint8_t(text[begin]) & 0xc0) == 0x80);
        }
        size_t end = at + 1;
        while (end < text.size() && !starts_inert(text[end])) end++;
        out.append(text, copied, begin - copied);
        append_composed(text.substr(begin, end - begin), out);
        copied = end;
    }
    out.append(text, copied);
}

}  // namespace

size_t leading_white_space(std::string_view text) {
    size_t at = 0;
    while (at < text.size()) {
        const Character c = character_at(text, at);
        if (!c.valid || !is_white_space(c.code_point)) break;
        at += c.length;
    }
    return at;
}

size_t without_trailing_white_space(std::string_view text) {
    size_t end = text.size();
    while (end > 0) {
        size_t begin = end - 1;
        while (begin > 0 && (uint8_t(text[begin]) & 0xc0) == 0x80) begin--;
        const Character c = character_at(text, begin);
        if (!c.valid || begin + c.length != end || !is_white_space(c.code_point)) break;
        end = begin;
    }
    return end;
}

size_t valid_prefix(std::string_view text) {
    return size_t(utf8::find_invalid(text.begin(), text.end()) - text.begin());
}

std::string_view to_nfc(std::string_view text, std::string& storage) {
    const bool inert =
        std::ranges::all_of(text, [](char byte) { return uint8_t(byte) < kFirstCombiningLead; });
    if (inert) return text;
    storage.clear();
    storage.reserve(text.size());
    while (!text.empty()) {
        const size_t n_valid = valid_prefix(text);
        append_nfc(text.substr(0, n_valid), storage);
        text.remove_prefix(n_valid);
        if (text.empty()) break;
        storage += text.front();
        text.remove_prefix(1);
    }
    return storage;
}

ValidText::ValidText(std::string_view source) : text_(source) {
    size_t n_valid = valid_prefix(source);
    if (n_valid == source.size()) return;
    storage_.reserve(source.size() + 64);
    while (n_valid < source.size()) {
        storage_.append(source, 0, n_valid);
        replaced_.push_back(uint32_t(storage_.size()));
        storage_ += kReplacement;
        source.remove_prefix(n_valid + 1);
        n_valid = valid_prefix(source);
    }
    storage_ += source;
    text_ = storage_;
}

void ValidText::to_source(std::vector<uint32_t>& offsets) const {
    constexpr uint32_t kGrowth = uint32_t(kReplacement.size()) - 1;
    uint32_t n_before = 0;  // replaced bytes in front of the offset
    for (uint32_t& offset : offsets) {
        while (n_before < replaced_.size() && replaced_[n_before] < offset) n_before++;
        offset -= n_before * kGrowth;
    }
}

}  // namespace m2w::tokenizer
