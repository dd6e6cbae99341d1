// golden.h — reads the golden conversations and snippets with the engine's own JSON reader, which
// keeps what they are about: key order, and 1 beside 1.0.
#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "chat/jinja/json.h"
#include "chat/jinja/template.h"
#include "tests/support/shared.h"

namespace m2w::jinja::test {

/// What strftime_now sees in every golden record.
inline constexpr CivilTime kGoldenTime{2026, 7, 4, 12, 0, 0};

inline Value parse_or_die(std::string_view json) {
    auto parsed = from_json(json);
    if (!parsed) ADD_FAILURE() << parsed.error().message;
    return parsed ? *parsed : Value();
}

inline std::vector<Value> read_jsonl(const std::filesystem::path& path) {
    std::vector<Value> out;
    std::istringstream lines(m2w::test::read_text(path));
    for (std::string line; std::getline(lines, line);)
        if (!line.empty()) out.push_back(parse_or_die(line));
    return out;
}

/// A string member, or nullopt when it is absent or null.
inline std::optional<std::string> member(const Value& object, std::string_view key) {
    const Value* v = object.get(key);
    if (!v || !v->is_string()) return std::nullopt;
    return std::string(v->as_string());
}

inline Value member_or(const Value& object, std::string_view key, Value otherwise) {
    const Value* v = object.get(key);
    return v ? *v : otherwise;
}

/// How an outcome compares with a golden record.
struct Verdict {
    bool exact = false;    // what transformers does: this text, or this kind of failure
    bool lenient = false;  // what a forgiving engine may do instead
    std::string found;     // for messages
};

inline Verdict judge(const Value& record, const Outcome<Rendering>& outcome) {
    Verdict out;
    const auto wanted = member(record, "output"), kind = member(record, "error_kind");
    if (const auto* rendering = std::get_if<Rendering>(&outcome)) {
        out.found = rendering->text;
        out.exact = wanted && *wanted == rendering->text;
        const auto lenient = member(record, "lenient_output");
        out.lenient = lenient && *lenient == rendering->text;
        return out;
    }
    const auto& error = std::get<RenderError>(outcome);
    out.found = "error (" + std::string(error_kind_name(error.kind)) + ") " + error.str();
    if (kind == "raise")
        out.exact = error.kind == ErrorKind::raise && error.message == member(record, "error");
    if (kind == "exception") out.exact = error.kind != ErrorKind::raise;
    return out;
}

}  // namespace m2w::jinja::test
