// template_features.h — what a chat template does with its input, found out by rendering short
// conversations. Judges by what reaches the text, not by how the template is written.
#pragma once
#include <string>

#include "chat/template.h"

namespace m2w {

struct ChatFeatures {
    bool messages = false;        // a user's message reaches the text, with nothing else given
    bool system = false;          // a system message reaches the text
    bool tools = false;           // so do tool definitions,
    bool tool_calls = false;      // the calls of an assistant message and their results,
    bool parallel_calls = false;  // several calls of one message,
    bool documents = false;       // documents
    /// Knows of thoughts beside the answer: has a switch for them, shows those of a message, drops
    /// old ones from the history, or begins the answer with them.
    bool thinking = false;
    /// The variable that turns thinking on and off or sets its amount; empty: none does.
    std::string thinking_switch;

    /// "system, tools, parallel calls, thinking (enable_thinking)"; "messages only". Begins with
    /// "no messages" when the template wants what a chat does not have.
    std::string str() const;
};

/// Renders a few dozen short conversations, under limits that keep any template to a second or two.
/// What a template refuses it does not support.
ChatFeatures find_features(const ChatTemplate& tmpl);

}  // namespace m2w
