// inspection.cpp — the checks, in the order in which a file is best explained.
#include "tools/inspection.h"

#include <fmt/format.h>

#include <algorithm>

#include "gguf/validate.h"
#include "runtime/model/arch_spec.h"
#include "runtime/session.h"

namespace m2w::tools {
namespace {

constexpr size_t kMaxTemplateBytes = jinja::Limits{}.source_bytes;
constexpr size_t kMaxNameBytes = 64;  // of an architecture, in a message
constexpr uint32_t kContexts[] = {2048, 8192, 32768};

/// A value, or nothing where the error only says that this build lacks something: then that is
/// noted.
template <class T>
Result<std::optional<T>> unless_unsupported(Result<T> result, Inspection& out, std::string needs) {
    if (result) return std::optional<T>(*std::move(result));
    if (result.error().category != Category::unsupported) return result.error();
    out.obstacles.push_back({std::move(result).error(), std::move(needs)});
    return std::optional<T>();
}

/// Names of the weight types in the file that no kernel reads: "Q8_1, I8". Empty: there are none.
std::string unknown_types(const Inspection& in) {
    std::string names;
    for (const TypeShare& share : in.types()) {
        const DTypeInfo& type = dtype_info(share.dtype);
        if (!type.decode) names += (names.empty() ? "" : ", ") + std::string(type.name);
    }
    return names;
}

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

Result<void> check_tokenizer(Inspection& out) {
    // Files of architectures that m2w does not know may be no language models.
    if (!find_arch(out.architecture) && !out.file->find("tokenizer.ggml.model")) return {};
    TRY(auto tokenizer,
        unless_unsupported(Tokenizer::from(*out.file), out,
                           "this tokenizer in m2w; docs/tokenizers.md lists those that it has"));
    if (tokenizer) out.tokenizer = *std::move(tokenizer);
    return {};
}

Dimensions dimensions_of(const Hparams& hp) {
    return {.context_length = hp.context_length,
            .layers = hp.block_count,
            .embedding_length = hp.embedding_length,
            .feed_forward_length = hp.feed_forward_length,
            .heads = hp.head_count,
            .head_dim = hp.key_length,
            .kv_heads = hp.head_count_kv};
}

/// What an unknown architecture says with the keys that all use. A value of another type than
/// usual says nothing here.
Dimensions dimensions_of(const gguf::File& file, const std::string& architecture) {
    const auto find = [&](std::string_view name) -> std::optional<uint32_t> {
        const auto value = file.find_u32(fmt::format("{}.{}", architecture, name));
        return value ? *value : std::nullopt;
    };
    return {.context_length = find("context_length"),
            .layers = find("block_count"),
            .embedding_length = find("embedding_length"),
            .feed_forward_length = find("feed_forward_length"),
            .heads = find("attention.head_count"),
            .head_dim = find("attention.key_length"),
            .kv_heads = {}};
}

Result<void> check_model(Inspection& out) {
    const gguf::File& file = *out.file;
    if (!find_arch(out.architecture)) {
        out.obstacles.push_back(
            {{Category::hyperparameter,
              fmt::format("architecture \"{}\"", out.architecture.substr(0, kMaxNameBytes))},
             "a description of this architecture in m2w; docs/models.md lists those that it has"});
        out.dimensions = dimensions_of(file, out.architecture);
        return {};
    }
    TRY(auto hparams, unless_unsupported(Hparams::from(file), out, "this computation in m2w"));
    if (!hparams) {
        out.dimensions = dimensions_of(file, out.architecture);
        return {};
    }
    out.hparams = *std::move(hparams);
    out.dimensions = dimensions_of(*out.hparams);
    out.unread_keys = out.hparams->unread_keys;
    if (file.tensors().empty()) {
        out.obstacles.push_back(
            {{Category::shape_mismatch, "the file has no tensors"}, "a file with weights"});
        return {};
    }
    const std::string types = unknown_types(out);
    TRY(auto model,
        unless_unsupported(Model::from(out.file), out,
                           types.empty()
                               ? "the computation that this tensor is for"
                               : "kernels for " + types + ", or the model in another weight type"));
    if (!model) return {};
    out.model = *std::move(model);
    out.unused_tensors = out.model->unused_tensors();
    return {};
}

}  // namespace

uint64_t Inspection::n_params() const {
    if (model) return model->n_params();
    uint64_t sum = 0;
    for (const gguf::TensorInfo& t : file->tensors()) sum += t.rows() * t.row_elems();
    return sum;
}

uint64_t Inspection::weight_bytes() const {
    uint64_t sum = 0;
    for (const gguf::TensorInfo& t : file->tensors()) sum += t.size_bytes;
    return sum;
}

std::vector<TypeShare> Inspection::types() const {
    std::array<TypeShare, size_t(DType::count)> all{};
    for (const gguf::TensorInfo& t : file->tensors()) {
        TypeShare& share = all[size_t(t.dtype)];
        share.dtype = t.dtype;
        ++share.n_tensors;
        share.n_params += t.rows() * t.row_elems();
        share.bytes += t.size_bytes;
    }
    std::vector<TypeShare> used;
    for (const TypeShare& share : all)
        if (share.n_tensors) used.push_back(share);
    std::stable_sort(used.begin(), used.end(),
                     [](const TypeShare& a, const TypeShare& b) { return a.bytes > b.bytes; });
    return used;
}

ExecutorOptions session_options(const Model& model, uint32_t n_ctx) {
    return executor_options(model, {.n_ctx = n_ctx});
}

std::vector<MemoryRow> Inspection::memory() const {
    std::vector<MemoryRow> rows;
    if (!model) return rows;
    const Plan& plan = model->plan();
    const auto add = [&](uint32_t context) {
        rows.push_back({context, estimate_memory(plan, session_options(*model, context))});
    };
    for (const uint32_t context : kContexts)
        if (context < plan.context_length) add(context);
    add(plan.context_length);
    return rows;
}

Result<Inspection> inspect_file(const std::string& model, const ModelAccess& access,
                                bool read_weights) {
    Inspection out;
    TRY(out.file, open_model(model, access, read_weights ? Reads::all : Reads::header));
    TRY(out.architecture, out.file->get_string("general.architecture"));
    if (out.architecture.empty())
        return Error{Category::hyperparameter, "general.architecture: empty"};
    // The vocabulary first: a file without one is told so, not that its size is missing or odd.
    TRY(check_tokenizer(out));
    TRY(check_model(out));
    for (const std::string& key : out.unread_keys)
        out.warnings.push_back("metadata not used: " + key);
    for (const std::string& name : out.unused_tensors)
        out.warnings.push_back("tensor not used: " + name);
    TRY(check_template(out));
    if (read_weights)
        for (const gguf::TensorInfo& tensor : out.file->tensors())
            TRY(gguf::check_finite(*out.file, tensor));
    return out;
}

}  // namespace m2w::tools
