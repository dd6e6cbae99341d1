// terminal_test.cpp — what may reach a terminal.
#include "chat/terminal.h"

#include <gtest/gtest.h>

namespace m2w {
namespace {

TEST(terminal, controls_are_spelled_out_and_text_is_not_touched) {
    EXPECT_EQ(escape_for_terminal("plain\ttext\nGrüße 世界 🦉"),
              "plain\ttext\nGrüße 世界 🦉");
    EXPECT_EQ(escape_for_terminal("\x1b[31mred"), "\\x1b[31mred");
    EXPECT_EQ(escape_for_terminal("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
    EXPECT_EQ(escape_for_terminal("over\rwrite\b\x7f"), "over\\x0dwrite\\x08\\x7f");
    EXPECT_EQ(escape_for_terminal(std::string_view("nul\0", 4)), "nul\\x00");
}

TEST(terminal, eight_bit_controls_are_spelled_out_in_both_forms) {
    EXPECT_EQ(escape_for_terminal("\xc2\x9b"
                                  "31m"),
              "\\u009b31m");
    EXPECT_EQ(escape_for_terminal("\x9b"
                                  "31m"),
              "\xef\xbf\xbd"
              "31m")
        << "no UTF-8: replaced";
}

TEST(terminal, broken_utf8_becomes_the_replacement_character) {
    EXPECT_EQ(escape_for_terminal("a\xffz"), "a\xef\xbf\xbdz");
    EXPECT_EQ(escape_for_terminal("a\xe4\xb8"), "a\xef\xbf\xbd");
    EXPECT_EQ(escape_for_terminal("\xf4\x90\x80\x80").find('\x90'), std::string::npos);
}

TEST(terminal, a_bar_for_a_stream_that_is_no_terminal_writes_nothing) {
    std::FILE* file = std::tmpfile();
    {
        ProgressBar bar(file, "loading");
        bar.update(1, 2);
        bar.update(2, 2);
    }
    EXPECT_EQ(std::ftell(file), 0);
    EXPECT_FALSE(wants_color(file));
    std::fclose(file);
}

}  // namespace
}  // namespace m2w
