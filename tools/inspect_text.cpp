// inspect_text.cpp — the listings of m2w inspect.
#include "tools/inspect_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "gguf/escape.h"
#include "tools/value_text.h"

namespace m2w::tools {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json json_or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json(nullptr);
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

Json json_of(const Tokenizer* tokenizer) {
    if (!tokenizer) return nullptr;
    return {{"model", tokenizer->model()},         {"pre", tokenizer->pre()},
            {"algorithm", tokenizer->algorithm()}, {"size", tokenizer->size()},
            {"end_ids", tokenizer->end_ids()},     {"add_bos", tokenizer->add_bos()}};
}

double share_of(uint64_t part, uint64_t whole) {
    return whole ? double(part) / double(whole) : 0;
}

Json json_of_types(const Inspection& in) {
    Json list = Json::array();
    for (const TypeShare& type : in.types())
        list.push_back({{"type", dtype_info(type.dtype).name},
                        {"tensors", type.n_tensors},
                        {"parameters", type.n_params},
                        {"bytes", type.bytes},
                        {"share", share_of(type.bytes, in.weight_bytes())},
                        {"supported", dtype_info(type.dtype).decode != nullptr}});
    return list;
}

/// The vocabulary as far as the file has one.
std::optional<uint64_t> vocabulary_size(const Inspection& in) {
    if (in.hparams) return in.hparams->vocab_size;
    if (in.tokenizer) return in.tokenizer->size();
    const gguf::Value* tokens = in.file->find("tokenizer.ggml.tokens");
    const auto* array = tokens ? std::get_if<gguf::Array>(&tokens->data) : nullptr;
    return array ? std::optional(array->count) : std::nullopt;
}

std::string_view mixer_name(Mixer mixer) {
    constexpr std::string_view kNames[] = {"attention", "latent attention", "short convolution",
                                           "scan and attention", "delta net"};
    return kNames[size_t(mixer)];
}

/// What a layer is: "attention", "attention to 512 tokens, experts".
std::string layer_kind(const LayerHparams& layer, bool any_experts) {
    std::string kind(mixer_name(layer.mixer));
    if (layer.window) kind += fmt::format(" to the last {}", with_commas(layer.window));
    if (any_experts) kind += layer.feed_forward == FeedForward::experts ? ", experts" : ", dense";
    return kind;
}

/// How many layers there are of each kind, in the order in which the kinds appear.
std::vector<std::pair<std::string, uint32_t>> layer_kinds(const Hparams& hp) {
    std::vector<std::pair<std::string, uint32_t>> kinds;
    for (const LayerHparams& layer : hp.layers) {
        const std::string kind = layer_kind(layer, hp.experts.count > 0);
        const auto at = std::find_if(kinds.begin(), kinds.end(),
                                     [&](const auto& known) { return known.first == kind; });
        if (at == kinds.end())
            kinds.push_back({kind, 1});
        else
            ++at->second;
    }
    return kinds;
}

Json json_of_layers(const Inspection& in) {
    Json list = Json::array();
    if (in.hparams)
        for (const auto& [kind, count] : layer_kinds(*in.hparams))
            list.push_back({{"kind", kind}, {"count", count}});
    return list;
}

Json json_of_experts(const Inspection& in) {
    if (!in.hparams || in.hparams->experts.count == 0) return nullptr;
    const ExpertHparams& experts = in.hparams->experts;
    return {{"count", experts.count},
            {"used", experts.used_count},
            {"feed_forward_length", experts.feed_forward_length},
            {"shared_feed_forward_length", experts.shared_feed_forward_length}};
}

/// Lines of "  name          value".
class Rows {
  public:
    void add(std::string_view name, const std::string& value) {
        text_ += fmt::format("  {:<15}{}\n", name, value);
    }
    const std::string& text() const { return text_; }

  private:
    std::string text_;
};

/// "7.3 M"
std::string rounded(uint64_t count) {
    double value = double(count);
    const char* unit = "";
    for (const char* next : {" K", " M", " B", " T"}) {
        if (value < 1000) break;
        value /= 1000;
        unit = next;
    }
    return fmt::format("{:.{}f}{}", value, *unit && value < 100 ? 1 : 0, unit);
}

std::string text_of_heads(const Dimensions& dims) {
    std::string text = with_commas(*dims.heads);
    if (dims.head_dim) text += fmt::format(" of width {}", *dims.head_dim);
    if (dims.kv_heads.empty()) return text;
    const auto [least, most] = std::minmax_element(dims.kv_heads.begin(), dims.kv_heads.end());
    text += *least == *most ? fmt::format(", {}", *most) : fmt::format(", {} to {}", *least, *most);
    return text + " for keys and values";
}

std::string text_of_layers(const Inspection& in) {
    std::string text = with_commas(*in.dimensions.layers);
    if (in.dimensions.embedding_length)
        text += fmt::format(" of width {}", with_commas(*in.dimensions.embedding_length));
    if (in.dimensions.feed_forward_length)
        text += fmt::format(", feed-forward {}", with_commas(*in.dimensions.feed_forward_length));
    return text;
}

std::string text_of_experts(const ExpertHparams& experts) {
    std::string text = fmt::format("{} of feed-forward {}, {} a token", experts.count,
                                   with_commas(experts.feed_forward_length), experts.used_count);
    if (experts.shared_feed_forward_length)
        text += fmt::format(", shared ones of {}", with_commas(experts.shared_feed_forward_length));
    return text;
}

std::string text_of_model(const Inspection& in) {
    Rows rows;
    if (const auto name = in.file->find_string("general.name"); name && *name)
        rows.add("name", shortened(std::string(**name)));
    rows.add("architecture", in.architecture);
    if (!in.file->tensors().empty())
        rows.add("parameters",
                 fmt::format("{} ({})", rounded(in.n_params()), with_commas(in.n_params())));
    const Dimensions& dims = in.dimensions;
    if (dims.layers) rows.add("layers", text_of_layers(in));
    if (in.hparams) {
        std::string kinds;
        for (const auto& [kind, count] : layer_kinds(*in.hparams))
            kinds += fmt::format("{}{} {}", kinds.empty() ? "" : "; ", count, kind);
        rows.add("", kinds);
        if (in.hparams->experts.count) rows.add("experts", text_of_experts(in.hparams->experts));
    }
    if (dims.heads) rows.add("heads", text_of_heads(dims));
    if (dims.context_length)
        rows.add("context", fmt::format("{} tokens", with_commas(*dims.context_length)));
    return "\nmodel\n" + rows.text();
}

std::string text_of_text(const Inspection& in) {
    Rows rows;
    const auto size = vocabulary_size(in);
    const std::string tokens = size ? fmt::format("{} tokens", with_commas(*size)) : "none";
    if (in.tokenizer) {
        rows.add("tokenizer", fmt::format("{} ({}, {})", in.tokenizer->algorithm(),
                                          in.tokenizer->model(), in.tokenizer->pre()));
        rows.add("vocabulary", tokens);
        rows.add("end tokens", fmt::format("{}", fmt::join(in.tokenizer->end_ids(), ", ")));
    } else {
        rows.add("tokenizer", "not supported");
        rows.add("vocabulary", tokens);
    }
    rows.add("chat template", in.features ? "usable: " + in.features->str() : in.chat_template);
    return "\ntext\n" + rows.text();
}

std::string text_of_types(const Inspection& in) {
    if (in.file->tensors().empty()) return "";
    const uint64_t bytes = in.weight_bytes();
    uint64_t params = 0;
    for (const TypeShare& type : in.types()) params += type.n_params;
    const auto line = [&](std::string_view name, uint64_t n_tensors, uint64_t n_bytes,
                          uint64_t n_params, std::string_view remark) {
        return fmt::format("  {:<10}{:>8}{:>11}{:>9.1f} %{:>10.2f}{}\n", name,
                           with_commas(n_tensors), format_bytes(n_bytes),
                           100 * share_of(n_bytes, bytes), 8 * share_of(n_bytes, n_params), remark);
    };
    std::string text = fmt::format("\nweights\n  {:<10}{:>8}{:>11}{:>11}{:>10}\n", "type",
                                   "tensors", "size", "share", "bits");
    for (const TypeShare& type : in.types())
        text += line(dtype_info(type.dtype).name, type.n_tensors, type.bytes, type.n_params,
                     dtype_info(type.dtype).decode ? "" : "  not supported");
    return text + line("all", in.file->tensors().size(), bytes, params, "");
}

std::string text_of_memory(const Inspection& in) {
    const std::vector<MemoryRow> rows = in.memory();
    if (rows.empty()) return "";
    constexpr std::string_view kLine = "  {:>10}{:>11}{:>11}{:>11}{:>13}{:>11}\n";
    std::string text = "\nmemory, with keys and values in f16\n" +
                       fmt::format(fmt::runtime(kLine), "context", "weights", "cache", "states",
                                   "activations", "total");
    for (const auto& [context, need] : rows)
        text +=
            fmt::format(fmt::runtime(kLine), with_commas(context), format_bytes(need.weights_bytes),
                        format_bytes(need.cache_bytes), format_bytes(need.state_bytes),
                        format_bytes(need.activation_bytes), format_bytes(need.total_bytes()));
    return text;
}

/// What m2w does not understand in the file, and anything else that a person should know.
std::string text_of_findings(const Inspection& in) {
    Rows rows;
    for (const std::string& key : in.unread_keys)
        rows.add("unread key",
                 fmt::format("{} = {}", escape_line(key), text_of(*in.file->find(key))));
    std::vector<NamedText> tensors;
    for (const std::string& name : in.unused_tensors) {
        const gguf::TensorInfo& tensor = *in.file->find_tensor(name);
        tensors.push_back(
            {name, fmt::format("{} {}", dtype_info(tensor.dtype).name, shape_text(tensor))});
    }
    for (const auto& [name, what] : grouped_by_layer(tensors))
        rows.add("unused tensor", fmt::format("{}  {}", escape_line(name), what));
    if (in.chat_template != "usable" && in.chat_template != "none")
        rows.add("chat template", "not usable: " + escape_line(in.chat_template));
    return rows.text().empty() ? "" : "\nnot understood\n" + rows.text();
}

std::string text_of_obstacles(const Inspection& in) {
    std::string text;
    for (const Obstacle& obstacle : in.obstacles)
        text += fmt::format("\ncannot run: {}\n  needs {}\n", escape_line(obstacle.error.message),
                            obstacle.needs);
    return text;
}

}  // namespace

Json json_of(const MemoryRow& row) {
    return {{"context", row.context},
            {"weights_bytes", row.need.weights_bytes},
            {"cache_bytes", row.need.cache_bytes},
            {"state_bytes", row.need.state_bytes},
            {"activation_bytes", row.need.activation_bytes},
            {"total_bytes", row.need.total_bytes()}};
}

Json tensor_list(const gguf::File& file) {
    Json list = Json::array();
    for (const gguf::TensorInfo& t : file.tensors())
        list.push_back({{"name", t.name},
                        {"type", dtype_info(t.dtype).name},
                        {"shape", shape_of(t)},
                        {"part", t.part},
                        {"offset_bytes", t.offset_bytes},
                        {"size_bytes", t.size_bytes}});
    return list;
}

Json json_of(const Inspection& in) {
    const Dimensions& dims = in.dimensions;
    Json out{{"file", in.file->name()},
             {"gguf_version", in.file->version()},
             {"alignment", in.file->alignment()},
             {"files", in.file->parts().size()},
             {"weight_bytes", in.weight_bytes()},
             {"architecture", in.architecture},
             {"parameters", in.n_params()},
             {"context_length", json_or_null(dims.context_length)},
             {"layers", json_or_null(dims.layers)},
             {"layer_kinds", json_of_layers(in)},
             {"experts", json_of_experts(in)},
             {"embedding_length", json_or_null(dims.embedding_length)},
             {"feed_forward_length", json_or_null(dims.feed_forward_length)},
             {"heads", json_or_null(dims.heads)},
             {"kv_heads", dims.kv_heads},
             {"head_dim", json_or_null(dims.head_dim)},
             {"vocabulary", json_or_null(vocabulary_size(in))},
             {"tokenizer", json_of(in.tokenizer.get())},
             {"chat_template", in.chat_template},
             {"chat_template_features", json_of(in.features)},
             {"weight_types", json_of_types(in)},
             {"memory", Json::array()},
             {"cannot_run", Json::array()},
             {"not_understood", {{"keys", in.unread_keys}, {"tensors", in.unused_tensors}}},
             {"warnings", in.warnings},
             {"metadata", Json::object()}};
    for (const MemoryRow& row : in.memory()) out["memory"].push_back(json_of(row));
    for (const Obstacle& obstacle : in.obstacles)
        out["cannot_run"].push_back({{"category", category_name(obstacle.error.category)},
                                     {"message", obstacle.error.message},
                                     {"needs", obstacle.needs}});
    for (const auto& [key, value] : in.file->metadata()) out["metadata"][key] = json_of(value);
    return out;
}

std::string text_of_tensors(const gguf::File& file) {
    std::string out = "\ntensors, slowest dimension first\n";
    for (const gguf::TensorInfo& t : file.tensors())
        out += fmt::format("  {:<40} {:<6} {:<16} {}\n", escape_line(t.name),
                           dtype_info(t.dtype).name, shape_text(t), format_bytes(t.size_bytes));
    return out;
}

std::string text_of(const Inspection& in) {
    const size_t n_files = in.file->parts().size();
    std::string out =
        fmt::format("{}\n  GGUF v{}{}, {} of weights in {} tensors\n", in.file->name(),
                    in.file->version(), n_files > 1 ? fmt::format(" in {} files", n_files) : "",
                    format_bytes(in.weight_bytes()), in.file->tensors().size());
    out += text_of_obstacles(in) + text_of_model(in) + text_of_text(in) + text_of_types(in) +
           text_of_memory(in) + text_of_findings(in);
    out += "\nmetadata\n";
    for (const auto& [key, value] : in.file->metadata())
        out += fmt::format("  {:<40} {:<7} {}\n", escape_line(shortened(key)),
                           gguf::value_type_name(value.type), escape_line(text_of(value)));
    return out;
}

}  // namespace m2w::tools
