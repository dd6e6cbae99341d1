// verb_export.cpp — m2w export: a model as a package for browsers, with its weights as shards and
// what the reference computes of a prompt.
#include <CLI/CLI.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "chat/signals.h"
#include "chat/template.h"
#include "chat/terminal.h"
#include "gguf/sha256.h"
#include "gguf/shards/shard_writer.h"
#include "runtime/engine.h"
#include "runtime/fuse.h"
#include "runtime/memory.h"
#include "runtime/session.h"
#include "runtime/short_cuts.h"
#include "tokenizer/tokenizer.h"
#include "tools/model_argument.h"
#include "tools/shard_size.h"
#include "tools/verbs.h"
#include "web-export/package_printer.h"

namespace m2w::tools {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kGreedyTokens = 16;

struct ExportArgs {
    std::string model, folder, name, base_url, max_size = "cloudflare";
    std::string prompt, ids;
    uint64_t max_buffer_bytes = web::EngineOptions().max_buffer_bytes;
    ModelAccess access;
};

/// A folder beside its place, which it takes when it is complete; removed if that never happens.
class NewFolder {
  public:
    explicit NewFolder(fs::path place)
        : place_(std::move(place)), work_(fmt::format("{}.{}.tmp", place_.string(), ::getpid())) {}
    NewFolder(const NewFolder&) = delete;
    NewFolder& operator=(const NewFolder&) = delete;
    ~NewFolder() {
        std::error_code ignored;
        fs::remove_all(work_, ignored);
    }

    const fs::path& path() const { return work_; }

    Result<void> write(const fs::path& below, const std::vector<web::PackageFile>& files) {
        for (const web::PackageFile& file : files) {
            const fs::path path = work_ / below / file.path;
            std::error_code error;
            fs::create_directories(path.parent_path(), error);
            if (error) return Error{Category::io, path.string() + ": " + error.message()};
            TRY(write_file(path, file.text));
        }
        return {};
    }

    Result<void> take_place() {
        std::error_code error;
        fs::rename(work_, place_, error);  // an empty folder may be there
        if (error) return Error{Category::io, place_.string() + ": " + error.message()};
        return {};
    }

  private:
    fs::path place_, work_;
};

Result<void> check_args(const ExportArgs& args) {
    std::error_code error;
    if (fs::exists(args.folder, error) && !fs::is_empty(args.folder, error))
        return Error{Category::usage, args.folder + " is there already and not empty"};
    if (!args.name.empty() && !web::is_package_name(args.name))
        return Error{Category::usage, "--name: expected lower case letters, digits, - . _"};
    const bool harmless = args.base_url.find_first_of("'\"`<>\\ ") == std::string::npos;
    const bool url = args.base_url.starts_with("https://") ||
                     args.base_url.starts_with("http://") || args.base_url.starts_with("/");
    if (!args.base_url.empty() && !(url && harmless))
        return Error{Category::usage, "--base-url: expected https://HOST/PATH/ or /PATH/"};
    return {};
}

uint32_t most_probable(std::span<const float> logits) {
    return uint32_t(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

struct Prompt {
    std::string text;  // empty: only ids are known
    std::vector<uint32_t> ids;
    bool add_special = false;
};

/// What the reference computes, with caches of f32.
Result<web::Activations> compute_activations(const std::shared_ptr<const Model>& model,
                                             Prompt prompt) {
    const Plan& plan = model->plan();
    if (prompt.ids.empty() || prompt.ids.size() > plan.context_length)
        return Error{Category::usage, fmt::format("the prompt has {} tokens, expected 1 to {}",
                                                  prompt.ids.size(), plan.context_length)};
    web::Activations out;
    out.prompt = std::move(prompt.text);
    out.add_special = prompt.add_special;
    out.prompt_ids = std::move(prompt.ids);
    SessionOptions how;
    how.n_batch = uint32_t(out.prompt_ids.size());
    how.n_ctx = std::min(how.n_batch + kGreedyTokens, plan.context_length);
    how.cache = CacheType::f32;
    how.keep_values = true;
    TRY(auto engine,
        Engine::create(model, {.device = "ref", .n_ctx = how.n_ctx, .cache = how.cache}));
    TRY(auto session, Session::create(std::move(engine), how));
    TRY(const auto logits, session.eval(out.prompt_ids));
    out.logits.assign(logits.begin(), logits.end());
    for (const Tap& tap : plan.taps) {
        TRY(auto value, session.executor().read_value(tap.value));
        out.hidden.push_back(std::move(value));
    }
    out.greedy_ids = {most_probable(out.logits)};
    while (out.prompt_ids.size() + out.greedy_ids.size() < how.n_ctx) {
        TRY(const auto next, session.eval(std::span(out.greedy_ids).last(1)));
        out.greedy_ids.push_back(most_probable(next));
    }
    return out;
}

Result<uint64_t> write_weights(const Model& model, const fs::path& folder, uint64_t max_bytes) {
    shards::ShardWriteOptions options;
    options.max_shard_bytes = max_bytes;
    options.plan_sha256 = sha256_hex(model.plan().print());
    TRY(SignalWatch signals, SignalWatch::create());
    options.stop = &signals.interrupted();
    ProgressBar bar(stderr, "cutting the weights");
    options.progress = [&](uint64_t done, uint64_t total) { bar.update(done, total); };
    std::error_code error;
    fs::create_directories(folder, error);
    TRY(const auto sink, shards::open_shard_folder(folder));
    const auto written = shards::write_shards(model.file(), *sink, options);
    bar.erase();
    if (!written) return written.error();
    return written->manifest.shards.size();
}

/// What the package's test evaluates: as given, or a question in the model's chat format.
Result<Prompt> prompt_of(const ExportArgs& args, const gguf::File& file) {
    if (!args.ids.empty()) {
        TRY(auto ids, parse_ids(args.ids));
        return Prompt{"", std::move(ids), false};
    }
    TRY(const auto tokenizer, Tokenizer::from(file));
    const auto encode = [&](std::string text, bool add_special) -> Result<Prompt> {
        TRY(auto ids, tokenizer->encode(text, {.add_special = add_special, .parse_special = true}));
        return Prompt{std::move(text), std::move(ids), add_special};
    };
    if (!args.prompt.empty()) return encode(args.prompt, true);
    const auto chat_template = ChatTemplate::from(file);
    if (!chat_template) return encode("The quick brown fox jumps over the lazy dog.", true);
    ChatInput input;
    const ChatMessage question[] = {{"user", "Hello! What can you do?"}};
    input.messages = chat_messages(question);
    const auto piece = [&](std::optional<uint32_t> id) {
        return id ? std::optional(std::string(tokenizer->piece(*id))) : std::nullopt;
    };
    input.bos_token = piece(tokenizer->bos_id());
    input.eos_token = piece(tokenizer->eos_id());
    TRY(auto text, chat_template->render(input));
    return encode(std::move(text), false);
}

Result<void> write_package(const ExportArgs& args) {
    TRY(const uint64_t max_shard_bytes, parse_shard_size(args.max_size));
    TRY(const auto model, [&]() -> Result<std::shared_ptr<const Model>> {
        TRY(auto file, open_model(args.model, args.access));
        return Model::from(std::move(file));
    }());
    web::PackageOptions options;
    options.name = args.name.empty()
                       ? web::package_name_of(fs::path(label_of(args.model)).filename().string())
                       : args.name;
    options.base_url = args.base_url;
    options.engine.max_buffer_bytes = args.max_buffer_bytes;
    TRY(const auto files,
        web::print_package(*model, add_short_cuts(drop_expert_orders(fuse(model->plan()))), options,
                           web::web_kernels));
    TRY(auto prompt, prompt_of(args, model->file()));

    fs::path place = args.folder;
    if (!place.has_filename()) place = place.parent_path();
    NewFolder folder(place);
    TRY(folder.write("", files));
    TRY(const auto activations, compute_activations(model, std::move(prompt)));
    TRY(folder.write("models/activations", web::print_activations(activations)));
    TRY(const uint64_t n_shards,
        write_weights(*model, folder.path() / "models/weights", max_shard_bytes));
    TRY(folder.take_place());
    return print(fmt::format("{}: {} in {} files and {} shards; npm ci, npm run build, npm test\n",
                             escape_for_terminal(args.folder), options.name, files.size(),
                             n_shards));
}

}  // namespace

Result<void> export_package(const Args& args) {
    CLI::App app(
        "Prints a model as an npm package that runs it in a browser with WebGPU, with its weights "
        "as shards and what the reference computes of a prompt (docs/web.md).",
        "m2w export");
    ExportArgs in;
    app.add_option("-m,--model", in.model, kModelHelp)->required();
    add_access_options(app, in.access);
    app.add_option("-o,--output", in.folder, "folder of the package, which must not be there yet")
        ->required();
    app.add_option("--name", in.name, "of the package; else from the model's file name");
    app.add_option("--base-url", in.base_url,
                   "where models/weights will be, if not beside the page");
    app.add_option("--max-size", in.max_size, kShardSizeHelp)->capture_default_str();
    app.add_option("--max-buffer", in.max_buffer_bytes,
                   "largest buffer of a weight, which is cut by rows where it is larger: what "
                   "every WebGPU device promises")
        ->transform(CLI::AsSizeValue(false))
        ->capture_default_str();
    auto* prompt = app.add_option("--prompt", in.prompt,
                                  "text that the package's test evaluates; else a question in the "
                                  "model's chat format");
    app.add_option("--ids", in.ids, "token ids instead, separated by commas")->excludes(prompt);
    TRY(const bool go_on, parse(app, args));
    if (!go_on) return {};
    TRY(check_args(in));
    return write_package(in);
}

}  // namespace m2w::tools
