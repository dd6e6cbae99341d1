// tensors_test.cpp — the tensor directory of a file against what its architecture needs: missing,
// misshapen, of a wrong type, too many.
#include "runtime/model/tensors.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "runtime/model/fuzz/blueprint.h"
#include "tests/support/results.h"

namespace m2w {
namespace {

using test::Blueprint;
using test::BlueprintShape;
using test::outcome;

std::string model_verdict(const Blueprint& blueprint) {
    return outcome(blueprint.model());
}

std::string shape_str(const std::vector<uint64_t>& dims) {
    std::string out;
    for (size_t d = dims.size(); d-- > 0;) out += fmt::format("[{}]", dims[d]);
    return out;
}

// What a blueprint holds is what the row requires; so each tensor of it is tried in turn.

TEST(tensors, required_tensor_that_is_missing_is_named) {
    for (const ArchSpec& arch : all_archs()) {
        const Blueprint whole(arch);
        for (const auto& t : whole.tensors())
            EXPECT_EQ(model_verdict(Blueprint(arch).erase_tensor(t.name)),
                      fmt::format("shape_mismatch: {}: tensor missing", t.name))
                << arch.gguf_name;
    }
}

TEST(tensors, tensor_of_another_shape_is_refused_with_both_shapes) {
    for (const ArchSpec& arch : all_archs()) {
        const Blueprint whole(arch);
        for (const auto& t : whole.tensors()) {
            const auto refusal = [&](const std::vector<uint64_t>& found) {
                return fmt::format("shape_mismatch: {}: expected {}, file has {}", t.name,
                                   shape_str(t.dims), shape_str(found));
            };
            std::vector<std::vector<uint64_t>> wrong{{t.dims[0] > 1 ? t.dims[0] / 2 : 3},
                                                     {t.dims[0] + 1},
                                                     {1, t.dims[0]},
                                                     {t.dims[0], 2, 3}};
            if (t.dims.size() == 2) {
                wrong[0].push_back(t.dims[1]);
                wrong[1].push_back(t.dims[1]);
                wrong.push_back({t.dims[0] * t.dims[1]});
            }
            if (t.dims.size() == 2 && t.name != "token_embd.weight")
                wrong.push_back({t.dims[0], t.dims[1] + 1});
            for (const auto& dims : wrong) {
                Blueprint blueprint(arch);
                blueprint.tensor(t.name).dims = dims;
                EXPECT_EQ(model_verdict(blueprint), refusal(dims)) << arch.gguf_name;
            }
        }
    }
}

TEST(tensors, embedding_with_other_rows_than_the_vocabulary_is_refused) {
    Blueprint blueprint = Blueprint("llama");
    blueprint.tensor("token_embd.weight").dims = {32, 41};
    EXPECT_EQ(model_verdict(blueprint),
              "vocab: token_embd.weight: expected 40 rows (the vocabulary), file has 41");
    EXPECT_EQ(model_verdict(Blueprint("llama").add("output.weight", {32, 39})),
              "vocab: output.weight: expected 40 rows (the vocabulary), file has 39");
}

TEST(tensors, trailing_dimensions_of_one_are_accepted) {
    Blueprint blueprint = Blueprint("llama");
    blueprint.tensor("output_norm.weight").dims = {32, 1, 1};
    blueprint.tensor("blk.1.ffn_down.weight").dims = {48, 32, 1, 1};
    EXPECT_EQ(model_verdict(blueprint), "ok");
}

TEST(tensors, matrix_of_a_type_without_meaning_for_weights_is_refused) {
    for (const DType type : {DType::i8, DType::i16, DType::i32, DType::i64, DType::f64}) {
        Blueprint blueprint = Blueprint("llama");
        blueprint.tensor("blk.0.attn_q.weight").dtype = type;
        EXPECT_EQ(model_verdict(blueprint),
                  fmt::format("shape_mismatch: blk.0.attn_q.weight: a matrix cannot be {}",
                              dtype_info(type).name));
    }
}

TEST(tensors, matrix_of_every_type_is_accepted_or_refused_by_name) {
    const BlueprintShape shape{.embedding_length = 256};  // a row is one block of any type
    for (const DTypeInfo& type : all_dtypes()) {
        if (type.name[0] == 'I' && type.name[1] != 'Q') continue;  // above
        if (type.dtype == DType::f64) continue;
        Blueprint blueprint("llama", shape);
        blueprint.tensor("blk.1.ffn_up.weight").dtype = type.dtype;
        EXPECT_EQ(
            model_verdict(blueprint),
            type.decode
                ? "ok"
                : fmt::format("unsupported: blk.1.ffn_up.weight: weight type {} is not supported",
                              type.name));
    }
}

TEST(tensors, vector_is_a_float) {
    for (const DType type : {DType::f32, DType::f16, DType::bf16}) {
        Blueprint blueprint = Blueprint("llama");
        blueprint.tensor("output_norm.weight").dtype = type;
        EXPECT_EQ(model_verdict(blueprint), "ok");
    }
    for (const DType type : {DType::q8_0, DType::q4_0, DType::i32, DType::f64}) {
        Blueprint blueprint = Blueprint("llama");
        blueprint.tensor("output_norm.weight").dtype = type;
        EXPECT_EQ(model_verdict(blueprint),
                  fmt::format("shape_mismatch: output_norm.weight: a vector must be F32, F16 or "
                              "BF16, file has {}",
                              dtype_info(type).name));
    }
}

struct Optional {
    std::string_view name;
    std::vector<uint64_t> dims;
};

/// What files of any architecture may have, in the default shape.
const std::vector<Optional> kOptional{
    {"output.weight", {32, 40}},   {"rope_freqs.weight", {4}},  {"blk.0.attn_output.bias", {32}},
    {"blk.0.ffn_gate.bias", {48}}, {"blk.0.ffn_up.bias", {48}}, {"blk.0.ffn_down.bias", {32}},
    {"blk.0.attn_q.bias", {32}},   {"blk.0.attn_k.bias", {16}}, {"blk.0.attn_v.bias", {16}},
};

/// Whether a step of the plan reads the tensor; a bias must stand beside the weight of its name.
bool plan_reads(const Plan& plan, std::string_view name) {
    for (const Step& step : plan.steps) {
        const OpInfo& info = op_info(step.op);
        for (size_t i = 0; i < info.n_bindings(); ++i) {
            const Bind kind = info.bindings[i].kind;
            const bool reads = kind == Bind::weight || kind == Bind::vector;
            if (!reads || !step.operands[i].present() ||
                plan.tensors[step.operands[i].index].name != name)
                continue;
            const std::string stem(name.substr(0, name.rfind('.')));
            return !name.ends_with(".bias") ||
                   plan.tensors[step.operand("w").index].name == stem + ".weight";
        }
    }
    return false;
}

TEST(tensors, optional_tensor_is_used_where_the_file_has_it) {
    for (const Optional& t : kOptional) {
        Blueprint blueprint = Blueprint("llama");
        blueprint.add(std::string(t.name), t.dims);
        if (t.name == "rope_freqs.weight") blueprint.fill("rope_freqs.weight", {1, 1, 2, 4});
        ASSERT_GET(const auto with, blueprint.model());
        EXPECT_EQ(with->warnings(), std::vector<std::string>()) << t.name;
        // The factors went into the constant; every other tensor is an operand.
        EXPECT_EQ(plan_reads(with->plan(), t.name), t.name != "rope_freqs.weight") << t.name;
        ASSERT_GET(const auto without, Blueprint("llama").model());
        EXPECT_EQ(with->plan().constants[0].words != without->plan().constants[0].words,
                  t.name == "rope_freqs.weight");
    }
}

TEST(tensors, optional_tensor_of_another_shape_is_refused) {
    for (const Optional& t : kOptional) {
        if (t.name == "output.weight") continue;  // its rows are the vocabulary's
        EXPECT_EQ(model_verdict(Blueprint("llama").add(std::string(t.name), {3})),
                  fmt::format("shape_mismatch: {}: expected {}, file has [3]", t.name,
                              shape_str(t.dims)));
    }
}

TEST(tensors, bias_of_queries_keys_and_values_is_required_where_the_row_says_so) {
    for (const ArchSpec& arch : all_archs()) {
        for (const char* name : {"blk.1.attn_q.bias", "blk.1.attn_k.bias", "blk.1.attn_v.bias"}) {
            const std::string got = model_verdict(Blueprint(arch).erase_tensor(name));
            EXPECT_EQ(
                got, arch.qkv_bias ? fmt::format("shape_mismatch: {}: tensor missing", name) : "ok")
                << arch.gguf_name;
        }
    }
}

TEST(tensors, attention_sinks_are_required_or_refused_as_the_row_says) {
    const char* name = "blk.1.attn_sinks.weight";
    for (const ArchSpec& arch : all_archs()) {
        SCOPED_TRACE(arch.gguf_name);
        Blueprint blueprint(arch);
        if (arch.attn_sinks) {
            EXPECT_EQ(model_verdict(blueprint.erase_tensor(name)),
                      fmt::format("shape_mismatch: {}: tensor missing", name));
        } else {
            EXPECT_EQ(model_verdict(blueprint.add(name, {4})),
                      fmt::format("unsupported: {}: architecture \"{}\" is not expected to have "
                                  "this tensor",
                                  name, arch.gguf_name));
        }
    }
}

TEST(tensors, norms_of_query_and_key_heads_are_refused_where_the_row_has_none) {
    for (const ArchSpec& arch : all_archs()) {
        if (arch.norms.qk != QkNorm::none) continue;
        for (const char* name : {"blk.0.attn_q_norm.weight", "blk.1.attn_k_norm.weight"})
            EXPECT_EQ(model_verdict(Blueprint(arch).add(name, {8})),
                      fmt::format("unsupported: {}: architecture \"{}\" is not expected to have "
                                  "this tensor",
                                  name, arch.gguf_name));
    }
}

TEST(tensors, unknown_tensor_is_a_warning) {
    ASSERT_GET(const auto model, Blueprint("llama")
                                     .add("planted.weight", {5})
                                     .add("blk.1.planted.bias", {32, 2}, DType::q8_0)
                                     .model());
    EXPECT_EQ(model->warnings(), (std::vector<std::string>{"tensor not used: planted.weight",
                                                           "tensor not used: blk.1.planted.bias"}));
    ASSERT_GET(const auto without, Blueprint("llama").model());
    EXPECT_EQ(without->warnings(), std::vector<std::string>());
    EXPECT_EQ(model->n_params(), without->n_params());
    EXPECT_EQ(model->plan().print(), without->plan().print());
}

TEST(tensors, layer_beyond_the_models_is_refused) {
    for (const char* layer : {"2", "3", "511", "4294967296", "18446744073709551616", "-1", "x"}) {
        const std::string name = fmt::format("blk.{}.attn_q.weight", layer);
        EXPECT_EQ(model_verdict(Blueprint("llama").add(name, {32, 32})),
                  fmt::format("shape_mismatch: {}: the model has 2 layers", name));
    }
    EXPECT_EQ(model_verdict(Blueprint("llama").set("block_count", 3u)),
              "shape_mismatch: blk.2.attn_norm.weight: tensor missing");
    EXPECT_EQ(model_verdict(Blueprint("llama").set("block_count", 1u)),
              "shape_mismatch: blk.1.attn_norm.weight: the model has 1 layers");
}

TEST(tensors, key_value_heads_of_each_layer_set_its_shapes) {
    Blueprint blueprint = Blueprint("llama");
    blueprint.set_raw("llama.attention.head_count_kv",
                      gguf::make_array(std::vector<uint32_t>{2, 4}));
    EXPECT_EQ(model_verdict(blueprint),
              "shape_mismatch: blk.1.attn_k.weight: expected [32][32], file has [16][32]");
    blueprint.tensor("blk.1.attn_k.weight").dims = {32, 32};
    blueprint.tensor("blk.1.attn_v.weight").dims = {32, 32};
    ASSERT_GET(const auto model, blueprint.model());
    const auto& caches = model->plan().caches;
    ASSERT_EQ(caches.size(), 4u);
    EXPECT_EQ(caches[0].width, 16u);
    EXPECT_EQ(caches[3].width, 32u);
}

TEST(tensors, parameters_are_counted_once) {
    const uint64_t n_embd = 32, n_ff = 48, n_q = 32, n_kv = 16, n_vocab = 40;
    const uint64_t layer =
        2 * n_embd + n_embd * n_q + 2 * n_embd * n_kv + n_q * n_embd + 3 * n_embd * n_ff;
    ASSERT_GET(const auto tied, Blueprint("llama").model());
    EXPECT_EQ(tied->n_params(), n_vocab * n_embd + n_embd + 2 * layer);
    ASSERT_GET(const auto untied, Blueprint("llama").add("output.weight", {32, 40}).model());
    EXPECT_EQ(untied->n_params(), 2 * n_vocab * n_embd + n_embd + 2 * layer);
    ASSERT_GET(const auto bias, Blueprint("qwen2").model());
    EXPECT_EQ(bias->n_params(), tied->n_params() + 2 * (n_q + 2 * n_kv));
    ASSERT_GET(const auto qk_norm, Blueprint("qwen3").model());
    EXPECT_EQ(qk_norm->n_params(), tied->n_params() + 2 * 2 * 8);
}

TEST(tensors, tensors_are_found_by_slot_and_layer) {
    ASSERT_GET(const auto file, Blueprint("qwen3").file());
    ASSERT_GET(const Hparams hp, Hparams::from(*file));
    ASSERT_GET(const TensorTable table, TensorTable::from(*file, hp, *find_arch("qwen3")));
    const auto name = [&](Slot slot, uint32_t layer) {
        const uint32_t at = table.find(slot, layer);
        return at == kNoTensor ? "none" : table.all()[at].name;
    };
    EXPECT_EQ(name(Slot::token_embd, 0), "token_embd.weight");
    EXPECT_EQ(name(Slot::token_embd, 1), "token_embd.weight");
    EXPECT_EQ(name(Slot::output, 0), "none");
    EXPECT_EQ(name(Slot::attn_q_bias, 1), "none");
    EXPECT_EQ(name(Slot::attn_q_norm, 0), "blk.0.attn_q_norm.weight");
    EXPECT_EQ(name(Slot::ffn_down, 1), "blk.1.ffn_down.weight");
    EXPECT_EQ(table.all().size(), 2u + 2 * 11);
    const Tensor& down = table.all()[table.find(Slot::ffn_down, 1)];
    EXPECT_EQ(down.rows, 32u);
    EXPECT_EQ(down.cols, 48u);
    EXPECT_FALSE(down.is_vector);
    EXPECT_EQ(down.info, file->find_tensor("blk.1.ffn_down.weight"));
}

}  // namespace
}  // namespace m2w
