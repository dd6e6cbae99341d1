// events.h — what an answer consists of, in the order in which the model writes it. Knows no
// format.
#pragma once
#include <cstdint>
#include <functional>
#include <string_view>

namespace m2w {

/// Why a call could not be read.
enum class CallFault : uint8_t {
    malformed,  // not in the form that the model's chat template shows
    truncated,  // the answer ended inside it
    too_large,  // longer, deeper nested, or more calls than AnswerLimits allow
    count
};
/// "malformed", "truncated", "too_large".
std::string_view call_fault_name(CallFault fault);

/// One piece of an answer. Of a call: one call_begin, any number of call_arguments, then one
/// call_end; or, at any point of it, also in place of call_begin, one call_failed. Calls do not
/// overlap each other or text.
struct AnswerEvent {
    enum class Kind : uint8_t {
        text,            // the next part of the answer
        reasoning,       // the next part of what the model thinks before it answers
        call_begin,      // text is the tool's name
        call_arguments,  // text is the next part of a JSON object; the parts together are valid
        call_end,
        call_failed,  // text is the call as the model wrote it; its earlier parts do not count
    };
    Kind kind = Kind::text;
    std::string_view text;  // whole characters; valid during the callback
    std::string_view id;    // of call_begin: the call's, where the model gives it one
    CallFault fault = CallFault::malformed;  // of call_failed
};

using AnswerEventFn = std::function<void(const AnswerEvent&)>;

}  // namespace m2w
