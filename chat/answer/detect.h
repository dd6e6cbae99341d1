// detect.h — finds out in which forms a model answers: by what its chat template renders and holds,
// never by the model's name.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "chat/answer/answer_parser.h"
#include "chat/template.h"

namespace m2w {

/// How a template wants the calls of earlier turns.
struct CallStyle {
    bool arguments_as_text = false;  // JSON in a string; else an object
    bool content_none = false;       // a message with calls and no text has content none; else ""
};

struct AnswerForms {
    AnswerFormat format;
    CallStyle style;
    /// Whether the template tells the model of its tools.
    bool shows_tools = false;
    /// Whether the template renders calls so that the parser reads them back: `format.calls` is
    /// sure then, and else follows from markers in the template or the vocabulary.
    bool rendered = false;
};

/// Whether a text is one token of the model's vocabulary.
using HasTokenFn = std::function<bool(std::string_view)>;

AnswerForms detect_answer_forms(const ChatTemplate& chat_template,
                                const HasTokenFn& has_token = {});

/// The part of a rendered conversation that its last message, the assistant's, brought: behind
/// `prompt` (the messages before it, with the prompt for an answer), or, where the template renders
/// the answer otherwise, behind what it has in common with `before` (without that prompt).
std::string_view answer_part(std::string_view rendered, std::string_view prompt,
                             std::string_view before);

}  // namespace m2w
