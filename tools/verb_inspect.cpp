// verb_inspect.cpp — m2w inspect: checks a model file as far as it can be checked without running
// it, and shows what is in it.
#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "chat/template_features.h"
#include "chat/terminal.h"
#include "gguf/validate.h"
#include "runtime/memory.h"
#include "runtime/model/model.h"
#include "runtime/session.h"
#include "runtime/vk/instance.h"
#include "tokenizer/tokenizer.h"
#include "tools/verbs.h"

namespace m2w::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxTemplateBytes = jinja::Limits{}.source_bytes;
constexpr size_t kShownElements = 8;     // of an array
constexpr size_t kShownCharacters = 60;  // of a string, for people

struct InspectArgs {
    std::string model;
    bool json = false, tensors = false, plan = false, quick = false;
    std::optional<uint32_t> fit;
};

/// Everything that the checks found out.
struct Inspection {
    std::shared_ptr<const gguf::File> file;
    std::shared_ptr<const Model> model;
    std::shared_ptr<const Tokenizer> tokenizer;
    std::string chat_template = "none";    // "usable", "none", or why it cannot be used
    std::optional<ChatFeatures> features;  // of a usable template
    std::vector<std::string> warnings;
};

/// A template that is text but does not parse only costs the chat; one that is no text, or longer
/// than any template, says that the file is broken.
bool is_fatal(Category category) {
    return category == Category::bad_utf8 || category == Category::wrong_metadata_type ||
           category == Category::resource_limit;
}

Result<void> check_template(Inspection& out) {
    TRY(const auto source, out.file->find_string("tokenizer.chat_template"));
    if (source && source->size() > kMaxTemplateBytes)
        return Error{Category::resource_limit,
                     fmt::format("tokenizer.chat_template: {} bytes, the limit is {}",
                                 source->size(), kMaxTemplateBytes)};
    const auto parsed = ChatTemplate::from(*out.file);
    if (parsed) {
        out.chat_template = "usable";
        out.features = find_features(*parsed);
        return {};
    }
    if (is_fatal(parsed.error().category)) return parsed.error();
    if (!source) return {};
    out.chat_template = parsed.error().message;
    out.warnings.push_back("chat template not usable: " + parsed.error().message);
    return {};
}

Result<Inspection> run_checks(const InspectArgs& args) {
    Inspection out;
    TRY(out.file, gguf::File::open(args.model));
    // The vocabulary first: a file without one is told so, not that its size is missing or odd.
    TRY(out.tokenizer, Tokenizer::from(*out.file));
    TRY(out.model, Model::from(out.file));
    out.warnings = out.model->warnings();
    TRY(check_template(out));
    if (!args.quick)
        for (const gguf::TensorInfo& tensor : out.file->tensors())
            TRY(gguf::check_finite(*out.file, tensor));
    return out;
}

uint64_t weight_bytes(const gguf::File& file) {
    uint64_t sum = 0;
    for (const gguf::TensorInfo& t : file.tensors()) sum += t.size_bytes;
    return sum;
}

/// How many tensors there are of each type, by name.
std::map<std::string_view, uint32_t> type_counts(const gguf::File& file) {
    std::map<std::string_view, uint32_t> counts;
    for (const gguf::TensorInfo& t : file.tensors()) ++counts[dtype_info(t.dtype).name];
    return counts;
}

std::string_view type_name(gguf::ValueType type) {
    constexpr std::string_view kNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                           "bool", "string", "array", "u64", "i64", "f64"};
    return kNames[size_t(type)];
}

/// Scalars as they are; of an array its type, its length and, for strings, its beginning.
Json json_of(const gguf::Value& value) {
    if (const auto* array = std::get_if<gguf::Array>(&value.data)) {
        Json out{{"array_of", type_name(array->element)}, {"count", array->count}};
        if (array->element == gguf::ValueType::string)
            out["first"] =
                std::vector(array->strings.begin(),
                            array->strings.begin() +
                                ptrdiff_t(std::min<size_t>(array->strings.size(), kShownElements)));
        return out;
    }
    return std::visit(
        [](const auto& scalar) -> Json {
            if constexpr (std::is_same_v<std::decay_t<decltype(scalar)>, gguf::Array>)
                return nullptr;
            else
                return scalar;
        },
        value.data);
}

Json json_of(const std::optional<ChatFeatures>& features) {
    if (!features) return nullptr;
    return {{"system", features->system},
            {"tools", features->tools},
            {"tool_calls", features->tool_calls},
            {"parallel_calls", features->parallel_calls},
            {"documents", features->documents},
            {"thinking", features->thinking},
            {"thinking_switch", features->thinking_switch}};
}

Json tensor_list(const gguf::File& file) {
    Json list = Json::array();
    for (const gguf::TensorInfo& t : file.tensors()) {
        std::vector<uint64_t> shape;  // slowest first
        for (uint32_t d = t.n_dims; d-- > 0;) shape.push_back(t.dims[d]);
        list.push_back({{"name", t.name},
                        {"type", dtype_info(t.dtype).name},
                        {"shape", shape},
                        {"part", t.part},
                        {"offset_bytes", t.offset_bytes},
                        {"size_bytes", t.size_bytes}});
    }
    return list;
}

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
    const Plan& plan = in.model->plan();
    if (n_ctx == 0 || n_ctx > plan.context_length)
        return Error{Category::usage, fmt::format("--fit: expected 1 to {} (the model's context), "
                                                  "got {}",
                                                  plan.context_length, n_ctx)};
    const ExecutorOptions options = executor_options(*in.model, {.n_ctx = n_ctx});
    const MemoryEstimate need = estimate_memory(plan, options);
    Json out{{"context", n_ctx},
             {"weights_bytes", need.weights_bytes},
             {"cache_bytes", need.cache_bytes},
             {"activation_bytes", need.activation_bytes},
             {"total_bytes", need.total_bytes()},
             {"places", Json::array()}};
    for (const Place& place : places())
        out["places"].push_back({{"name", place.name},
                                 {"bytes", place.bytes},
                                 {"fits", need.total_bytes() <= place.bytes},
                                 {"largest_context", largest_context(plan, options, place.bytes)}});
    return out;
}

Json summary(const Inspection& in) {
    const Hparams& hp = in.model->hparams();
    Json out{{"file", in.file->name()},
             {"gguf_version", in.file->version()},
             {"alignment", in.file->alignment()},
             {"weight_bytes", weight_bytes(*in.file)},
             {"architecture", hp.architecture},
             {"parameters", in.model->n_params()},
             {"context_length", hp.context_length},
             {"layers", hp.block_count},
             {"embedding_length", hp.embedding_length},
             {"feed_forward_length", hp.feed_forward_length},
             {"heads", hp.head_count},
             {"kv_heads", hp.head_count_kv},
             {"head_dim", hp.key_length},
             {"vocabulary", hp.vocab_size},
             {"tokenizer",
              {{"model", in.tokenizer->model()},
               {"pre", in.tokenizer->pre()},
               {"algorithm", in.tokenizer->algorithm()},
               {"end_ids", in.tokenizer->end_ids()},
               {"add_bos", in.tokenizer->add_bos()}}},
             {"chat_template", in.chat_template},
             {"chat_template_features", json_of(in.features)},
             {"tensor_types", Json::object()},
             {"metadata", Json::object()},
             {"warnings", in.warnings}};
    for (const auto& [name, count] : type_counts(*in.file)) out["tensor_types"][name] = count;
    for (const auto& [key, value] : in.file->metadata()) out["metadata"][key] = json_of(value);
    return out;
}

std::string shortened(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    if (text.size() <= kShownCharacters) return text;
    size_t end = kShownCharacters;
    while (end > 0 && (uint8_t(text[end]) & 0xc0) == 0x80) --end;  // not inside a character
    return text.substr(0, end) + fmt::format("... ({} bytes)", text.size());
}

std::string shown(const gguf::Value& value) {
    if (const auto* array = std::get_if<gguf::Array>(&value.data)) {
        std::string out = fmt::format("{} x {}", array->count, type_name(array->element));
        for (size_t i = 0; i < std::min(array->strings.size(), kShownElements); ++i)
            out += fmt::format("{} \"{}\"", i ? "," : ":", shortened(array->strings[i]));
        return out;
    }
    if (const auto* text = std::get_if<std::string>(&value.data)) return shortened(*text);
    return json_of(value).dump();
}

std::string text_of_fit(const Json& fit) {
    const auto bytes = [&](const char* key) { return format_bytes(fit[key].get<uint64_t>()); };
    std::string out =
        fmt::format("\nmemory for a context of {}: {} (weights {}, cache {}, activations {})\n",
                    fit["context"].get<uint32_t>(), bytes("total_bytes"), bytes("weights_bytes"),
                    bytes("cache_bytes"), bytes("activation_bytes"));
    for (const Json& p : fit["places"])
        out += fmt::format("  {}: {}, {}; largest context {}\n", p["name"].get<std::string>(),
                           format_bytes(p["bytes"].get<uint64_t>()),
                           p["fits"].get<bool>() ? "fits" : "does not fit",
                           p["largest_context"].get<uint32_t>());
    return out;
}

std::string text_of_tensors(const gguf::File& file) {
    std::string out = "\ntensors, slowest dimension first\n";
    for (const gguf::TensorInfo& t : file.tensors()) {
        std::string shape;
        for (uint32_t d = t.n_dims; d-- > 0;) shape += fmt::format("[{}]", t.dims[d]);
        out += fmt::format("  {:<40} {:<6} {:<16} {}\n", t.name, dtype_info(t.dtype).name, shape,
                           format_bytes(t.size_bytes));
    }
    return out;
}

std::string text_of(const Inspection& in) {
    const Hparams& hp = in.model->hparams();
    std::string types;
    for (const auto& [name, count] : type_counts(*in.file))
        types += fmt::format("{}{} {}", types.empty() ? "" : ", ", count, name);
    std::string out = fmt::format("{}: GGUF v{}, {} of weights\n", in.file->name(),
                                  in.file->version(), format_bytes(weight_bytes(*in.file)));
    const auto row = [&](std::string_view name, const std::string& value) {
        out += fmt::format("  {:<14}{}\n", name, value);
    };
    row("architecture", fmt::format("{}, {:.1f} M parameters", hp.architecture,
                                    double(in.model->n_params()) / 1e6));
    row("context", fmt::to_string(hp.context_length));
    row("layers", fmt::format("{} of width {}, feed-forward {}", hp.block_count,
                              hp.embedding_length, hp.feed_forward_length));
    row("heads", fmt::format("{} of {}, {} for keys and values", hp.head_count, hp.key_length,
                             hp.head_count_kv.front()));
    row("tensors", types);
    row("tokenizer", fmt::format("{} ({}, {}), {} tokens", in.tokenizer->algorithm(),
                                 in.tokenizer->model(), in.tokenizer->pre(), in.tokenizer->size()));
    row("chat template", in.features ? "usable: " + in.features->str() : in.chat_template);
    for (const std::string& warning : in.warnings) row("warning", warning);
    out += "\nmetadata\n";
    for (const auto& [key, value] : in.file->metadata())
        out += fmt::format("  {:<40} {:<7} {}\n", key, type_name(value.type), shown(value));
    return out;
}

}  // namespace

Result<void> inspect(const Args& args) {
    CLI::App app("Checks a model file, weights included, and shows what is in it.", "m2w inspect");
    InspectArgs in;
    app.add_option("model", in.model, "GGUF file")->required();
    app.add_flag("--json", in.json, "as one JSON object");
    app.add_flag("--tensors", in.tensors, "every tensor");
    app.add_flag("--plan", in.plan, "the operations that the model becomes");
    app.add_option("--fit", in.fit, "memory for a context of this many tokens, and where it fits");
    app.add_flag("--quick", in.quick, "do not read the weights");
    TRY(const bool go_on, parse(app, args));
    if (!go_on) return {};

    TRY(const Inspection found, run_checks(in));
    Json fit;
    if (in.fit) {
        TRY(fit, fit_of(found, *in.fit));
    }
    if (in.json) {
        Json out = summary(found);
        if (in.tensors) out["tensors"] = tensor_list(*found.file);
        if (in.plan) out["plan"] = found.model->plan().print();
        if (in.fit) out["fit"] = fit;
        return print(out.dump(2, ' ', true, Json::error_handler_t::replace) + "\n");
    }
    std::string text = text_of(found);
    if (in.tensors) text += text_of_tensors(*found.file);
    if (in.plan) text += "\nplan\n" + found.model->plan().print();
    if (in.fit) text += text_of_fit(fit);
    return print(escape_for_terminal(text));
}

}  // namespace m2w::tools
