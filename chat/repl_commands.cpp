// repl_commands.cpp — the commands of the interactive chat and the table that lists them.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

#include "chat/repl.h"

namespace m2w {
namespace {

template <class T>
bool parse_number(const std::string& text, T& out) {
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, out);
    return parsed.ec == std::errc() && parsed.ptr == end;
}

/// As OpenAI's interface has messages.
nlohmann::ordered_json to_json(const Message& m) {
    nlohmann::ordered_json out{{"role", role_name(m.role)}, {"content", m.text}};
    if (!m.reasoning.empty()) out["reasoning_content"] = m.reasoning;
    for (const ToolCall& call : m.calls)
        out["tool_calls"].push_back(
            {{"id", call.id},
             {"type", "function"},
             {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
    if (!m.call_id.empty()) out["tool_call_id"] = m.call_id;
    if (!m.tool_name.empty()) out["name"] = m.tool_name;
    return out;
}

}  // namespace

/// A name that /set knows.
struct Repl::Setting {
    std::string_view name, help;
    std::string (*get)(const Conversation& chat);
    /// False when the text is no number. Errors: usage (out of range).
    Result<bool> (*set)(Conversation& chat, const std::string& text);
};

/// The setting of one member of Sampling.
template <auto Member>
constexpr Repl::Setting Repl::of(std::string_view name, std::string_view help) {
    return {name, help, [](const Conversation& c) { return fmt::to_string(c.sampling().*Member); },
            [](Conversation& c, const std::string& text) -> Result<bool> {
                Sampling sampling = c.sampling();
                if (!parse_number(text, sampling.*Member)) return false;
                TRY(c.set_sampling(sampling));
                return true;
            }};
}

std::span<const Repl::Setting> Repl::settings() {
    static constexpr Setting kSettings[] = {
        of<&Sampling::temperature>("temperature", "0: always the most probable token"),
        of<&Sampling::top_k>("top_k", "only the k most probable; 0: off"),
        of<&Sampling::top_p>("top_p", "only the most probable that make up p; 1: off"),
        of<&Sampling::min_p>("min_p", "only those with p times the best one's probability; 0: off"),
        of<&Sampling::repeat_penalty>("repeat_penalty", "against repetition; 1: off"),
        of<&Sampling::seed>("seed", "the same seed gives the same answers"),
        {"max_tokens", "longest answer; 0: no limit",
         [](const Conversation& c) { return fmt::to_string(c.max_tokens()); },
         [](Conversation& c, const std::string& text) -> Result<bool> {
             uint32_t value = 0;
             if (!parse_number(text, value)) return false;
             c.set_max_tokens(value);
             return true;
         }},
    };
    return kSettings;
}

std::span<const Repl::Command> Repl::commands() {
    static constexpr Command kCommands[] = {
        {"/help", "", "this list", &Repl::help},
        {"/system", "[TEXT]", "show or replace the system prompt; - removes it", &Repl::system},
        {"/reset", "", "forget all turns; the system prompt stays", &Repl::reset},
        {"/undo", "", "take back the last message and its answer", &Repl::undo},
        {"/regen", "", "answer the last message anew", &Repl::regen},
        {"/drop", "", "drop the oldest turns to make room; send what did not fit", &Repl::drop},
        {"/stats", "", "tokens, speed and context of the last answer", &Repl::stats},
        {"/set", "[NAME VALUE]", "show or change the sampling", &Repl::set},
        {"/save", "FILE", "write the conversation as JSON", &Repl::save},
        {"/exit", "", "leave (also Ctrl-D)", &Repl::exit},
    };
    return kCommands;
}

void Repl::help(const std::string&) {
    for (const Command& c : commands())
        note(fmt::format("  {:<8}{:<14}{}", c.name, c.arguments, c.help));
    note("A line that ends with \\ goes on in the next; \"\"\" begins and ends a block of lines.");
    note("Ctrl-C stops an answer or drops the line. A message may begin with / after a space.");
}

void Repl::system(const std::string& text) {
    if (!text.empty()) conversation_.set_system(text == "-" ? "" : text);
    const auto history = conversation_.history();
    const bool has = !history.empty() && history[0].role == Role::system;
    note(has ? "system prompt: " + history[0].text : "no system prompt");
}

void Repl::reset(const std::string&) {
    const uint32_t turns = conversation_.n_turns();
    conversation_.reset();
    pending_.clear();
    last_.reset();
    note(fmt::format("forgot {} turn{}", turns, turns == 1 ? "" : "s"));
}

void Repl::undo(const std::string&) {
    if (auto undone = conversation_.undo(); !undone) return complain(undone.error());
    note(fmt::format("took back the last turn; {} left", conversation_.n_turns()));
}

void Repl::regen(const std::string&) {
    signals_.interrupted() = false;
    show_reply(conversation_.regenerate(printer(), &signals_.interrupted()));
    answer_calls();
}

void Repl::drop(const std::string&) {
    // A quarter of the context for the answer: dropping one turn at every message would evaluate
    // the rest anew each time.
    const uint32_t room = conversation_.session().n_ctx() / 4;
    auto dropped = conversation_.drop_old_turns(pending_, room);
    if (!dropped) return complain(dropped.error());
    note(fmt::format("dropped the {} oldest turn{}; {} left", *dropped, *dropped == 1 ? "" : "s",
                     conversation_.n_turns()));
    if (!pending_.empty()) say(std::string(pending_));
}

void Repl::stats(const std::string&) {
    if (last_) print_stats(*last_);
    const Session& session = conversation_.session();
    note(fmt::format("context: {} of {} tokens; {} turns; seed {}; {}", session.position(),
                     session.n_ctx(), conversation_.n_turns(), conversation_.sampling().seed,
                     session.engine().backend().device_name()));
}

void Repl::set(const std::string& assignment) {
    if (assignment.empty()) {
        for (const Setting& s : settings())
            note(fmt::format("  {:<15}{:<11} {}", s.name, s.get(conversation_), s.help));
        return;
    }
    const size_t space = assignment.find_first_of(" \t=");
    const std::string_view name = std::string_view(assignment).substr(0, space);
    const size_t from = assignment.find_first_not_of(" \t=", space);
    const std::string value = from == std::string::npos ? "" : assignment.substr(from);
    for (const Setting& s : settings()) {
        if (s.name != name) continue;
        const auto changed = s.set(conversation_, value);
        if (!changed) return complain(changed.error());
        if (!*changed) return note(fmt::format("{}: \"{}\" is no number for it", name, value));
        return note(fmt::format("{} = {}", s.name, s.get(conversation_)));
    }
    note(fmt::format("{}: no such setting; /set lists them", name));
}

void Repl::save(const std::string& path) {
    if (path.empty()) return note("/save needs the name of a file");
    nlohmann::ordered_json messages = nlohmann::ordered_json::array();
    for (const Message& m : conversation_.history()) messages.push_back(to_json(m));
    const nlohmann::ordered_json document{{"messages", std::move(messages)}};
    const std::string text =
        document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";

    const int mode = saved_.contains(path) ? O_TRUNC : O_EXCL;  // nothing of others is replaced
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | mode, 0600);
    std::FILE* file = fd < 0 ? nullptr : fdopen(fd, "w");
    bool good = file && std::fwrite(text.data(), 1, text.size(), file) == text.size();
    if (file) good = std::fclose(file) == 0 && good;
    if (!good) return complain({Category::io, path + ": " + std::strerror(errno)});
    saved_.insert(path);
    note(fmt::format("wrote {} messages to {}", conversation_.history().size(), path));
}

void Repl::exit(const std::string&) {
    done_ = true;
}

}  // namespace m2w
