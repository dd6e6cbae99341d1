// preset_results.h — results of tools that are known before the model calls them. Runs no tool.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chat/tool_call.h"

namespace m2w {

/// How often a model may call tools before it answers, where nobody watches.
constexpr uint32_t kMaxToolRounds = 32;

/// Texts by the name of the tool.
struct PresetResults {
    std::map<std::string, std::string, std::less<>> by_name;

    /// A result for each call; nothing when one is missing.
    std::optional<std::vector<ToolResult>> answer(std::span<const ToolCall> calls) const {
        std::vector<ToolResult> out;
        for (const ToolCall& call : calls) {
            const auto found = by_name.find(call.name);
            if (found == by_name.end()) return std::nullopt;
            out.push_back({call.id, found->second});
        }
        return out;
    }
};

}  // namespace m2w
