// verb_chat.cpp — m2w chat: one answer to a pipe, or the interactive session on a terminal.
#include <CLI/CLI.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <optional>
#include <random>

#include "chat/conversation.h"
#include "chat/line_editor.h"
#include "chat/loaded_model.h"
#include "chat/repl.h"
#include "chat/terminal.h"
#include "tools/verbs.h"

namespace m2w::tools {
namespace {

constexpr size_t kMaxPromptBytes = 64u << 20;

struct ChatArgs {
    std::string model, prompt, device = "auto";
    ConversationOptions conversation;
    bool has_prompt = false, stats = false;
};

/// What is not given on the command line: a seed of its own for every run, and no sampling at all
/// for the bundled model, which is too small to stay on its subject otherwise.
Result<std::optional<ChatArgs>> parse_chat(const Args& args) {
    CLI::App app("Talks with a model: with -p or piped input one answer, else an interactive chat.",
                 "m2w chat");
    ChatArgs out;
    Sampling& s = out.conversation.sampling;
    app.add_option("-m,--model", out.model, "GGUF file; without it the bundled model");
    auto* prompt = app.add_option("-p,--prompt", out.prompt, "message; one answer, then the end");
    app.add_option("-s,--system", out.conversation.system, "system prompt");
    app.add_option("-n,--max-tokens", out.conversation.max_tokens,
                   "longest answer in tokens; 0: until the model ends it");
    auto* temperature =
        app.add_option("--temp", s.temperature, "0: always the most probable token");
    app.add_option("--top-k", s.top_k, "only the k most probable tokens; 0: off");
    app.add_option("--top-p", s.top_p, "only the most probable tokens that make up p; 1: off");
    app.add_option("--min-p", s.min_p, "only tokens with p times the best one's; 0: off");
    app.add_option("--repeat-penalty", s.repeat_penalty, "against repetition; 1: off");
    auto* seed = app.add_option("--seed", s.seed, "the same seed gives the same answers");
    app.add_option("--ctx", out.conversation.n_ctx,
                   "tokens that the context holds; 0: the model's own, at most 4096");
    app.add_option("--device", out.device, "as m2w devices lists them, auto, or ref");
    app.add_flag("--raw", out.conversation.raw, "continue the text, without the chat template");
    app.add_flag("--stats", out.stats, "tokens and speed on standard error");
    TRY(const bool go_on, parse(app, args));
    if (!go_on) return std::optional<ChatArgs>{};
    TRY(check_sampling(s));
    out.has_prompt = prompt->count() > 0;
    if (seed->count() == 0) s.seed = std::random_device{}();
    if (out.model.empty()) {
        if (temperature->count() == 0) s.temperature = 0;
        TRY(const auto path, bundled_model());
        out.model = path.string();
    }
    return std::optional(std::move(out));
}

Result<std::shared_ptr<const LoadedModel>> load(const ChatArgs& args) {
    const std::string name = std::filesystem::path(args.model).filename().string();
    ProgressBar bar(stderr, "loading " + name);
    EngineOptions options;
    options.device = args.device;
    options.n_ctx = args.conversation.n_ctx;
    options.progress = [&](const LoadProgress& p) { bar.update(p.bytes_done, p.bytes_total); };
    return LoadedModel::load(args.model, options);
}

Result<std::string> read_message() {
    TRY(std::string text, read_all("-", kMaxPromptBytes));
    if (text.ends_with('\n')) text.pop_back();  // the line's, not the message's
    if (text.ends_with('\r')) text.pop_back();
    if (text.empty()) return Error{Category::usage, "no message: standard input is empty"};
    return text;
}

/// One answer on standard output and nothing else.
Result<void> answer_once(Conversation& chat, const std::string& message, bool stats) {
    const bool escape = is_terminal(stdout);
    Result<void> written;
    std::atomic<bool> stop = false;
    bool ends_line = true;
    const auto show = [&](std::string_view text) {
        ends_line = text.back() == '\n';
        written = print(escape ? escape_for_terminal(text) : std::string(text));
        if (!written) stop = true;  // nobody reads on
    };
    TRY(const Reply reply, chat.say(message, show, &stop));
    TRY(written);
    if (!ends_line || reply.text.empty()) TRY(print("\n"));
    if (stats)
        fmt::print(stderr, "{}; seed {}; {}\n", describe(reply.stats), chat.sampling().seed,
                   escape_for_terminal(chat.session().engine().backend().device_name()));
    if (reply.finish == Finish::context_full)
        return Error{Category::context_full,
                     fmt::format("the answer was cut: the context of {} tokens is full",
                                 chat.session().n_ctx())};
    return {};
}

Result<void> run_interactive(Conversation& chat, bool stats) {
    // A pipe behind standard output gets the answers alone.
    std::FILE* ui = isatty(STDOUT_FILENO) ? stdout : stderr;
    TRY(SignalWatch signals, SignalWatch::create());
    TRY(const auto editor, LineEditor::create({stdin, ui, default_history_file()}, signals));
    return Repl(chat, *editor, signals, {.out = stdout, .ui = ui, .show_stats = stats}).run();
}

}  // namespace

Result<void> chat(const Args& args) {
    TRY(std::optional<ChatArgs> parsed, parse_chat(args));
    if (!parsed) return {};
    const bool interactive = !parsed->has_prompt && isatty(STDIN_FILENO);
    if (!interactive && !parsed->has_prompt) {
        TRY(parsed->prompt, read_message());
    }
    TRY(auto model, load(*parsed));
    if (!parsed->conversation.raw)
        if (const auto usable = model->chat_template(); !usable)
            return Error{usable.error().category,
                         usable.error().message + "; --raw works without a chat template"};
    TRY(Conversation conversation, Conversation::create(std::move(model), parsed->conversation));
    if (interactive) return run_interactive(conversation, parsed->stats);
    return answer_once(conversation, parsed->prompt, parsed->stats);
}

}  // namespace m2w::tools
