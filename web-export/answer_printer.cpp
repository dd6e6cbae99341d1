// answer_printer.cpp — rows of the tables of chat/answer as object literals.
#include "web-export/answer_printer.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "web-export/script_text.h"

namespace m2w::web {
namespace {

/// The bodies that answer.ts reads.
struct Reader {
    CallBody body;
    std::string_view name;  // in answer.ts
};
constexpr Reader kReaders[] = {{CallBody::json, "readJson"},
                               {CallBody::json_by_name, "readJsonByName"},
                               {CallBody::arguments, "readArguments"},
                               {CallBody::tags, "readTags"}};

const Reader* find_reader(CallBody body) {
    const auto* found = std::ranges::find(kReaders, body, &Reader::body);
    return found == std::end(kReaders) ? nullptr : found;
}

/// Markers in which a space stands for any white space are for the native parser alone.
bool is_exact(std::initializer_list<std::string_view> markers) {
    return std::ranges::all_of(
        markers, [](std::string_view m) { return m.find(' ') == std::string_view::npos; });
}

class Object {
  public:
    void add(std::string_view key, std::string_view text) {
        if (!text.empty()) add_code(key, script_string(text));
    }
    void add(std::string_view key, std::span<const std::string_view> texts) {
        std::string list;
        for (const std::string_view text : texts)
            if (!text.empty()) list += (list.empty() ? "" : ", ") + script_string(text);
        if (!list.empty()) add_code(key, "[" + list + "]");
    }
    void add_code(std::string_view key, std::string_view code) {
        text_ += fmt::format("{}{}: {}", text_.empty() ? "" : ", ", key, code);
    }
    std::string str() const { return "{ " + text_ + " }"; }

  private:
    std::string text_;
};

std::string print_reasoning(const ReasoningFormat* f) {
    if (!f || !is_exact({f->open, f->close})) return {};
    Object out;
    out.add("open", f->open);
    out.add("close", f->close);
    out.add("dropped", f->dropped);
    return out.str();
}

std::string print_calls(const CallFormat* f) {
    const Reader* reader = f ? find_reader(f->body) : nullptr;
    if (!reader || f->open.empty() || !f->id_end.empty() || !f->id_begin.empty() || f->indexed ||
        !is_exact({f->open, f->close, f->name_end, f->key_open, f->key_end, f->value_end}))
        return {};
    Object out;
    out.add_code("read", reader->name);
    out.add("open", f->open);
    out.add_code("close", script_string(f->close));
    out.add("around", f->around);
    out.add("namePrefix", f->name_prefix);
    out.add("nameEnd", f->name_end);
    out.add("keyOpen", f->key_open);
    out.add("keyEnd", f->key_end);
    out.add("valueEnd", f->value_end);
    if (f->lines) out.add_code("lines", "true");
    return out.str();
}

}  // namespace

std::string print_answer_forms(const AnswerFormat& format) {
    constexpr std::string_view kHead =
        "// forms.ts — how this model writes what is not plain text. Printed by m2w export.\n";
    const std::string reasoning = format.headers ? "" : print_reasoning(format.reasoning);
    const std::string calls = format.headers ? "" : print_calls(format.calls);
    if (reasoning.empty() && calls.empty())
        return fmt::format("{}\n/** All of it is plain. */\nexport const parser = undefined;\n",
                           kHead);
    std::string forms;
    if (!reasoning.empty()) forms += fmt::format("  reasoning: {},\n", reasoning);
    if (!calls.empty()) forms += fmt::format("  calls: {},\n", calls);
    return fmt::format(
        "{}import {{ type AnswerForms, type AnswerParser, answerParser{} }} from './answer';\n\n"
        "const forms: AnswerForms = {{\n{}}};\n\n"
        "/** Reads one answer; prompt: what stands before it, or the end of that. */\n"
        "export const parser = (prompt: string, tools?: readonly unknown[]): AnswerParser =>\n"
        "  answerParser(forms, prompt, tools);\n",
        kHead, calls.empty() ? "" : fmt::format(", {}", find_reader(format.calls->body)->name),
        forms);
}

}  // namespace m2w::web
