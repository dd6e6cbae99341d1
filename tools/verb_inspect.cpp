// verb_inspect.cpp — m2w inspect: checks a model file as far as it can be checked without running
// it, and shows what is in it; or, of two files, how they differ.
#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "chat/terminal.h"
#include "runtime/vk/instance.h"
#include "tools/diff_text.h"
#include "tools/inspect_text.h"
#include "tools/model_argument.h"
#include "tools/verbs.h"

namespace m2w::tools {
namespace {

using Json = nlohmann::ordered_json;

struct InspectArgs {
    std::string model, other;
    bool json = false, tensors = false, plan = false, quick = false, numbers = false;
    bool weights = false;
    ModelAccess access;
    std::optional<uint32_t> fit;
};

struct Place {
    std::string name;
    uint64_t bytes;
};

/// What a model can be put into here: the Vulkan devices, and main memory for the reference.
std::vector<Place> places() {
    std::vector<Place> out;
    if (const auto instance = vk::Instance::create(); instance)
        if (const auto found = vk::list_devices(**instance); found)
            for (const vk::DeviceInfo& d : *found)
                if (d.unusable.empty()) out.push_back({d.name, d.device_local_bytes()});
    if (const uint64_t bytes = available_main_memory(); bytes > 0)
        out.push_back({"main memory, free now", bytes});
    return out;
}

Result<Json> fit_of(const Inspection& in, uint32_t n_ctx) {
    if (!in.model) return in.obstacles.front().error;
    const Plan& plan = in.model->plan();
    if (n_ctx == 0 || n_ctx > plan.context_length)
        return Error{Category::usage, fmt::format("--fit: expected 1 to {} (the model's context), "
                                                  "got {}",
                                                  plan.context_length, n_ctx)};
    const ExecutorOptions options = session_options(*in.model, n_ctx);
    const MemoryRow row{n_ctx, estimate_memory(plan, options)};
    Json out = json_of(row);
    out["places"] = Json::array();
    for (const Place& place : places())
        out["places"].push_back({{"name", place.name},
                                 {"bytes", place.bytes},
                                 {"fits", row.need.total_bytes() <= place.bytes},
                                 {"largest_context", largest_context(plan, options, place.bytes)}});
    return out;
}

std::string text_of_fit(const Json& fit) {
    const auto bytes = [&](const char* key) { return format_bytes(fit[key].get<uint64_t>()); };
    std::string out = fmt::format(
        "\nmemory for a context of {}: {} (weights {}, cache {}, states {}, activations {})\n",
        fit["context"].get<uint32_t>(), bytes("total_bytes"), bytes("weights_bytes"),
        bytes("cache_bytes"), bytes("state_bytes"), bytes("activation_bytes"));
    for (const Json& p : fit["places"])
        out += fmt::format("  {}: {}, {}; largest context {}\n", p["name"].get<std::string>(),
                           format_bytes(p["bytes"].get<uint64_t>()),
                           p["fits"].get<bool>() ? "fits" : "does not fit",
                           p["largest_context"].get<uint32_t>());
    return out;
}

Result<void> print_json(const Json& json) {
    return print(json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n");
}

Result<void> show(const InspectArgs& args) {
    // Of a model on a server the header is enough to answer most questions.
    const bool read_weights = !args.quick && (args.weights || !is_remote(args.model));
    TRY(const Inspection found, inspect_file(args.model, args.access, read_weights));
    if (args.plan && !found.model) return found.obstacles.front().error;
    Json fit;
    if (args.fit) {
        TRY(fit, fit_of(found, *args.fit));
    }
    if (args.json) {
        Json out = json_of(found);
        if (args.tensors) out["tensors"] = tensor_list(*found.file);
        if (args.plan) out["plan"] = found.model->plan().print();
        if (args.fit) out["fit"] = fit;
        return print_json(out);
    }
    std::string text = text_of(found);
    if (args.tensors) text += text_of_tensors(*found.file);
    if (args.plan) text += "\nplan\n" + found.model->plan().print();
    if (args.fit) text += text_of_fit(fit);
    return print(escape_for_terminal(text));
}

Result<Verdict> compare(const InspectArgs& args) {
    const Reads reads = args.quick ? Reads::header : Reads::all;
    TRY(const auto a, open_model(args.model, args.access, reads));
    TRY(const auto b, open_model(args.other, args.access, reads));
    TRY(const gguf::FileDiff found, gguf::diff(*a, *b,
                                               args.quick     ? gguf::Weights::ignored
                                               : args.numbers ? gguf::Weights::numbers
                                                              : gguf::Weights::bytes));
    if (args.json) {
        Json out{{"a", a->name()}, {"b", b->name()}};
        out.update(json_of(found));
        TRY(print_json(out));
    } else {
        TRY(print(escape_for_terminal(
            fmt::format("a: {}\nb: {}\n{}", a->name(), b->name(), text_of(found)))));
    }
    return found.equal() ? Verdict::good : Verdict::different;
}

}  // namespace

Result<Verdict> inspect(const Args& args) {
    CLI::App app(
        "Checks a model file, weights included, and shows what is in it. With two files, says how "
        "they differ; exit status 6 when they do.",
        "m2w inspect");
    InspectArgs in;
    app.add_option("model", in.model, kModelHelp)->required();
    auto* other = app.add_option("other", in.other, "another model that it is compared with");
    app.add_flag("--json", in.json, "as one JSON object");
    app.add_flag("--tensors", in.tensors, "every tensor")->excludes(other);
    app.add_flag("--plan", in.plan, "the operations that the model becomes")->excludes(other);
    app.add_option("--fit", in.fit, "memory for a context of this many tokens, and where it fits")
        ->excludes(other);
    auto* quick = app.add_flag("--quick", in.quick, "do not read the weights");
    app.add_flag("--weights", in.weights, "pull a model on a server and read its weights, too")
        ->excludes(quick);
    add_access_options(app, in.access);
    app.add_flag("--numbers", in.numbers,
                 "of two files: how far weights are from each other, whatever their types")
        ->needs(other)
        ->excludes(quick);
    TRY(const bool go_on, parse(app, args));
    if (!go_on) return Verdict::good;
    if (!in.other.empty()) return compare(in);
    TRY(show(in));
    return Verdict::good;
}

}  // namespace m2w::tools
