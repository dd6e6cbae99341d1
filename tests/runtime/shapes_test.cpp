// shapes_test.cpp — models of shapes and features that the golden models do not have: Vulkan
// against the reference. Knows no truth of its own.
#include <fmt/format.h>

#include "runtime/model/fuzz/blueprint.h"
#include "tests/runtime/engines.h"
#include "tests/support/golden.h"

namespace m2w {
namespace {

using test::Blueprint;
using test::BlueprintShape;
using test::Target;

class shapes : public test::EngineTest {
  protected:
    /// Logits of a batch of 13, then of three tokens one by one: f32 [16][n_vocab].
    std::vector<float> logits(const std::shared_ptr<const Model>& model, Target target) {
        auto engine = open(model, target);
        EXPECT_TRUE(bool(engine)) << engine.error().str();
        if (!engine) return {};
        auto session =
            Session::create(*engine, {.n_ctx = 16, .cache = CacheType::f32, .all_logits = true});
        EXPECT_TRUE(bool(session)) << session.error().str();
        std::vector<float> out;
        for (uint32_t at = 0; session && at < 16;) {
            std::vector<uint32_t> batch(at == 0 ? 13 : 1);
            for (uint32_t& id : batch) id = (at++ * 13 + 5) % model->plan().n_vocab;
            auto rows = session->eval_all(batch);
            EXPECT_TRUE(bool(rows)) << rows.error().str();
            if (!rows) break;
            out.insert(out.end(), rows->begin(), rows->end());
        }
        return out;
    }

    void expect_same(const Blueprint& blueprint) {
        ASSERT_GET(const auto model, blueprint.model());
        const auto want = logits(model, Target::reference), got = logits(model, Target::vulkan);
        ASSERT_EQ(want.size(), 16 * model->plan().n_vocab);
        EXPECT_LE(test::relative_error(got, want), 1e-4);  // all in f32
    }
};

TEST_F(shapes, odd_widths_agree) {
    M2W_NEEDS(Target::vulkan);
    const BlueprintShape odd[] = {
        {.embedding_length = 36, .feed_forward_length = 50, .head_dim = 4, .vocab_size = 41},
        {.embedding_length = 33, .feed_forward_length = 31, .head_dim = 12, .vocab_size = 257},
        {.embedding_length = 257,
         .feed_forward_length = 255,
         .head_count = 3,
         .head_count_kv = 1,
         .head_dim = 20,
         .vocab_size = 31},
        {.embedding_length = 8,
         .feed_forward_length = 1,
         .head_count = 1,
         .head_count_kv = 1,
         .head_dim = 8,
         .vocab_size = 2},
        {.embedding_length = 64,
         .feed_forward_length = 64,
         .head_count = 8,
         .head_count_kv = 8,
         .head_dim = 128,
         .vocab_size = 64},
    };
    // Each architecture has two of them, and each of them two fifths of the architectures: ops_test
    // has every shape in every type, and shaders take long to compile.
    size_t n = 0;
    for (const ArchSpec& arch : all_archs())
        for (int either = 0; either < 2; ++either) {
            BlueprintShape shape = odd[n++ % std::size(odd)];
            shape.matrices = either ? DType::f16 : DType::f32;
            SCOPED_TRACE(fmt::format("{} {} {}", arch.gguf_name, shape.embedding_length,
                                     dtype_info(shape.matrices).name));
            expect_same(Blueprint(arch, shape));
        }
}

TEST_F(shapes, optional_tensors_agree_and_count) {
    M2W_NEEDS(Target::vulkan);
    ASSERT_GET(const auto plain, Blueprint("llama").model());
    const auto without = logits(plain, Target::reference);
    const std::pair<const char*, std::vector<uint64_t>> optional[] = {
        {"output.weight", {32, 40}},      {"blk.0.attn_q.bias", {32}},
        {"blk.0.attn_k.bias", {16}},      {"blk.0.attn_v.bias", {16}},
        {"blk.0.attn_output.bias", {32}}, {"blk.0.ffn_gate.bias", {48}},
        {"blk.0.ffn_up.bias", {48}},      {"blk.1.ffn_down.bias", {32}},
    };
    Blueprint all("llama");
    for (const auto& [name, dims] : optional) {
        ASSERT_GET(const auto one, Blueprint("llama").add(name, dims).model());
        EXPECT_GT(test::relative_error(logits(one, Target::reference), without), 1e-4) << name;
        all.add(name, dims);
    }
    expect_same(all);
}

TEST_F(shapes, part_of_a_head_is_rotated) {
    M2W_NEEDS(Target::vulkan);
    for (const ArchSpec& arch : all_archs())
        expect_same(Blueprint(arch).set("rope.dimension_count", 4u));
}

TEST_F(shapes, key_value_heads_differ_between_layers) {
    M2W_NEEDS(Target::vulkan);
    Blueprint blueprint("llama");
    blueprint.set_raw("llama.attention.head_count_kv",
                      gguf::make_array(std::vector<uint32_t>{4, 1}));
    for (const char* name : {"attn_k.weight", "attn_v.weight"}) {
        blueprint.tensor(std::string("blk.0.") + name).dims = {32, 32};
        blueprint.tensor(std::string("blk.1.") + name).dims = {32, 8};
    }
    expect_same(blueprint);
}

TEST_F(shapes, vectors_of_half_precision_are_widened) {
    M2W_NEEDS(Target::vulkan);
    Blueprint blueprint("qwen2");
    for (const char* name : {"output_norm.weight", "blk.0.attn_norm.weight", "blk.1.attn_q.bias"})
        blueprint.tensor(name).dtype = DType::f16;
    expect_same(blueprint);
}

TEST_F(shapes, head_that_kernels_cannot_read_is_refused_on_a_device_only) {
    M2W_NEEDS(Target::vulkan);
    for (const uint32_t head_dim : {2u, 6u, 10u}) {
        ASSERT_GET(const auto model, Blueprint("llama", {.head_dim = head_dim}).model());
        EXPECT_EQ(logits(model, Target::reference).size(), 16u * 40);
        EXPECT_EQ(test::outcome(open(model, Target::vulkan)),
                  fmt::format("unsupported: heads of {} dimensions: the device's kernels take "
                              "multiples of 4",
                              head_dim));
    }
}

}  // namespace
}  // namespace m2w
