// result_test.cpp — errors: names, exit statuses, safe printing, TRY; and the byte cursor.
#include "gguf/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <regex>
#include <set>

#include "gguf/byte_reader.h"
#include "gguf/escape.h"
#include "tests/support/shared.h"

namespace m2w {
namespace {

TEST(category, every_one_has_its_own_name_and_an_exit_status_of_the_list) {
    std::set<std::string_view> names;
    for (size_t i = 0; i < size_t(Category::count); i++) {
        const auto category = Category(i);
        EXPECT_TRUE(
            std::regex_match(std::string(category_name(category)), std::regex("[a-z_0-9]+")));
        EXPECT_TRUE(names.insert(category_name(category)).second) << category_name(category);
        EXPECT_GE(exit_status(category), 1) << category_name(category);
        EXPECT_LE(exit_status(category), 5) << category_name(category);
    }
}

TEST(category, names_belong_to_their_enumerators) {
    // One of each block of the enum: a row missing from the table would shift those behind it.
    EXPECT_EQ(category_name(Category::usage), "usage");
    EXPECT_EQ(category_name(Category::magic), "magic");
    EXPECT_EQ(category_name(Category::tensor_bounds), "tensor_bounds");
    EXPECT_EQ(category_name(Category::context_full), "context_full");
    EXPECT_EQ(category_name(Category::io), "io");
    EXPECT_EQ(category_name(Category::http_status), "http_status");
    EXPECT_EQ(category_name(Category::http_redirect), "http_redirect");
    EXPECT_EQ(category_name(Category::cache), "cache");
    EXPECT_EQ(category_name(Category::out_of_memory), "out_of_memory");
    EXPECT_EQ(category_name(Category::internal), "internal");
    EXPECT_EQ(exit_status(Category::usage), 1);
    EXPECT_EQ(exit_status(Category::magic), 2);
    EXPECT_EQ(exit_status(Category::io), 3);
    EXPECT_EQ(exit_status(Category::http_status), 3);
    EXPECT_EQ(exit_status(Category::cache), 3);
    EXPECT_EQ(exit_status(Category::resource_limit), 4);
    EXPECT_EQ(exit_status(Category::internal), 5);
}

TEST(category, errors_md_lists_every_one_with_its_exit_status_and_no_other) {
    const std::string page =
        test::read_text(std::filesystem::path(M2W_SOURCE_DIR) / "docs/errors.md");
    std::set<std::string> documented;
    const std::regex row(R"(\n\| `([a-z_0-9]+)` \| ([0-9]) \| [^|\n]+ \|)");
    for (std::sregex_iterator it(page.begin(), page.end(), row), end; it != end; ++it) {
        const std::string name = (*it)[1];
        EXPECT_TRUE(documented.insert(name).second) << name << " has two rows";
        bool known = false;
        for (size_t i = 0; i < size_t(Category::count); i++) {
            if (category_name(Category(i)) != name) continue;
            known = true;
            EXPECT_EQ(std::to_string(exit_status(Category(i))), (*it)[2]) << name;
        }
        EXPECT_TRUE(known) << name << " is no category";
    }
    for (size_t i = 0; i < size_t(Category::count); i++)
        EXPECT_TRUE(documented.contains(std::string(category_name(Category(i)))))
            << category_name(Category(i)) << " has no row in docs/errors.md";
}

TEST(error, message_is_printed_on_one_line_behind_its_category) {
    const Error error{Category::tensor_bounds, "blk.0.x: 12 bytes"};
    EXPECT_EQ(error.str(), "error[tensor_bounds] blk.0.x: 12 bytes");
}

TEST(error, control_characters_are_escaped) {
    EXPECT_EQ((Error{Category::magic, "a\x1b[31m\r\nb\t\x7f"}.str()),
              "error[magic] a\\x1b[31m\\x0d\\x0ab\\x09\\x7f");
    EXPECT_EQ((Error{Category::magic, std::string("a\0b", 3)}.str()), "error[magic] a\\x00b");
}

TEST(escape, text_of_many_scripts_stays_as_it_is) {
    const std::string text = "\"blk.0\" Ünïcödé 日本語 🙂 \\ עברית";
    EXPECT_EQ(escape_line(text), text);
    EXPECT_EQ(escape_line(""), "");
}

TEST(escape, c1_controls_direction_overrides_and_line_separators_are_escaped) {
    EXPECT_EQ(escape_line("\xc2\x9b"), "\\xc2\\x9b");  // CSI
    EXPECT_EQ(escape_line("a\xe2\x80\xae"
                          "b"),
              "a\\xe2\\x80\\xaeb");                             // U+202E
    EXPECT_EQ(escape_line("\xe2\x80\xa8"), "\\xe2\\x80\\xa8");  // U+2028
    EXPECT_EQ(escape_line("\xe2\x81\xa6"), "\\xe2\\x81\\xa6");  // U+2066
    EXPECT_EQ(escape_line("\xc2\xa0"), "\xc2\xa0");             // U+00A0, a space like others
}

TEST(escape, bytes_that_are_no_utf8_are_escaped_and_the_rest_stays) {
    EXPECT_EQ(escape_line("\xff"
                          "a\xc3"),
              "\\xffa\\xc3");
    EXPECT_EQ(escape_line("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
    EXPECT_EQ(escape_line("\xc0\xaf"
                          "é"),
              "\\xc0\\xafé");  // overlong
    EXPECT_EQ(escape_line(std::string(3, '\x80')), "\\x80\\x80\\x80");
}

Result<int> half(int x) {
    if (x % 2) return Error{Category::usage, "odd"};
    return x / 2;
}

Result<void> expect_even(int x) {
    TRY(half(x));
    return {};
}

Result<int> quarter(int x) {
    TRY(const int once, half(x));
    TRY(expect_even(once));
    TRY(const int twice, half(once));
    return twice;
}

TEST(result, try_gives_the_value_or_returns_the_error) {
    EXPECT_EQ(*quarter(12), 3);
    EXPECT_EQ(quarter(3).error().message, "odd");
    EXPECT_EQ(quarter(6).error().category, Category::usage);
    EXPECT_TRUE(expect_even(4));
    EXPECT_FALSE(expect_even(5));
}

TEST(result, move_only_values_pass_through) {
    const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
    const auto pass = [&]() -> Result<std::unique_ptr<int>> {
        TRY(auto p, make());
        return p;
    };
    EXPECT_EQ(**pass(), 7);
}

ByteReader reader_of(std::string_view text) {
    return ByteReader(std::as_bytes(std::span(text.data(), text.size())));
}

TEST(byte_reader, scalars_are_little_endian_and_move_the_position) {
    ByteReader reader = reader_of({"\x01\x02\x03\x04\xff\x00\x00\x80\x3f", 9});
    EXPECT_EQ(*reader.read<uint16_t>(), 0x0201u);
    EXPECT_EQ(*reader.read<uint16_t>(), 0x0403u);
    EXPECT_EQ(*reader.read<int8_t>(), -1);
    EXPECT_EQ(*reader.read<float>(), 1.0f);
    EXPECT_EQ(reader.position(), 9u);
    EXPECT_EQ(reader.bytes_left(), 0u);
}

TEST(byte_reader, scalar_one_byte_past_the_end_is_truncated_and_moves_nothing) {
    ByteReader reader = reader_of("abcdefg");
    const auto result = reader.read<uint64_t>();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().category, Category::truncated);
    EXPECT_EQ(result.error().message, "need 8 bytes at byte 0, 7 left");
    EXPECT_EQ(reader.position(), 0u);
    EXPECT_TRUE(reader.read<uint32_t>());
    EXPECT_EQ(reader.bytes_left(), 3u);
}

TEST(byte_reader, take_of_a_length_near_2_to_64_is_truncated) {
    ByteReader reader = reader_of("abc");
    ASSERT_TRUE(reader.take(1));
    for (const uint64_t n : {uint64_t(3), ~uint64_t(0), ~uint64_t(0) - 1, uint64_t(1) << 63}) {
        const auto result = reader.take(n);
        ASSERT_FALSE(result) << n;
        EXPECT_EQ(result.error().category, Category::truncated);
    }
    EXPECT_EQ(reader.position(), 1u);
}

TEST(byte_reader, take_of_everything_and_of_nothing_succeeds) {
    ByteReader reader = reader_of("abc");
    EXPECT_EQ((*reader.take(3)).size(), 3u);
    EXPECT_EQ((*reader.take(0)).size(), 0u);
    ByteReader empty = reader_of("");
    EXPECT_TRUE(empty.take(0));
    EXPECT_FALSE(empty.take(1));
    EXPECT_FALSE(empty.read<uint8_t>());
}

}  // namespace
}  // namespace m2w
