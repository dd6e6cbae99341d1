// chats.h — the golden templates and conversations, as the engine's own JSON reader sees them: it
// keeps what they are about, key order and 1 beside 1.0. Judges nothing.
#pragma once
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/jinja/json.h"
#include "chat/template.h"

namespace m2w::jinja::test {

/// What strftime_now sees in every golden record.
inline constexpr CivilTime kGoldenTime{2026, 7, 4, 12, 0, 0};

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

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// One JSON value a line; empty lines do not count.
inline Result<std::vector<Value>> read_jsonl(const std::filesystem::path& path) {
    std::vector<Value> out;
    std::istringstream lines(read_file(path));
    for (std::string line; std::getline(lines, line);) {
        if (line.empty()) continue;
        TRY(auto value, from_json(line));
        out.push_back(std::move(value));
    }
    return out;
}

struct GoldenChat {
    std::string id;
    ChatInput input;
    Value record;  // what is expected of it
};

struct GoldenTemplate {
    std::string name, source;
    std::vector<GoldenChat> chats;
};

/// The conversations by id: those of a template come before the common ones.
class Conversations {
  public:
    static Result<Conversations> read(const std::filesystem::path& path) {
        Conversations out;
        TRY(out.root_, from_json(read_file(path)));
        return out;
    }

    const Value* find(const std::string& tmpl, const std::string& id) const {
        const Value* extra = root_.get("extra")->get(tmpl);
        if (const Value* found = extra ? find_in(*extra, id) : nullptr) return found;
        return find_in(*root_.get("common"), id);
    }

  private:
    static const Value* find_in(const Value& all, const std::string& id) {
        for (const Value& c : all.items())
            if (member(c, "id") == id) return &c;
        return nullptr;
    }
    Value root_;
};

inline ChatInput golden_input(const Value& record, const Value& conversation) {
    ChatInput input;
    input.messages = *conversation.get("messages");
    input.tools = member_or(conversation, "tools", Value::none());
    input.documents = member_or(conversation, "documents", Value::none());
    input.kwargs = member_or(conversation, "kwargs", Value());
    input.add_generation_prompt = record.get("agp")->as_bool();
    input.bos_token = member(record, "bos");
    input.eos_token = member(record, "eos");
    input.now = kGoldenTime;
    return input;
}

/// All templates of the shared folder `chat`, by name. Errors: usage (what is there is not what its
/// README says).
inline Result<std::vector<GoldenTemplate>> read_golden_templates(
    const std::filesystem::path& root) {
    TRY(const auto conversations, Conversations::read(root / "cases.json"));
    std::vector<GoldenTemplate> out;
    for (const auto& entry : std::filesystem::directory_iterator(root / "golden")) {
        GoldenTemplate& t = out.emplace_back();
        t.name = entry.path().stem().string();
        t.source = read_file(root / "templates" / (t.name + ".jinja"));
        TRY(const auto records, read_jsonl(entry.path()));
        for (const Value& record : records) {
            const std::string id = member(record, "case").value_or("");
            const Value* conversation = conversations.find(t.name, id);
            if (!conversation) return Error{Category::usage, t.name + ": no case " + id};
            t.chats.push_back({id, golden_input(record, *conversation), record});
        }
    }
    std::ranges::sort(out, {}, &GoldenTemplate::name);
    return out;
}

}  // namespace m2w::jinja::test
