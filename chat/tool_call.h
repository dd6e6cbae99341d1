// tool_call.h — calls of tools and their results, as values. Part of the public interface; calls
// nothing.
#pragma once
#include <string>

namespace m2w {

/// A tool that the model wants called. The result goes back with the same id.
struct ToolCall {
    std::string id;  // the model's own, or "call00001"; not empty, different in one answer
    std::string name;
    std::string arguments;  // a JSON object
};

/// A call that could not be read.
struct FailedCall {
    std::string text;  // as the model wrote it
    std::string why;   // "malformed", "truncated" (the answer ended inside), "too_large"
};

struct ToolResult {
    std::string id;  // of the call
    std::string text;
};

}  // namespace m2w
