// verb_chat.cpp — m2w chat: one answer to a pipe, or the interactive session on a terminal.
#include <CLI/CLI.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <optional>
#include <random>
#include <utility>

#include "chat/conversation.h"
#include "chat/jinja/json.h"
#include "chat/line_editor.h"
#include "chat/loaded_model.h"
#include "chat/preset_results.h"
#include "chat/repl.h"
#include "chat/terminal.h"
#include "tools/model_argument.h"
#include "tools/streamed_model.h"
#include "tools/verbs.h"

namespace m2w::tools {
namespace {

constexpr size_t kMaxPromptBytes = 64u << 20, kMaxToolsBytes = 4u << 20;

struct ChatArgs {
    std::string model, prompt, device = "auto";
    ModelAccess access;
    ConversationOptions conversation;
    std::string tools_file;
    std::vector<std::string> tool_results;  // NAME=TEXT
    PresetResults results;
    bool has_prompt = false, stats = false, show_reasoning = false;
};

/// The tools of a file, and the results that the command line has for them.
Result<void> read_tools(ChatArgs& args) {
    if (!args.tools_file.empty()) {
        TRY(const std::string json, read_all(args.tools_file, kMaxToolsBytes));
        TRY(args.conversation.tools, ToolSet::parse(json));
    }
    for (const std::string& result : args.tool_results) {
        const size_t equals = result.find('=');
        const std::string name = result.substr(0, equals);
        if (equals == result.npos || !args.conversation.tools.contains(name))
            return Error{
                Category::usage,
                fmt::format("--tool-result {}: expected NAME=TEXT with a tool of --tools", result)};
        args.results.by_name[name] = result.substr(equals + 1);
    }
    return {};
}

/// What is not given on the command line: a seed of its own for every run, and no sampling at all
/// for the bundled model, which is too small to stay on its subject otherwise.
Result<std::optional<ChatArgs>> parse_chat(const Args& args) {
    CLI::App app("Talks with a model: with -p or piped input one answer, else an interactive chat.",
                 "m2w chat");
    ChatArgs out;
    Sampling& s = out.conversation.sampling;
    app.add_option("-m,--model", out.model,
                   std::string(kModelHelp) + "; without it the bundled model");
    add_access_options(app, out.access);
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
    app.add_option("--tools", out.tools_file,
                   "JSON list of tools that the model may call; it is asked for, not run");
    app.add_option("--tool-result", out.tool_results,
                   "NAME=TEXT: the result of every call of that tool; may be given again");
    app.add_flag("--show-reasoning", out.show_reasoning,
                 "what the model thinks before it answers, on standard error");
    app.add_flag("--stats", out.stats, "tokens and speed on standard error");
    TRY(const bool go_on, parse(app, args));
    if (!go_on) return std::optional<ChatArgs>{};
    TRY(check_sampling(s));
    TRY(read_tools(out));
    out.has_prompt = prompt->count() > 0;
    if (seed->count() == 0) s.seed = std::random_device{}();
    if (out.model.empty()) {
        if (temperature->count() == 0) s.temperature = 0;
        TRY(const auto path, bundled_model());
        out.model = path.string();
    }
    return std::optional(std::move(out));
}

EngineOptions engine_options(const ChatArgs& args) {
    EngineOptions options;
    options.device = args.device;
    options.n_ctx = args.conversation.n_ctx;
    return options;
}

Result<std::shared_ptr<const LoadedModel>> load(const ChatArgs& args,
                                                std::shared_ptr<const gguf::File> file) {
    const std::string name = std::filesystem::path(label_of(args.model)).filename().string();
    ProgressBar bar(stderr, "loading " + name);
    EngineOptions options = engine_options(args);
    options.progress = [&](const LoadProgress& p) { bar.update(p.bytes_done, p.bytes_total); };
    return LoadedModel::load(std::move(file), options);
}

/// A model, and how the rest of it comes where it is still on its way.
struct Loading {
    std::shared_ptr<const LoadedModel> model;
    std::unique_ptr<StreamedModel> streamed;  // ends before the model: who waits for bytes is woken
};

/// Loads from a server while it comes: the first answer is computed behind the last byte.
Result<Loading> load(const ChatArgs& args) {
    Loading out;
    if (!is_remote(args.model)) {
        TRY(auto file, open_model(args.model));
        TRY(out.model, load(args, std::move(file)));
        return out;
    }
    TRY(out.streamed, StreamedModel::open(args.model, args.access));
    if (!out.streamed->partial()) {
        TRY(out.model, load(args, out.streamed->file()));
        return out;
    }
    EngineOptions options = engine_options(args);
    options.start_early = true;
    TRY(out.model, LoadedModel::load(out.streamed->file(), options));
    out.streamed->start(out.model->model().plan());
    return out;
}

Result<std::string> read_message() {
    TRY(std::string text, read_all("-", kMaxPromptBytes));
    if (text.ends_with('\n')) text.pop_back();  // the line's, not the message's
    if (text.ends_with('\r')) text.pop_back();
    if (text.empty()) return Error{Category::usage, "no message: standard input is empty"};
    return text;
}

/// Prints one answer as it comes: the text on standard output, and nothing else there.
class AnswerPrinter {
  public:
    explicit AnswerPrinter(bool show_reasoning) : show_reasoning_(show_reasoning) {}

    AnswerEventFn listener() {
        return [this](const AnswerEvent& event) { add(event); };
    }
    const std::atomic<bool>* stop() const { return &stop_; }
    /// Ends the line.
    Result<void> finish(bool even_if_empty) {
        end_reasoning();
        TRY(written_);
        if (!ends_line_ || (even_if_empty && empty_)) TRY(print("\n"));
        ends_line_ = empty_ = true;
        return {};
    }

  private:
    void add(const AnswerEvent& event) {
        using Kind = AnswerEvent::Kind;
        if (event.kind == Kind::reasoning) return show_reasoning(event.text);
        end_reasoning();
        if (event.kind == Kind::call_failed)
            fmt::print(stderr, "a call that could not be read ({}) is printed as text\n",
                       call_fault_name(event.fault));
        // What could not be read is text after all: nothing that a model writes is lost.
        if (event.kind != Kind::text && event.kind != Kind::call_failed) return;
        if (event.text.empty()) return;
        ends_line_ = event.text.back() == '\n';
        empty_ = false;
        written_ = print(escape_ ? escape_for_terminal(event.text) : std::string(event.text));
        if (!written_) stop_ = true;  // nobody reads on
    }

    void show_reasoning(std::string_view text) {
        if (!show_reasoning_) return;
        fmt::print(stderr, "{}",
                   is_terminal(stderr) ? escape_for_terminal(text) : std::string(text));
        reasoning_ = true;
    }

    void end_reasoning() {
        if (std::exchange(reasoning_, false)) fmt::print(stderr, "\n");
    }

    bool show_reasoning_, escape_ = is_terminal(stdout);
    bool ends_line_ = true, empty_ = true;
    bool reasoning_ = false;  // on a line of its own that has not ended
    std::atomic<bool> stop_ = false;
    Result<void> written_;
};

/// A line for each call: {"id", "name", "arguments"}.
Result<void> print_calls(std::span<const ToolCall> calls) {
    for (const ToolCall& call : calls) {
        TRY(const auto arguments, jinja::from_json(call.arguments));
        jinja::Map line;
        line.set("id", jinja::Value::string(call.id));
        line.set("name", jinja::Value::string(call.name));
        line.set("arguments", arguments);
        TRY(const std::string json, jinja::to_json(jinja::Value::map(std::move(line))));
        TRY(print(json + "\n"));
    }
    return {};
}

void print_stats(const Conversation& chat, const TurnStats& stats) {
    fmt::print(stderr, "{}; seed {}; {}\n", describe(stats), chat.sampling().seed,
               escape_for_terminal(chat.session().engine().backend().device_name()));
}

/// One answer. Calls are answered with the results that are given; where one is missing, they are
/// the answer.
Result<void> answer_once(Conversation& chat, const ChatArgs& args) {
    AnswerPrinter printer(args.show_reasoning);
    TRY(Reply reply, chat.say(args.prompt, printer.listener(), printer.stop()));
    for (uint32_t round = 1;; ++round) {
        const bool asks = !reply.calls.empty();
        TRY(printer.finish(!asks));
        if (args.stats) print_stats(chat, reply.stats);
        if (!asks) break;
        const auto results = args.results.answer(reply.calls);
        if (!results) return print_calls(reply.calls);
        if (round > kMaxToolRounds)
            return Error{Category::resource_limit,
                         fmt::format("the model called tools {} times in a row", round)};
        TRY(reply, chat.answer_calls(*results, printer.listener(), printer.stop()));
    }
    if (reply.finish == Finish::context_full)
        return Error{Category::context_full,
                     fmt::format("the answer was cut: the context of {} tokens is full",
                                 chat.session().n_ctx())};
    return {};
}

Result<void> run_interactive(Conversation& chat, const ChatArgs& args) {
    // A pipe behind standard output gets the answers alone.
    std::FILE* ui = isatty(STDOUT_FILENO) ? stdout : stderr;
    TRY(SignalWatch signals, SignalWatch::create());
    TRY(const auto editor, LineEditor::create({stdin, ui, default_history_file()}, signals));
    const ReplOptions options{
        .out = stdout, .ui = ui, .show_stats = args.stats, .results = args.results};
    return Repl(chat, *editor, signals, options).run();
}

}  // namespace

Result<void> chat(const Args& args) {
    TRY(std::optional<ChatArgs> parsed, parse_chat(args));
    if (!parsed) return {};
    const bool interactive = !parsed->has_prompt && isatty(STDIN_FILENO);
    if (!interactive && !parsed->has_prompt) {
        TRY(parsed->prompt, read_message());
    }
    TRY(const Loading loading, load(*parsed));
    if (!parsed->conversation.raw)
        if (const auto usable = loading.model->chat_template(); !usable)
            return Error{usable.error().category,
                         usable.error().message + "; --raw works without a chat template"};
    if (loading.streamed)
        parsed->conversation.before_answer = [&] { return loading.streamed->finish(); };
    TRY(Conversation conversation, Conversation::create(loading.model, parsed->conversation));
    if (interactive) {
        // A line of progress and one that is edited do not share a terminal.
        if (loading.streamed) TRY(loading.streamed->finish());
        return run_interactive(conversation, *parsed);
    }
    return answer_once(conversation, *parsed);
}

}  // namespace m2w::tools
