// check_rendering.cpp — the invariants of renderings, stated without the engine's own code.
#include "chat/jinja/fuzz/check_rendering.h"

#include <utf8.h>

#include <algorithm>
#include <ctime>

#include "chat/jinja/json.h"
#include "chat/jinja/template.h"

namespace m2w::jinja::fuzz {
namespace {

// Of the processor, for one rendering of at most kSteps: 2 ms are usual without sanitizers.
constexpr double kMaxSeconds = 1;
constexpr uint64_t kSteps = 20'000;

Limits low_limits() {
    Limits limits;
    limits.tokens = 8192;
    limits.name_bytes = 64;
    limits.arguments = 20;
    limits.parse_depth = 40;
    limits.expression_height = 100;
    limits.call_depth = 20;
    limits.eval_depth = 400;
    limits.steps = kSteps;
    limits.output_bytes = limits.value_bytes = 64 << 10;
    limits.live_bytes = 4 << 20;
    limits.range_items = 1000;
    limits.integer_bits = 512;
    return limits;
}

double cpu_seconds() {
    return double(std::clock()) / CLOCKS_PER_SEC;
}

bool is_utf8(std::string_view text) {
    return utf8::is_valid(text.begin(), text.end());
}

void check_error(const RenderError& error, std::string_view source) {
    M2W_ASSERT(is_utf8(error.message));
    M2W_ASSERT(error.kind == ErrorKind::raise || !error.message.empty());
    M2W_ASSERT(error.kind == ErrorKind::raise || error.message.size() < 1000);
    // CR ends a line as well.
    const auto is_line_end = [](char c) { return c == '\n' || c == '\r'; };
    M2W_ASSERT(error.at.line <= 1 + std::ranges::count_if(source, is_line_end));
    M2W_ASSERT(error.at.column <= source.size() + 1);
}

/// The text, or the error behind a mark that no text starts with.
std::string render(const Template& tmpl, const Value& variables, bool forgiving,
                   std::string_view source) {
    RenderOptions options;
    options.limits = low_limits();
    options.now = CivilTime{2026, 7, 4, 12, 0, 0};
    options.forgiving = forgiving;
    const double begin = cpu_seconds();
    const auto outcome = tmpl.render_detailed(variables, options);
    M2W_ASSERT(cpu_seconds() - begin < kMaxSeconds);
    if (const auto* error = std::get_if<RenderError>(&outcome)) {
        check_error(*error, source);
        return '\0' + error->str();
    }
    const auto& rendering = std::get<Rendering>(outcome);
    M2W_ASSERT(is_utf8(rendering.text));
    M2W_ASSERT(rendering.text.size() <= options.limits.output_bytes);
    M2W_ASSERT(rendering.steps <= options.limits.steps);
    M2W_ASSERT(rendering.peak_bytes <= options.limits.live_bytes);
    return '+' + rendering.text;
}

std::string json_of(const Value& v) {
    const auto json = to_json(v);
    return json ? *json : json.error().message;
}

}  // namespace

void check_rendering(std::string_view source, std::string_view json) {
    const double begin = cpu_seconds();
    const auto parsed = Template::parse_detailed(source, low_limits());
    M2W_ASSERT(cpu_seconds() - begin < kMaxSeconds);
    if (const auto* error = std::get_if<RenderError>(&parsed)) {
        check_error(*error, source);
        return;
    }
    const auto& tmpl = std::get<Template>(parsed);
    for (const std::string& name : tmpl.usage().variables) M2W_ASSERT(!name.empty());

    const auto read = from_json(json);
    const Value variables = read ? *read : Value();
    const std::string before = json_of(variables);
    const std::string strict = render(tmpl, variables, false, source);
    M2W_ASSERT(render(tmpl, variables, false, source) == strict);
    const std::string forgiving = render(tmpl, variables, true, source);
    if (strict[0] == '+') M2W_ASSERT(forgiving == strict);
    M2W_ASSERT(json_of(variables) == before);
}

}  // namespace m2w::jinja::fuzz
