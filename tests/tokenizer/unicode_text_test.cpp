// unicode_text_test.cpp — normalisation against utf8proc's own, and any bytes as valid text.
#include "tokenizer/unicode_text.h"

#include <gtest/gtest.h>
#include <utf8.h>
#include <utf8proc.h>

#include <cstdlib>
#include <ctime>
#include <iterator>
#include <memory>
#include <random>

namespace m2w::test {

using tokenizer::to_nfc;
using tokenizer::valid_prefix;
using tokenizer::ValidText;

namespace {

std::string nfc(std::string_view text) {
    std::string storage;
    return std::string(to_nfc(text, storage));
}

/// utf8proc's whole-string normalisation; quadratic, so for short texts.
std::string reference_nfc(const std::string& text) {
    std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> out(
        utf8proc_NFC(reinterpret_cast<const utf8proc_uint8_t*>(text.c_str())), &std::free);
    return reinterpret_cast<const char*>(out.get());
}

/// The blocks where normalisation does something, and some where it does not.
std::string random_text(std::mt19937& random) {
    static constexpr std::pair<char32_t, char32_t> kRanges[] = {
        {0x20, 0x7e},       {0xa0, 0x24f},     {0x300, 0x36f},     {0x370, 0x3ff},
        {0x590, 0x6ff},     {0x900, 0xdff},    {0xf00, 0xfff},     {0x1000, 0x109f},
        {0x1100, 0x11ff},   {0x1b00, 0x1bff},  {0x1dc0, 0x1fff},   {0x2000, 0x21ff},
        {0x2adc, 0x2adc},   {0x3040, 0x30ff},  {0x4e00, 0x4e20},   {0xac00, 0xd7a3},
        {0xf900, 0xfb4f},   {0xfe20, 0xfe2f},  {0x11099, 0x110bf}, {0x11127, 0x11135},
        {0x1d15e, 0x1d1bf}, {0x2f800, 0x2fa1d}};
    std::string text;
    const int n_chars = int(random() % 24);
    for (int i = 0; i < n_chars; i++) {
        const auto [low, high] = kRanges[random() % std::size(kRanges)];
        utf8::append(char32_t(low + random() % (high - low + 1)), std::back_inserter(text));
    }
    return text;
}

}  // namespace

TEST(unicode_text, nfc_equals_the_reference_on_random_texts) {
    std::mt19937 random(20240601);
    for (int i = 0; i < 200'000; i++) {
        const std::string text = random_text(random);
        ASSERT_EQ(nfc(text), reference_nfc(text)) << "round " << i;
    }
}

TEST(unicode_text, nfc_of_every_character_equals_the_reference) {
    for (char32_t c = 1; c < 0x110000; c++) {
        if (c >= 0xd800 && c < 0xe000) continue;
        std::string text = "a";
        utf8::append(c, std::back_inserter(text));
        text += "\u0301";
        ASSERT_EQ(nfc(text), reference_nfc(text)) << std::hex << uint32_t(c);
    }
}

TEST(unicode_text, text_below_the_first_combining_character_is_not_copied) {
    const std::string text = "plain ASCII, Ünïcödé up to ˿";
    std::string storage;
    EXPECT_EQ(to_nfc(text, storage).data(), text.data());
}

TEST(unicode_text, nfc_leaves_invalid_bytes_where_they_are) {
    EXPECT_EQ(nfc("e\u0301\xff"
                  "e\u0301"),
              "é\xffé");
    EXPECT_EQ(nfc("\xe2\x84 e\u0301\x80"), "\xe2\x84 é\x80");
    EXPECT_EQ(nfc("e\xcc"), "e\xcc");
    EXPECT_EQ(nfc("e\xcc\x81\xcc"), "é\xcc");
    EXPECT_EQ(nfc("e\xff\u0301"), "e\xff\u0301");
}

TEST(unicode_text, a_million_unordered_marks_are_sorted_in_linear_time) {
    std::string text = "a", above;
    for (int i = 0; i < 500'000; i++) {
        text += "\u0301\u0323";  // above before below: every one moves
        above += "\u0301";
    }
    const std::clock_t begin = std::clock();
    const std::string out = nfc(text);
    EXPECT_LT(double(std::clock() - begin) / CLOCKS_PER_SEC, 10);  // quadratic: hours
    EXPECT_TRUE(out.starts_with("ạ\u0323"));
    EXPECT_TRUE(out.ends_with(above));
}

TEST(unicode_text, valid_text_is_a_view_of_the_source) {
    const std::string text = "aé日😀";
    const ValidText valid(text);
    EXPECT_EQ(valid.text().data(), text.data());
    std::vector<uint32_t> offsets{1, 3, 6, 10};
    valid.to_source(offsets);
    EXPECT_EQ(offsets, (std::vector<uint32_t>{1, 3, 6, 10}));
}

TEST(unicode_text, every_invalid_byte_stands_as_one_replacement_and_offsets_lead_back) {
    const std::string text =
        "a\xff\xfe"
        "é\xe2\x82z\xc0";
    const ValidText valid(text);
    EXPECT_EQ(valid.text(), "a\uFFFD\uFFFDé\uFFFD\uFFFDz\uFFFD");
    EXPECT_EQ(valid_prefix(valid.text()), valid.text().size());
    std::vector<uint32_t> offsets{1, 4, 7, 9, 12, 15, 16, 19};
    valid.to_source(offsets);
    EXPECT_EQ(offsets, (std::vector<uint32_t>{1, 2, 3, 5, 6, 7, 8, 9}));
}

}  // namespace m2w::test
