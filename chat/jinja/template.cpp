// template.cpp — the border of the engine: what is thrown inside becomes an error value here.
#include "chat/jinja/template.h"

#include <new>

#include "chat/jinja/evaluator.h"
#include "chat/jinja/json.h"
#include "chat/jinja/lexer.h"
#include "chat/jinja/parser.h"
#include "chat/jinja/text.h"

namespace m2w::jinja {
namespace {

/// Values may be megabytes long: of a message of this engine only its beginning is of use. What a
/// template says is its own.
std::string shortened(std::string message, ErrorKind kind) {
    constexpr size_t kMaxBytes = 500;
    if (kind == ErrorKind::raise || message.size() <= kMaxBytes) return message;
    size_t end = kMaxBytes;
    while ((uint8_t(message[end]) & 0xc0) == 0x80) --end;
    return message.substr(0, end) + "...";
}

RenderError to_render_error(const Failure& failure, Position fallback) {
    return {failure.kind, shortened(failure.message, failure.kind),
            failure.at.line ? failure.at : fallback};
}

RenderError out_of_memory(Position at) {
    return {ErrorKind::limit, "out of memory", at};
}

}  // namespace

std::string_view error_kind_name(ErrorKind kind) {
    constexpr std::string_view kNames[] = {"syntax",   "raise",         "undefined",   "type",
                                           "value",    "zero_division", "overflow",    "lookup",
                                           "security", "runtime",       "unsupported", "limit"};
    static_assert(std::size(kNames) == size_t(ErrorKind::limit) + 1);
    return kNames[size_t(kind)];
}

std::string RenderError::str() const {
    if (at.line == 0) return message;
    return fmt::format("line {}, column {}: {}", at.line, at.column, message);
}

Error to_error(const RenderError& error) {
    return {Category::chat_template, error.str()};
}

Outcome<Template> Template::parse_detailed(std::string_view source, const Limits& limits) {
    if (source.size() > limits.source_bytes)
        return RenderError{ErrorKind::limit,
                           fmt::format("template of more than {} bytes", limits.source_bytes),
                           {}};
    if (!text::is_valid(source))
        return RenderError{ErrorKind::syntax, "template is not valid UTF-8", {}};
    try {
        Parser parser(tokenize(source, limits), limits);
        Template out(parser.parse_module());
        check_names(out.module());
        return out;
    } catch (const Failure& failure) {
        return to_render_error(failure, {});
    } catch (const std::bad_alloc&) {
        return out_of_memory({});
    }
}

Result<Template> Template::parse(std::string_view source, const Limits& limits) {
    auto outcome = parse_detailed(source, limits);
    if (const auto* error = std::get_if<RenderError>(&outcome)) return to_error(*error);
    return std::get<Template>(std::move(outcome));
}

Outcome<Rendering> Template::render_detailed(const Value& globals,
                                             const RenderOptions& options) const {
    Runtime rt(options.limits, options.now, options.forgiving);
    try {
        Value imported = import_value(rt, globals);
        if (!imported.is(Kind::map)) imported = rt.map({});
        Rendering out;
        out.text = Evaluator(rt, *module_, std::move(imported)).run();
        out.steps = rt.steps_used();
        out.peak_bytes = rt.peak_bytes();
        return out;
    } catch (const Failure& failure) {
        return to_render_error(failure, rt.at);
    } catch (const std::bad_alloc&) {
        return out_of_memory(rt.at);
    }
}

Result<std::string> Template::render(const Value& globals, const RenderOptions& options) const {
    auto outcome = render_detailed(globals, options);
    if (const auto* error = std::get_if<RenderError>(&outcome)) return to_error(*error);
    return std::get<Rendering>(std::move(outcome)).text;
}

}  // namespace m2w::jinja
