// tool_texts.h — tools that the bundled model knows from its training, and a template that lets it
// think.
#pragma once
#include <filesystem>
#include <string>

#include "tests/support/temporary.h"

namespace m2w::test {

/// What it answers to "What is 123 * 456?" with this tool is a call; given a result, it repeats
/// that, whatever it is.
inline constexpr const char* kCalculator = R"([{"type": "function", "function": {
    "name": "calculate", "description": "Work out an arithmetic expression",
    "parameters": {"type": "object", "properties": {"expression": {"type": "string"}},
                   "required": ["expression"]}}}])";
inline constexpr const char* kProduct = "What is 123 * 456?";
/// No product of those numbers: an answer that has it has read the result.
inline constexpr const char* kWrongResult = R"({"result": 4711})";
inline constexpr const char* kWrongAnswer = "123 * 456 = 4711.";

/// A copy of the bundled model whose prompts for an answer end with an opening marker of reasoning.
inline std::filesystem::path thinking_model(const TemporaryFolder& folder) {
    const std::string from = R"({{- '<|im_start|>assistant\n' }}{%- endif %})";
    std::string to = R"({{'<|im_start|>assistant<think>'}}{%endif%})";
    to.insert(2, from.size() - to.size(), ' ');
    return patched_model(folder, from, to);
}

}  // namespace m2w::test
