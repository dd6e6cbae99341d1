// script_text_test.cpp — what is printed reads back as what was meant.
#include "web-export/script_text.h"

#include <gtest/gtest.h>

#include <array>

namespace m2w::web {
namespace {

TEST(ScriptText, StringsKeepQuotesBackslashesAndControls) {
    EXPECT_EQ(script_string("blk.0.w"), "'blk.0.w'");
    EXPECT_EQ(script_string("it's \\ \n"), "'it\\'s \\\\ \\n'");
}

TEST(ScriptText, NothingEndsAStringOrItsScriptElement) {
    EXPECT_EQ(script_string("</script><!--"), "'<\\/script><\\!--'");
    EXPECT_EQ(script_string("a\u2028b\u2029c\ufeff\u202e\x01"),
              "'a\\u{2028}b\\u{2029}c\\u{feff}\\u{202e}\\x01'");
    EXPECT_EQ(script_string("é 日 😀"), "'é 日 😀'");
    EXPECT_EQ(script_variable("delete"), "delete_");
    EXPECT_EQ(script_variable("9é"), "_9__");
    EXPECT_FALSE(is_script_property("__proto__"));
    EXPECT_FALSE(is_script_property("a-b"));
    EXPECT_TRUE(is_script_property("class"));
}

TEST(ScriptText, TemplatesEndOnlyWhereTheyShould) {
    EXPECT_EQ(script_template("a `b` ${c} \\d"), "`a \\`b\\` \\${c} \\\\d`");
}

TEST(ScriptText, FloatsAreTheSameWhenReadAsDoublesFirst) {
    for (const float value : {0.0f, 1e-5f, 0.1f, 3.4e38f, 1.17e-38f, -0.17677669f, 16777216.0f})
        EXPECT_EQ(float(std::strtod(script_float(value).c_str(), nullptr)), value);
    EXPECT_EQ(script_float(1e-5f), "1e-05");
}

TEST(ScriptText, Base64IsPadded) {
    const std::array<std::byte, 4> bytes{std::byte(0xfb), std::byte(0xff), std::byte(0),
                                         std::byte('m')};
    EXPECT_EQ(base64(std::span(bytes).first(0)), "");
    EXPECT_EQ(base64(std::span(bytes).first(1)), "+w==");
    EXPECT_EQ(base64(std::span(bytes).first(2)), "+/8=");
    EXPECT_EQ(base64(std::span(bytes).first(3)), "+/8A");
    EXPECT_EQ(base64(bytes), "+/8AbQ==");
}

TEST(ScriptText, NamesAreIdentifiersAndTheirOwn) {
    EXPECT_EQ(script_name("blk.0.attn_q.weight"), "blk_0_attn_q");
    EXPECT_EQ(script_name("3d-model"), "_3d_model");
    ScriptNames names;
    EXPECT_EQ(names.unique("a"), "a");
    EXPECT_EQ(names.unique("a"), "a_2");
    EXPECT_EQ(names.unique("a_2"), "a_2_2");
}

}  // namespace
}  // namespace m2w::web
