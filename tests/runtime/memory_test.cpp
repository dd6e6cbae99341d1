// memory_test.cpp — the sums of the memory estimate, and what is said when a model does not fit.
// Allocates nothing.
#include "runtime/memory.h"

#include <gtest/gtest.h>

#include <regex>

#include "runtime/model/fuzz/blueprint.h"
#include "runtime/session.h"
#include "tests/support/golden.h"
#include "tests/support/results.h"

namespace m2w {
namespace {

TEST(memory, bytes_are_printed_for_people) {
    EXPECT_EQ(format_bytes(0), "0 B");
    EXPECT_EQ(format_bytes(1023), "1023 B");
    EXPECT_EQ(format_bytes(1024), "1.0 KiB");
    EXPECT_EQ(format_bytes(812 * 1024), "812 KiB");
    EXPECT_EQ(format_bytes(uint64_t(1.3 * (1 << 30))), "1.3 GiB");
    EXPECT_EQ(format_bytes(uint64_t(3) << 50), "3072 TiB");
}

TEST(memory, estimate_adds_up) {
    ASSERT_GET(const auto model, test::Blueprint("llama").model());
    const Plan& plan = model->plan();
    ExecutorOptions options{.n_ctx = 50, .n_batch = 10, .n_out = 1, .cache = CacheType::f16};
    const MemoryEstimate f16 = estimate_memory(plan, options);
    EXPECT_EQ(f16.weights_bytes, model->n_params() * 4);
    EXPECT_EQ(f16.cache_bytes, uint64_t(2 * 2 * 50 * 16 * 2));  // k and v, 2 layers
    EXPECT_EQ(f16.total_bytes(), f16.weights_bytes + f16.cache_bytes + f16.activation_bytes);
    options.cache = CacheType::f32;
    EXPECT_EQ(estimate_memory(plan, options).cache_bytes, 2 * f16.cache_bytes);
    options.n_batch = 20;
    EXPECT_GT(estimate_memory(plan, options).activation_bytes, f16.activation_bytes);
    options.keep_values = true;
    uint64_t all = 0;
    for (const PlanValue& v : plan.values)
        all += ((v.rows == Rows::n_tok ? 20 : 1) * v.width * 4 + 255) / 256 * 256;
    EXPECT_EQ(estimate_memory(plan, options).activation_bytes, all);
}

/// Their size depends on how many are kept, and not on the context.
TEST(memory, states_count_once_for_each_slot) {
    ASSERT_GET(const auto model, test::Blueprint("qwen35").model());
    const Plan& plan = model->plan();
    ASSERT_EQ(plan.states.size(), 2u);  // layer 0: of the convolution and of the heads
    const uint64_t words = 2 * (16 + 2 * 2 * 8) + 4 * 8 * 4;
    ExecutorOptions options{.n_ctx = 50, .n_batch = 10};
    for (const uint32_t n_snapshots : {0u, 1u, 7u}) {
        options.n_slots = executor_options(*model, {.n_snapshots = n_snapshots}).n_slots;
        const MemoryEstimate estimate = estimate_memory(plan, options);
        EXPECT_EQ(estimate.state_bytes, (n_snapshots + 2) * words * 4);
        EXPECT_EQ(estimate.total_bytes(), estimate.weights_bytes + estimate.cache_bytes +
                                              estimate.state_bytes + estimate.activation_bytes);
    }
    const uint64_t need = estimate_memory(plan, options).total_bytes();
    const auto refused = check_fits(plan, options, {need - 1});
    ASSERT_FALSE(bool(refused));
    EXPECT_NE(refused.error().message.find("states " + format_bytes(9 * words * 4)),
              std::string::npos)
        << refused.error().message;
}

TEST(memory, windowed_layers_count_as_rings) {
    ASSERT_GET(const auto model, test::Blueprint("gemma2").model());  // a window of 4, then none
    const ExecutorOptions options{.n_ctx = 50, .n_batch = 10, .cache = CacheType::f16};
    EXPECT_EQ(estimate_memory(model->plan(), options).cache_bytes,
              uint64_t(2 * (13 + 50) * 16 * 2));  // k and v: 4 - 1 + 10 rows and 50
    for (uint32_t n_ctx = 1; n_ctx < 64; ++n_ctx) {
        const ExecutorOptions of{.n_ctx = n_ctx, .n_batch = 10};
        const uint64_t bytes = estimate_memory(model->plan(), of).total_bytes();
        EXPECT_GE(largest_context(model->plan(), of, bytes), n_ctx);
        EXPECT_LT(largest_context(model->plan(), of, bytes - 1), n_ctx);
    }
}

TEST(memory, quantised_weights_count_as_their_planes) {
    M2W_SHARED(folder, "model");
    for (const char* name :
         {"tiny-f16.gguf", "tiny-q8_0.gguf", "tiny-q4_0.gguf", "tiny-q4_k_m.gguf"}) {
        ASSERT_GET(const auto file, gguf::File::open(folder / name));
        ASSERT_GET(const auto model, Model::from(file));
        uint64_t file_bytes = 0;
        for (const auto& t : file->tensors()) file_bytes += t.size_bytes;
        const uint64_t weights = estimate_memory(model->plan(), {}).weights_bytes;
        EXPECT_GE(weights, file_bytes) << name;  // repacking permutes, and pads each plane to 16
        EXPECT_LE(weights, file_bytes + 64 * file->tensors().size()) << name;
    }
}

TEST(memory, model_that_fits_is_accepted_to_the_byte) {
    ASSERT_GET(const auto model, test::Blueprint("qwen3").model());
    const ExecutorOptions options = executor_options(*model, {});
    const uint64_t need = estimate_memory(model->plan(), options).total_bytes();
    EXPECT_TRUE(bool(check_fits(model->plan(), options, {need})));
    EXPECT_FALSE(bool(check_fits(model->plan(), options, {need - 1})));
    EXPECT_TRUE(bool(check_fits(model->plan(), options, {0})));  // no fixed limit
}

TEST(memory, refusal_has_the_numbers_and_a_context_that_fits) {
    M2W_SHARED(path, "model/tiny-q8_0.gguf");
    ASSERT_GET(const auto file, gguf::File::open(path));
    ASSERT_GET(const auto model, Model::from(file));
    const Plan& plan = model->plan();
    ExecutorOptions options = executor_options(*model, {});
    const MemoryEstimate full = estimate_memory(plan, options);
    for (const uint64_t missing : {uint64_t(1), full.cache_bytes / 3, full.cache_bytes - 5000}) {
        options.n_ctx = 2048;
        const uint64_t heap = full.total_bytes() - missing;
        const auto refused = check_fits(plan, options, {heap});
        ASSERT_FALSE(bool(refused));
        EXPECT_EQ(refused.error().category, Category::out_of_memory);
        const std::string& text = refused.error().message;
        for (const uint64_t bytes : {full.total_bytes(), full.weights_bytes, full.cache_bytes,
                                     full.activation_bytes, heap})
            EXPECT_NE(text.find(format_bytes(bytes)), std::string::npos) << text;
        EXPECT_TRUE(text.starts_with("context 2048 needs ")) << text;
        std::smatch found;
        ASSERT_TRUE(std::regex_search(text, found, std::regex("a context of ([0-9]+) would fit")))
            << text;
        options.n_ctx = uint32_t(std::stoul(found[1]));
        EXPECT_TRUE(bool(check_fits(plan, options, {heap}))) << options.n_ctx;
        options.n_ctx += 1;
        EXPECT_FALSE(bool(check_fits(plan, options, {heap}))) << options.n_ctx;
    }
}

TEST(memory, refusal_of_a_model_that_never_fits_says_so) {
    ASSERT_GET(const auto model, test::Blueprint("llama").model());
    const ExecutorOptions options = executor_options(*model, {});
    const auto refused = check_fits(model->plan(), options, {1000});
    ASSERT_FALSE(bool(refused));
    EXPECT_NE(refused.error().message.find("not even a context of 1 fits"), std::string::npos)
        << refused.error().message;
    EXPECT_EQ(largest_context(model->plan(), options, 1000), 0u);
}

TEST(memory, context_that_fits_is_never_longer_than_the_models) {
    ASSERT_GET(const auto model, test::Blueprint("llama").model());
    EXPECT_EQ(largest_context(model->plan(), executor_options(*model, {}), uint64_t(1) << 40), 64u);
}

TEST(memory, main_memory_is_known_here) {
    EXPECT_GT(available_main_memory(), uint64_t(1) << 20);
}

}  // namespace
}  // namespace m2w
