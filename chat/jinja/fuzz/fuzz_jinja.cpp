// fuzz_jinja.cpp — libFuzzer target: a template, and behind the first NUL its variables as JSON. An
// input without NUL is rendered with a short conversation (check_rendering.h).
#include <cstddef>
#include <cstdint>

#include "chat/jinja/fuzz/check_rendering.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr std::string_view kConversation = R"({"messages": [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "é 日本 😀"},
        {"role": "assistant", "content": null, "tool_calls": [{"type": "function", "id": "a1",
            "function": {"name": "f", "arguments": {"x": 1.0, "y": [true, null]}}}]},
        {"role": "tool", "content": "12345678901234567890", "tool_call_id": "a1"}],
        "tools": null, "add_generation_prompt": true, "d": {"k": 1, "2": [3, "four"]}})";
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const size_t end = input.find('\0');
    m2w::jinja::fuzz::check_rendering(input.substr(0, end),
                                      end == input.npos ? kConversation : input.substr(end + 1));
    return 0;
}
