// hostile_test.cpp — templates that try to hang, to fill the memory or to overflow the stack. Each
// must end soon, with little memory, in text or in one error.
#include <ctime>
#include <fstream>
#include <string>

#include "chat/jinja/template.h"
#include "tests/support/shared.h"

namespace m2w::jinja::test {
namespace {

/// A tenth of the default, so that all of this takes seconds: what a step does not pay for shows.
constexpr uint64_t kSteps = 100'000;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
constexpr double kMaxSeconds = kSanitized ? 20 : 1;  // of the processor; a tenth of it is usual
constexpr uint64_t kMaxBytes = 400u << 20;

struct Hostile {
    const char* name;
    std::string source;
};

std::string times(std::string_view text, size_t n) {
    std::string out;
    out.reserve(text.size() * n);
    for (size_t i = 0; i < n; ++i) out += text;
    return out;
}

/// text with # replaced by 0, 1, ... n-1.
std::string numbered(std::string_view text, size_t n) {
    std::string out;
    for (size_t i = 0; i < n; ++i)
        for (const char c : text) {
            if (c == '#') {
                out += std::to_string(i);
            } else {
                out += c;
            }
        }
    return out;
}

std::string over_and_over(const std::string& work) {
    return "{% for i in range(100000) %}" + work + "{% endfor %}";
}

/// Large values, for which the template does not pay: a user's message may be as large.
Value large_values() {
    Map map;
    map.set("big", Value::string(times("x", 8'000'000)));
    map.set("other", Value::string(times("x", 8'000'000)));
    map.set("blank", Value::string(times(" ", 8'000'000)));
    map.set("lines", Value::string(times("\n", 8'000'000)));
    map.set("ones", Value::string(times("1", 8'000'000)));
    map.set("tags", Value::string(times("<a", 4'000'000)));
    map.set("long", Value::string(" " + times("é", 3'000'000)));  // not ASCII
    map.set("json", Value::string("[" + times("\"\",", 2'000'000) + "1]"));
    map.set("deep_json", Value::string(times("[", 8'000'000)));
    map.set("many", Value::list(std::vector<Value>(100'000, Value::integer(1))));
    Map some;
    for (int i = 0; i < 4000; ++i) some.set("k" + std::to_string(i), Value::integer(i));
    map.set("some", Value::map(std::move(some)));
    return Value::map(std::move(map));
}

const std::string kName(1000, 'n');

// What the parser meets.
const std::vector<Hostile> kParsing = {
    {"long name", "{{ " + std::string(2'000'000, 'n') + " }}"},
    {"parameters", "{% macro f(" + numbered("a#,", 200'000) + "b) %}{% endmacro %}"},
    {"named arguments", "{{ f(" + numbered("a#=1,", 200'000) + "b=1) }}"},
    {"blocks", numbered("{%block b#%}{%endblock%}", 70'000)},
    {"elements", "{% set x = [" + times("1,", 1'000'000) + "] %}"},
    {"outputs", times("{{a}}", 400'000)},
    {"elif", "{%if a%}" + times("{%elif a%}", 200'000) + "{%endif%}"},
    {"parentheses", times("{{ ((((((((((", 2000)},
    {"nested lists", "{{ " + times("[", 100'000)},
    {"nested ifs", times("{%if 1%}", 100'000)},
    {"operators", "{{ 1" + times("+1", 500'000) + " }}"},
    {"filters", "{{ 1" + times("|abs", 400'000) + " }}"},
    {"subscripts", "{{ a" + times("[0]", 500'000) + " }}"},
    {"signs", "{{ " + times("-", 1'000'000) + "1 }}"},
    {"nots", "{{ " + times("not ", 400'000) + "1 }}"},
    {"inline ifs", "{{ 1" + times(" if 1 else 1", 100'000) + " }}"},
    {"digits", "{{ " + std::string(2'000'000, '9') + " }}"},
    {"names in nested loops", times("{%for x in y%}", 90) + times("{{a}}", 300'000)},
};

// What never ends.
const std::vector<Hostile> kEndless = {
    {"range", over_and_over("{% for j in range(100000) %}{% endfor %}")},
    {"macro recursion", "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}"},
    {"macro fan-out", "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(0) }}"},
    {"loop recursion", "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}"},
    {"block recursion", "{% block a %}{{ self.a() }}{% endblock %}"},
    {"doubling", "{% set ns = namespace(x='x') %}" + over_and_over("{% set ns.x = ns.x ~ ns.x %}")},
    {"powers", over_and_over("{{ (9 ** 5000) is none }}")},
    {"division", over_and_over("{{ ((9 ** 5000) // (7 ** 2500)) is none }}")},
    {"shared lists",
     "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}"
     "{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}"},
    {"shared lists compared",
     "{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(60) %}"
     "{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}{% endfor %}"
     "{{ ns.l == ns.m }}"},
    {"generators",
     "{% set ns = namespace(g=[1]) %}{% for i in range(20000) %}"
     "{% set ns.g = ns.g|map('string') %}{% endfor %}{{ ns.g|list }}"},
};

// Work on large values that looks cheap.
const std::vector<Hostile> kLarge = {
    {"long names", "{% set d = {'" + kName + "': 1} %}" + over_and_over("{{ d." + kName + " }}")},
    {"long undefined names", over_and_over("{{ " + kName + " }}")},
    {"long macro names",
     "{% macro " + kName + "() %}{% endmacro %}" + over_and_over("{{" + kName + "()}}")},
    {"many parameters",
     "{% macro f(" + numbered("a#,", 990) + "b) %}{% endmacro %}" + over_and_over("{{ f() }}")},
    {"many keywords", "{% macro f(" + numbered("a#,", 990) + "b) %}{{ kwargs }}{% endmacro %}" +
                          over_and_over("{{ f(**some) }}")},
    {"self", numbered("{%if a%}{%endif%}", 30'000) + over_and_over("{{ self.a }}")},
    {"strip", over_and_over("{% if (' ' * 8000000).strip() %}{% endif %}")},
    {"strip big", over_and_over("{{ blank.strip() }}{{ blank.lstrip() }}")},
    {"isidentifier", over_and_over("{{ big.isidentifier() }}")},
    {"slice", over_and_over("{{ big[0:2:2] }}")},
    {"slice long", over_and_over("{{ long[0:1] }}")},
    {"index long", over_and_over("{{ long[500000] }}")},
    {"truncate", over_and_over("{{ long|truncate(900000) }}")},
    {"startswith", over_and_over("{{ 'x'.startswith(('q',) * 10000) }}")},
    {"separator", over_and_over("{{ 'x'.split(big) }}")},
    {"partition", over_and_over("{{ 'x'.partition(big) }}")},
    {"rfind", over_and_over("{{ 'x'.rfind(big) }}")},
    {"find", over_and_over("{{ big.find('xxxxxxxxxxy') }}")},
    {"safe split", over_and_over("{{ ('x'|safe).split(big) }}")},
    {"replace", over_and_over("{{ 'x'.replace(big, big) }}")},
    {"removeprefix", over_and_over("{{ 'x'.removeprefix(big) }}")},
    {"file size", over_and_over("{{ ones|filesizeformat }}")},
    {"int", over_and_over("{{ ones[:4900]|int is none }}")},
    {"int of base 2", over_and_over("{{ ones[:16000]|int(0, 2) is none }}")},
    {"float", over_and_over("{{ ones|float }}")},
    {"format fields", "{% set f = '{0[0]}' * 100000 %}" + over_and_over("{{ f.format(('',)) }}")},
    {"format names", "{% set f = '{k3999}' * 100000 %}" + over_and_over("{{ f.format(**some) }}")},
    {"percent", "{% set f = '%s' * 100000 %}" + over_and_over("{{ f % (('',) * 100000) }}")},
    {"percent keys", "{% set f = '%(k)s' * 100000 %}" + over_and_over("{{ f % {'k': ''} }}")},
    {"map arguments", "{{ ([1] * 100000)|map('string', " + times("1,", 100'000) + ")|list }}"},
    {"select arguments",
     "{{ ([1] * 100000)|select('divisibleby', " + times("1,", 100'000) + ")|list }}"},
    {"remove many", over_and_over("{% set x = many.remove(1) %}")},
    {"pop first", over_and_over("{% set x = many.pop(0) %}")},
    {"insert first", over_and_over("{% set x = many.insert(0, 1) %}")},
    {"count", over_and_over("{{ many.count(2) }}")},
    {"in", over_and_over("{{ 2 in many }}")},
    {"copy", over_and_over("{{ many.copy() is none }}")},
    {"dict copy", over_and_over("{{ some.copy() is none }}")},
    {"keywords", over_and_over("{{ dict(**some) is none }}")},
    {"undefined key", over_and_over("{{ {}[big] }}")},
    {"attr", over_and_over("{{ {}|attr(big) }}")},
    {"quote", over_and_over("{{ {big: 1} is none }}")},
    {"hash", over_and_over("{{ (big,) in {} }}")},
    {"equal strings", over_and_over("{{ big == other }}")},
    {"upper", over_and_over("{{ long|upper is none }}")},
    {"wordwrap", over_and_over("{{ big|wordwrap(1) is none }}")},
    {"wordwrap blanks", over_and_over("{{ ('a ' * 50000)|wordwrap(1) is none }}")},
    {"splitlines", over_and_over("{{ lines.splitlines() is none }}")},
    {"indent", over_and_over("{{ lines[:1000000]|indent is none }}")},
    {"striptags", over_and_over("{{ tags|striptags is none }}")},
    {"pprint", over_and_over("{{ many|pprint is none }}")},
    {"tojson", over_and_over("{{ many|tojson(indent=0) is none }}")},
    {"tojson of nested lists",
     "{% set ns = namespace(l=[1] * 50000) %}{% for i in range(1500) %}"
     "{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l|tojson(indent=0) is none }}"},
    {"nested scopes", times("{% with %}", 95) + "{% for i in range(100000) %}{{ a }}{% endfor %}" +
                          times("{% endwith %}", 95)},
    {"groupby", over_and_over("{{ many|groupby(0) is none }}")},
    {"sort by many", "{{ ([[1]] * 100000)|sort(attribute='" + times("0,", 500'000) + "0') }}"},
    {"cycle", over_and_over("{{ loop.cycle(" + times("1,", 10'000) + "1) }}")},
    {"strftime", "{% set s = '%64Y' * 100000 %}" + over_and_over("{{ strftime_now(s) is none }}")},
    {"center", over_and_over("{{ 'x'.center(8000000) is none }}")},
    {"repeat", over_and_over("{{ ('x' * 8000000) is none }}")},
};

// What only grows.
const std::vector<Hostile> kMemory = {
    {"captured text", "{% macro f(n) %}{{ 'x' * 8000000 }}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}"},
    {"strings kept",
     "{% set ns = namespace(l=[]) %}{% for i in range(100000) %}"
     "{% set ns.l = [ns.l, 'x' * 8000000] %}{% endfor %}"},
    {"undefined kept",
     "{% set ns = namespace(l=[]) %}{% for i in range(100000) %}"
     "{% set ns.l = [ns.l, " +
         kName + "] %}{% endfor %}"},
    {"maps kept",
     "{% set ns = namespace(l=[]) %}{% for i in range(100000) %}"
     "{% set ns.l = [ns.l, some.copy()] %}{% endfor %}"},
    {"lists grown",
     "{% set l = [] %}{% for i in range(100000) %}"
     "{% set x = l.extend([1] * 1000) %}{% endfor %}"},
    {"maps grown",
     "{% set l = [] %}{% for i in range(100000) %}{% set d = {} %}"
     "{% set x = l.append(d) %}{% set x = d.update(k=d, l=d, m=d) %}{% endfor %}"},
    {"list in itself", "{% set l = [] %}{% set x = l.append(l) %}{{ l }}"},
    {"json", "{{ json[:700000]|from_json is none }}{{ json|from_json is none }}"},
    {"nested json", "{{ deep_json[:500000]|from_json }}"},
};

double cpu_seconds() {
    return double(std::clock()) / CLOCKS_PER_SEC;
}

/// A line of /proc/self/status in bytes: VmRSS or VmHWM, its peak; 0 where there is no such file.
uint64_t memory_bytes(std::string_view which) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(which))
            return std::strtoull(line.c_str() + which.size() + 1, nullptr, 10) * 1024;
    return 0;
}

std::string run(const std::string& source, const Value& globals) {
    auto parsed = Template::parse_detailed(source);
    if (const auto* error = std::get_if<RenderError>(&parsed)) return error->str();
    RenderOptions options;
    options.forgiving = true;
    options.now = CivilTime{};
    options.limits.steps = kSteps;
    const auto outcome = std::get<Template>(parsed).render_detailed(globals, options);
    if (const auto* error = std::get_if<RenderError>(&outcome)) return error->str();
    return "ok";
}

TEST(hostile_templates, end_soon_with_little_memory) {
    const Value globals = large_values();
    const uint64_t before = memory_bytes("VmRSS");
    for (const auto* group : {&kParsing, &kEndless, &kLarge, &kMemory})
        for (const Hostile& h : *group) {
            const double begin = cpu_seconds();
            const std::string found = run(h.source, globals);
            EXPECT_LT(cpu_seconds() - begin, kMaxSeconds) << h.name << ": " << found;
            EXPECT_LT(found.size(), 1000u) << h.name;
        }
    if (!kSanitized) {
        EXPECT_LT(memory_bytes("VmHWM") - before, kMaxBytes);
    }
}

}  // namespace
}  // namespace m2w::jinja::test
