// limits_test.cpp — every bound of chat/jinja/limits.h at its value and one beyond, and where
// errors say that they are.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "chat/jinja/template.h"
#include "tests/support/shared.h"

namespace m2w::jinja::test {
namespace {

std::string repeat(std::string_view text, size_t n) {
    std::string out;
    for (size_t i = 0; i < n; ++i) out += text;
    return out;
}

/// The text, or "kind: line 1, column 2: message".
std::string outcome(const std::string& source, const Limits& limits = {}, bool forgiving = false) {
    const auto failed = [](const RenderError& e) {
        return std::string(error_kind_name(e.kind)) + ": " + e.str();
    };
    auto parsed = Template::parse_detailed(source, limits);
    if (const auto* error = std::get_if<RenderError>(&parsed)) return failed(*error);
    RenderOptions options;
    options.limits = limits;
    options.forgiving = forgiving;
    const auto rendered = std::get<Template>(parsed).render_detailed(Value(), options);
    if (const auto* error = std::get_if<RenderError>(&rendered)) return failed(*error);
    return std::get<Rendering>(rendered).text;
}

struct Case {
    const char* name;
    std::function<void(Limits&)> set;
    std::string within, beyond;  // templates
    std::string error;           // of the second
};

const std::string kRecursive = "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{% endif %}{% endmacro %}";

const Case kCases[] = {
    {"source_bytes", [](Limits& l) { l.source_bytes = 10; }, "0123456789", "0123456789a",
     "limit: template of more than 10 bytes"},
    {"tokens", [](Limits& l) { l.tokens = 7; }, "{{ 1 }}{{ 2 }}", "{{ 1 }}{{ 2 }}\n{{ 3 }}",
     "limit: line 2, column 1: template of more than 7 tokens"},
    {"name_bytes", [](Limits& l) { l.name_bytes = 4; }, "{{ abcd }}", "\n{{ abcde }}",
     "limit: line 2, column 4: name of more than 4 bytes"},
    {"parameters", [](Limits& l) { l.arguments = 2; }, "{% macro f(a, b) %}{% endmacro %}",
     "{% macro f(a, b, c) %}{% endmacro %}",
     "limit: line 1, column 18: more than 2 parameters or keyword arguments"},
    {"keywords", [](Limits& l) { l.arguments = 2; }, "{{ dict(a=1, b=2)|length }}",
     "{{ dict(a=1, b=2, c=3)|length }}",
     "limit: line 1, column 21: more than 2 parameters or keyword arguments"},
    {"parse_depth of lists", [](Limits& l) { l.parse_depth = 10; },
     "{{ " + repeat("[", 8) + repeat("]", 8) + " }}",
     "{{ " + repeat("[", 10) + repeat("]", 10) + " }}",
     "limit: line 1, column 13: nested more than 10 deep"},
    {"parse_depth of statements", [](Limits& l) { l.parse_depth = 10; },
     repeat("{% if 1 %}", 8) + repeat("{% endif %}", 8),
     repeat("{% if 1 %}", 10) + repeat("{% endif %}", 10),
     "limit: line 1, column 101: nested more than 10 deep"},
    {"expression_height", [](Limits& l) { l.expression_height = 10; },
     "{{ 1" + repeat("+1", 9) + " }}", "{{ 1" + repeat("+1", 10) + " }}",
     "limit: line 1, column 26: expression of more than 10 operations in a row"},
    {"call_depth of macros", [](Limits& l) { l.call_depth = 10; }, kRecursive + "{{ f(9) }}",
     kRecursive + "{{ f(10) }}",
     "limit: line 1, column 31: maximum recursion depth exceeded (10 calls)"},
    {"call_depth of loops", [](Limits& l) { l.call_depth = 10; },
     "{% for x in [1] recursive %}{% if loop.depth < 11 %}{{ loop([1]) }}{% endif %}"
     "{% endfor %}",
     "{% for x in [1] recursive %}{% if loop.depth < 12 %}{{ loop([1]) }}{% endif %}"
     "{% endfor %}",
     "limit: line 1, column 60: maximum recursion depth exceeded (10 calls)"},
    {"eval_depth", [](Limits& l) { l.eval_depth = 10; },
     "{{ " + repeat("[", 8) + repeat("]", 8) + " }}",
     "{{ " + repeat("[", 10) + repeat("]", 10) + " }}",
     "limit: line 1, column 12: maximum recursion depth exceeded (10)"},
    {"steps", [](Limits& l) { l.steps = 50; }, "{% for i in range(10) %}{{ i }}{% endfor %}",
     "{% for i in range(20) %}{{ i }}{% endfor %}", "limit: line 1, column 25: more than 50 steps"},
    {"output_bytes", [](Limits& l) { l.output_bytes = 10; },
     "{% for i in range(10) %}{{ i }}{% endfor %}", "{% for i in range(11) %}{{ i }}{% endfor %}",
     "limit: line 1, column 25: output of more than 10 bytes"},
    {"value_bytes of strings", [](Limits& l) { l.value_bytes = 100; }, "{{ 'x' * 100 }}",
     "{{ 'x' * 101 }}", "limit: line 1, column 8: string of more than 100 bytes"},
    {"value_bytes of text under way", [](Limits& l) { l.value_bytes = 100; },
     "{% set x %}" + repeat("x", 100) + "{% endset %}",
     "{% set x %}" + repeat("x", 101) + "{% endset %}",
     "limit: line 1, column 12: output of more than 100 bytes"},
    {"value_bytes of lists", [](Limits& l) { l.value_bytes = 160; }, "{{ ([1] * 10)|length }}",
     "{{ ([1] * 11)|length }}", "limit: line 1, column 9: list of more than 10 elements"},
    {"live_bytes", [](Limits& l) { l.live_bytes = 100'000; }, "{% set x = 'x' * 90000 %}",
     "{% set x = 'x' * 90000 %}{% set y = 'y' * 90000 %}",
     "limit: line 1, column 41: values need more than 100000 bytes"},
    {"live_bytes of what is no longer used", [](Limits& l) { l.live_bytes = 100'000; },
     "{% for i in range(10) %}{% set x = 'x' * 90000 %}{% endfor %}",
     "{% set x = ['x' * 90000, 'y' * 90000] %}",
     "limit: line 1, column 30: values need more than 100000 bytes"},
    {"range_items", [](Limits& l) { l.range_items = 10; }, "{{ range(10)|length }}",
     "{{ range(11)|length }}",
     "overflow: line 1, column 9: Range too big. The sandbox blocks ranges larger than 10."},
    {"integer_bits", [](Limits& l) { l.integer_bits = 100; }, "{{ 2 ** 99 }}", "{{ 2 ** 100 }}",
     "limit: line 1, column 6: integer wider than 100 bits"},
    {"integer_bits of literals", [](Limits& l) { l.integer_bits = 100; },
     "{{ 0x" + repeat("f", 25) + " }}", "{{ 0x1" + repeat("0", 25) + " }}",
     "limit: line 1, column 4: integer wider than 100 bits"},
};

TEST(limits, each_holds_at_its_value_and_fails_one_beyond) {
    for (const Case& c : kCases) {
        SCOPED_TRACE(c.name);
        Limits limits;
        c.set(limits);
        const std::string within = outcome(c.within, limits);
        EXPECT_EQ(within.find("limit: "), std::string::npos) << within;
        EXPECT_EQ(within.find("overflow: "), std::string::npos) << within;
        EXPECT_EQ(outcome(c.beyond, limits), c.error);
    }
}

std::string with_commas(uint64_t n) {
    if (n < 1000) return std::to_string(n);
    return fmt::format("{},{:03}", with_commas(n / 1000), n % 1000);
}

TEST(limits, limits_md_lists_the_defaults) {
    const std::string page =
        m2w::test::read_text(std::filesystem::path(M2W_SOURCE_DIR) / "docs/limits.md");
    const Limits l;
    const std::pair<const char*, uint64_t> rows[] = {
        {"template, bytes", l.source_bytes},
        {"template, tokens", l.tokens},
        {"name, bytes", l.name_bytes},
        {"parameters of a macro, keywords of a call", l.arguments},
        {"nested statements and brackets", l.parse_depth},
        {"operations in a row", l.expression_height},
        {"calls inside each other", l.call_depth},
        {"nodes and values inside each other", l.eval_depth},
        {"steps", l.steps},
        {"rendered text, bytes", l.output_bytes},
        {"one value, bytes", l.value_bytes},
        {"all values at a time, bytes", l.live_bytes},
        {"elements of a range", l.range_items},
        {"integer, bits", l.integer_bits},
    };
    for (const auto& [name, value] : rows) {
        const std::string row = fmt::format("| {} | {} |", name, with_commas(value));
        EXPECT_NE(page.find(row), std::string::npos) << "docs/limits.md has no row " << row;
    }
}

/// What a list or map grew by while it was changed counts, and so does text that a macro holds.
TEST(limits, memory_that_grows_is_counted) {
    Limits limits;
    limits.live_bytes = 50'000;
    const char* const growing[] = {
        "{% set l = [] %}{% for i in range(9999) %}{% set x = l.append(i) %}{% endfor %}",
        "{% set l = [] %}{% for i in range(9999) %}{% set x = l.extend([i]) %}{% endfor %}",
        "{% set l = [] %}{% for i in range(9999) %}{% set x = l.insert(i, i) %}{% endfor %}",
        "{% set d = {} %}{% for i in range(2000) %}{% set x = d.setdefault(i, i) %}{% endfor %}",
        "{% set d = {} %}{% for i in range(999) %}{% set x = d.update({i: i}) %}{% endfor %}",
        ("{% macro f() %}{% for i in range(999) %}{{ 'xxxxxxxxxx' * 100 }}{{ f() }}{% endfor %}"
         "{% endmacro %}{{ f() }}"),
    };
    for (const char* source : growing) {
        const std::string found = outcome(source, limits, true);
        EXPECT_NE(found.find("values need more than 50000 bytes"), std::string::npos)
            << source << "\n"
            << found;
    }
}

TEST(errors, say_line_and_column_in_characters) {
    EXPECT_EQ(outcome("a\nb {{ 'x' + 1 }}"),
              "type: line 2, column 10: can only concatenate str (not \"int\") to str");
    EXPECT_EQ(outcome("é😀{{ x.y }}"), "undefined: line 1, column 7: 'x' is undefined");
    EXPECT_EQ(outcome("a\r\nb\r{{ 1 + }}"),
              "syntax: line 3, column 8: unexpected 'end of print statement'");
    EXPECT_EQ(outcome("{% for x in [1, 0] %}\n{{ 1 // x }}{% endfor %}"),
              "zero_division: line 2, column 6: integer division or modulo by zero");
    EXPECT_EQ(outcome("{{ raise_exception('no <tool> here') }}"),
              "raise: line 1, column 19: no <tool> here");
    EXPECT_EQ(outcome("{% macro f(x) %}\n{{ x.a.b }}{% endmacro %}\n\n{{ f({}) }}"),
              "undefined: line 2, column 7: 'dict object' has no attribute 'a'");
    EXPECT_EQ(outcome("\xff"), "syntax: template is not valid UTF-8");
}

TEST(errors, are_short_unless_the_template_speaks) {
    EXPECT_LT(outcome("{{ {}['" + repeat("é", 100'000) + "'].x }}").size(), 600u);
    EXPECT_EQ(outcome("{{ raise_exception('x' * 5000) }}").size(), 5000u + 26);
}

}  // namespace
}  // namespace m2w::jinja::test
