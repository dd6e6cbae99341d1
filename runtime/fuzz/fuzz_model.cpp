// fuzz_model.cpp — libFuzzer target: the bytes of a model file (check_model.h). Most mutations edit
// a valid model: its keys, tensor shapes and types, sometimes a size everywhere at once. Random
// bytes seldom get past the file's parser, which has a target of its own.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include "gguf/fuzz/editable_file.h"
#include "runtime/fuzz/check_model.h"
#include "runtime/model/arch_spec.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace m2w::fuzz {
namespace {

using gguf::KeyValue;
using gguf::make_array;
using gguf::make_value;
using gguf::ValueType;
using gguf::fuzz::below;
using gguf::fuzz::EditableFile;
using gguf::fuzz::EditableTensor;
using gguf::fuzz::Random;

template <class T, size_t N>
const T& any_of(const T (&list)[N], Random& random) {
    return list[below(random, N)];
}
template <class T>
T& any_of(std::vector<T>& list, Random& random) {
    return list[below(random, list.size())];
}

constexpr const char* kKeys[] = {"attention.head_count",
                                 "attention.head_count_kv",
                                 "attention.key_length",
                                 "attention.value_length",
                                 "attention.key_length_mla",
                                 "attention.value_length_mla",
                                 "attention.kv_lora_rank",
                                 "attention.q_lora_rank",
                                 "attention.scale",
                                 "attention.sliding_window",
                                 "attention.temperature_length",
                                 "attention.temperature_scale",
                                 "attn_logit_softcapping",
                                 "block_count",
                                 "context_length",
                                 "embedding_length",
                                 "embedding_scale",
                                 "expert_count",
                                 "expert_used_count",
                                 "expert_group_count",
                                 "expert_group_used_count",
                                 "expert_feed_forward_length",
                                 "expert_shared_count",
                                 "expert_shared_feed_forward_length",
                                 "expert_gating_func",
                                 "expert_weights_norm",
                                 "expert_weights_scale",
                                 "feed_forward_length",
                                 "final_logit_softcapping",
                                 "full_attention_interval",
                                 "leading_dense_block_count",
                                 "logit_scale",
                                 "nextn_predict_layers",
                                 "residual_scale",
                                 "rope.dimension_count",
                                 "rope.freq_base",
                                 "rope.freq_base_swa",
                                 "rope.scale_linear",
                                 "rope.scaling.attn_factor",
                                 "rope.scaling.factor",
                                 "rope.scaling.original_context_length",
                                 "rope.scaling.type",
                                 "rope.scaling.yarn_attn_factor",
                                 "rope.scaling.yarn_beta_fast",
                                 "rope.scaling.yarn_beta_slow",
                                 "rope.scaling.yarn_ext_factor",
                                 "rope.scaling.yarn_log_multiplier",
                                 "shortconv.l_cache",
                                 "ssm.conv_kernel",
                                 "ssm.group_count",
                                 "ssm.inner_size",
                                 "ssm.state_size",
                                 "ssm.time_step_rank",
                                 "use_parallel_residual",
                                 "vocab_size"};
constexpr const char* kTensors[] = {"output.weight",
                                    "rope_freqs.weight",
                                    "rope_factors_long.weight",
                                    "rope_factors_short.weight",
                                    "blk.0.attn_qkv.weight",
                                    "blk.0.attn_q.bias",
                                    "blk.0.attn_output.bias",
                                    "blk.0.ffn_gate.bias",
                                    "blk.0.ffn_up.bias",
                                    "blk.0.ffn_gate_inp.weight",
                                    "blk.0.exp_probs_b.bias",
                                    "blk.1.attn_q.weight",
                                    "blk.2.attn_q.weight",
                                    "blk.0.ffn_gate_inp_shexp.weight",
                                    "output_norm.bias"};
constexpr const char* kScalings[] = {"none", "linear", "yarn", "longrope", "su", "x"};
constexpr uint32_t kCounts[] = {0,  1,  2,  3,  4,    6,        8,        12,
                                16, 32, 33, 64, 1024, 1u << 20, 1u << 31, UINT32_MAX};
constexpr float kFloats[] = {0,
                             1,
                             -1,
                             0.5f,
                             1e-6f,
                             1e-38f,
                             100,
                             1e30f,
                             std::numeric_limits<float>::infinity(),
                             std::numeric_limits<float>::quiet_NaN()};

gguf::Value random_value(Random& random) {
    switch (below(random, 8)) {
        case 0:
        case 1:
        case 2:
            return make_value(any_of(kCounts, random));
        case 3:
        case 4:
            return make_value(any_of(kFloats, random));
        case 5:
            return make_value(below(random, 2) == 0);
        case 6:
            return make_value(std::string(any_of(kScalings, random)));
        default: {
            std::vector<uint32_t> numbers(1 + below(random, 4));
            for (uint32_t& n : numbers) n = any_of(kCounts, random);
            return make_array(numbers);
        }
    }
}

/// Another value of the type that the key has.
void change(KeyValue& kv, Random& random) {
    if (kv.value.type == ValueType::u32)
        kv.value = make_value(any_of(kCounts, random));
    else if (kv.value.type == ValueType::f32)
        kv.value = make_value(any_of(kFloats, random));
    else
        kv.value = random_value(random);
}

std::string architecture_of(const EditableFile& file) {
    for (const KeyValue& kv : file.metadata)
        if (const auto* name = std::get_if<std::string>(&kv.value.data);
            name && kv.key == "general.architecture")
            return *name;
    return "";
}

/// The same model under another architecture's name.
void rename_architecture(EditableFile& file, Random& random) {
    const std::string from = architecture_of(file) + ".";
    const std::string to(all_archs()[below(random, all_archs().size())].gguf_name);
    for (KeyValue& kv : file.metadata) {
        if (kv.key == "general.architecture") kv.value = make_value(to);
        if (kv.key.starts_with(from)) kv.key = to + "." + kv.key.substr(from.size());
    }
}

/// A size is another one in every key and every shape, so that what depends on it still fits.
void resize_everywhere(EditableFile& file, Random& random) {
    const KeyValue& chosen = any_of(file.metadata, random);
    const uint64_t* size = std::get_if<uint64_t>(&chosen.value.data);
    if (!size || *size == 0) return;
    const uint64_t from = *size, to = std::min<uint64_t>(64, any_of(kCounts, random));
    for (KeyValue& kv : file.metadata)
        if (kv.value.type == ValueType::u32 && std::get<uint64_t>(kv.value.data) == from &&
            (&kv == &chosen || below(random, 2)))
            kv.value = make_value(uint32_t(to));
    for (EditableTensor& tensor : file.tensors)
        for (uint64_t& dim : tensor.spec.dims)
            if (dim % from == 0) dim = dim / from * to;
}

void edit_tensor(EditableTensor& tensor, Random& random) {
    std::vector<uint64_t>& dims = tensor.spec.dims;
    switch (below(random, 5)) {
        case 0:
            if (!dims.empty()) any_of(dims, random) = any_of(kCounts, random) % 100;
            break;
        case 1:
            dims.push_back(1 + below(random, 4));
            break;
        case 2:
            std::shuffle(dims.begin(), dims.end(), random);
            break;
        case 3:
            tensor.spec.dtype = all_dtypes()[below(random, all_dtypes().size())].dtype;
            break;
        default:
            tensor.spec.name = any_of(kTensors, random);
    }
}

void edit(EditableFile& file, Random& random) {
    auto& [metadata, tensors] = file;
    if (metadata.empty() || tensors.empty()) return;
    switch (below(random, 8)) {
        case 0:
        case 1:
            return change(any_of(metadata, random), random);
        case 2:
            metadata.push_back(
                {architecture_of(file) + "." + any_of(kKeys, random), random_value(random)});
            return;
        case 3:
            metadata.erase(metadata.begin() + below(random, metadata.size()));
            return;
        case 4:
            return rename_architecture(file, random);
        case 5:
            return resize_everywhere(file, random);
        case 6:
            return edit_tensor(any_of(tensors, random), random);
        default:
            if (below(random, 2)) {
                tensors.erase(tensors.begin() + below(random, tensors.size()));
            } else {
                tensors.push_back(any_of(tensors, random));
                tensors.back().spec.name = any_of(kTensors, random);
            }
    }
}

}  // namespace
}  // namespace m2w::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
    using namespace m2w::fuzz;
    Random random(seed);
    EditableFile file = EditableFile::of(data, size);
    if (file.tensors.empty() || below(random, 8) == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    for (uint32_t n = 1 + below(random, 4); n > 0; n--) edit(file, random);
    const std::string bytes = file.bytes(random, max_size);
    if (bytes.empty()) return LLVMFuzzerMutate(data, size, max_size);
    std::copy(bytes.begin(), bytes.end(), data);
    return bytes.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    m2w::fuzz::check_model(std::as_bytes(std::span(data, size)));
    return 0;
}
