// shard_upload_test.cpp — weights that come as planes from shards: the device gets the same bytes
// as from the model file, and bad numbers are refused in the same way.
#include <gtest/gtest.h>

#include <cmath>

#include "runtime/model/fuzz/blueprint.h"
#include "runtime/upload_front.h"
#include "runtime/vk/upload.h"
#include "runtime/vk_weights.h"
#include "tests/gguf/shard_samples.h"
#include "tests/runtime/engines.h"

namespace m2w {
namespace {

using test::Blueprint;
using test::Target;

class shard_upload : public test::EngineTest {};

/// Opened from shards in memory, which the files must outlive.
Result<std::shared_ptr<const Model>> sharded(const test::MemorySink::Files& files) {
    TRY(auto manifest, test::manifest_of(files));
    TRY(auto file, shards::open_shards(std::move(manifest), test::opener_of(files)));
    return Model::from(std::move(file));
}

Result<VkWeights> upload(vk::Device& device, const Model& model, uint64_t max_piece_bytes) {
    const Plan& plan = model.plan();
    TRY(auto weights, VkWeights::place(device, plan, {.max_piece_bytes = max_piece_bytes}));
    UploadFront front(plan.tensors.size());
    const ProgressFn progress;
    TRY(weights.upload(device, {plan, model.file(), progress}, front));
    return weights;
}

/// One plane of a piece on the device.
std::vector<std::byte> plane(vk::Device& device, const WeightPiece& piece, DType dtype, uint32_t i,
                             uint64_t n_blocks) {
    const uint64_t bytes = n_blocks * dtype_info(dtype).planes[i].bytes_per_block;
    std::vector<std::byte> out(bytes);
    const auto got =
        vk::download(device, piece.memory.part(piece.layout.offset_bytes[i], bytes), out);
    EXPECT_TRUE(got) << got.error().str();
    return out;
}

TEST_F(shard_upload, device_gets_the_planes_that_it_gets_from_the_file) {
    M2W_SHARED(folder, "quant");
    M2W_NEEDS(Target::vulkan);
    ASSERT_GET(const auto small, Blueprint("llama").model());
    ASSERT_GET(const auto engine, open(small, Target::vulkan));
    vk::Device& device = *device_of(engine->backend());
    size_t n_planes = 0;
    for (const char* type : {"q4_k_m", "q8_0", "bf16", "iq2_xs", "iq1_m", "mxfp4_moe", "tq2_0"}) {
        SCOPED_TRACE(type);
        ASSERT_GET(const auto model,
                   test::load_model(folder / (std::string("tiny2l-") + type + ".gguf")));
        const auto files = test::shard(model->file(), {.max_shard_bytes = 50'000});
        ASSERT_GET(const auto from_shards, sharded(files));
        for (const uint64_t piece_bytes : {uint64_t(0), uint64_t(30'000)}) {
            ASSERT_GET(const auto want, upload(device, *model, piece_bytes));
            ASSERT_GET(const auto got, upload(device, *from_shards, piece_bytes));
            const auto& tensors = model->plan().tensors;
            for (size_t t = 0; t < tensors.size(); ++t) {
                const DType dtype = want[t].dtype;
                ASSERT_EQ(got[t].pieces.size(), want[t].pieces.size());
                for (size_t p = 0; p < want[t].pieces.size(); ++p) {
                    const uint64_t blocks =
                        want[t].pieces[p].rows * tensors[t].cols / dtype_info(dtype).block_elems;
                    for (uint32_t i = 0; i < dtype_info(dtype).n_planes(); ++i, ++n_planes)
                        ASSERT_EQ(plane(device, got[t].pieces[p], dtype, i, blocks),
                                  plane(device, want[t].pieces[p], dtype, i, blocks))
                            << tensors[t].name << " plane " << i;
                }
            }
        }
    }
    EXPECT_GT(n_planes, 500u);
}

TEST_F(shard_upload, weights_that_are_no_numbers_are_refused_by_name) {
    M2W_NEEDS(Target::vulkan);
    for (const char* name : {"token_embd.weight", "blk.1.ffn_down.weight", "output_norm.weight"}) {
        Blueprint blueprint("qwen2");
        auto values = blueprint.values(blueprint.tensor(name));
        values.back() = NAN;
        ASSERT_GET(const auto file, blueprint.fill(name, values).file());
        const auto files = test::shard(*file);
        ASSERT_GET(const auto model, sharded(files));
        EXPECT_TRUE(test::outcome(open(model, Target::vulkan))
                        .starts_with(std::string("nan_scale: ") + name + ": NaN or infinity"))
            << name;
    }
}

TEST_F(shard_upload, damaged_shard_is_an_error_of_loading) {
    M2W_NEEDS(Target::vulkan);
    ASSERT_GET(const auto file, Blueprint("llama").file());
    auto files = test::shard(*file);
    std::string damaged;
    for (auto& [name, content] : files)
        if (name.starts_with("layer-01-")) {
            damaged = name;
            content[99] ^= 4;
        }
    ASSERT_GET(const auto model, sharded(files));
    EXPECT_TRUE(
        test::outcome(open(model, Target::vulkan)).starts_with("checksum: " + damaged + ": "));
}

}  // namespace
}  // namespace m2w
