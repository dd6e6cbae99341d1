// golden.h — compares an outcome of the engine with what a golden record expects of it.
#pragma once
#include <string>

#include "tests/jinja/chats.h"

namespace m2w::jinja::test {

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

/// What a record expects, for messages.
inline std::string expectation(const Value& record) {
    if (const auto wanted = member(record, "output")) return *wanted;
    return "error " + member(record, "error").value_or("?");
}

}  // namespace m2w::jinja::test
