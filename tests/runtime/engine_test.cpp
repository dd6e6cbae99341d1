// engine_test.cpp — loading a model onto a device and what can go wrong there: progress, weights
// that are no numbers, pieces, memory, a device that is lost.
#include "runtime/engine.h"

#include <fmt/format.h>

#include "runtime/memory.h"
#include "runtime/model/fuzz/blueprint.h"
#include "runtime/vk/buffer.h"
#include "runtime/vk/testing.h"
#include "runtime/vk_weights.h"
#include "tests/runtime/engines.h"
#include "tests/support/corpus.h"
#include "tests/support/golden.h"

namespace m2w {
namespace {

using test::Blueprint;
using test::Target;

class engine_on : public test::EngineTest, public testing::WithParamInterface<Target> {};

TEST_P(engine_on, progress_grows_to_the_end) {
    M2W_NEEDS(GetParam());
    ASSERT_GET(const auto model, Blueprint("qwen3").model());
    uint64_t total = 0, last = 0, n_calls = 0;
    for (const Tensor& t : model->plan().tensors) total += t.info->size_bytes;
    EngineOptions options;
    options.progress = [&](const LoadProgress& p) {
        EXPECT_GE(p.bytes_done, last);
        EXPECT_EQ(p.bytes_total, total);
        last = p.bytes_done;
        ++n_calls;
    };
    ASSERT_OK(open(model, GetParam(), options));
    EXPECT_EQ(last, total);
    EXPECT_GE(n_calls, model->plan().tensors.size());
}

TEST_P(engine_on, weights_that_are_no_numbers_are_refused_by_name) {
    M2W_NEEDS(GetParam());
    for (const float bad : {std::nanf(""), INFINITY, -INFINITY}) {
        for (const char* name : {"token_embd.weight", "output_norm.weight", "blk.1.attn_q.bias",
                                 "blk.1.ffn_down.weight"}) {
            Blueprint blueprint("qwen2");
            auto values = blueprint.values(blueprint.tensor(name));
            values.back() = bad;
            ASSERT_GET(const auto model, blueprint.fill(name, values).model());
            const std::string got = test::outcome(open(model, GetParam()));
            EXPECT_TRUE(got.starts_with(fmt::format("nan_scale: {}: NaN or infinity", name)))
                << got;
        }
    }
}

TEST_P(engine_on, corpus_of_damaged_weights_gives_the_expected_categories) {
    M2W_SHARED(script, "robust/make_bad_gguf.py");
    M2W_NEEDS(GetParam());
    const std::filesystem::path corpus = M2W_CORPUS_DIR;
    const nlohmann::json cases = test::read_json(corpus / "cases.json");
    int n_refused = 0, n_good = 0;
    for (const auto& c : cases["cases"]) {
        if (c["stage"] != "data" || c["expect"] == "no_crash") continue;
        const auto model = test::load_model(corpus / c["file"].get<std::string>());
        const std::string got =
            model ? test::outcome(open(*model, GetParam())) : test::outcome(model);
        EXPECT_TRUE(test::corpus_accepts(c, got.substr(0, got.find(':'))))
            << c["file"] << ": " << got;
        ++(got == "ok" ? n_good : n_refused);
    }
    EXPECT_GE(n_refused, 6);
    EXPECT_GE(n_good, 3);
}

TEST_P(engine_on, context_beyond_memory_is_refused_with_one_that_fits) {
    M2W_NEEDS(GetParam());
    const Blueprint huge("llama", {.block_count = 8, .context_length = 1u << 28, .head_dim = 64});
    ASSERT_GET(const auto model, huge.model());
    // 2^28 positions of 8 layers take a tebibyte.
    const auto refused = open(model, GetParam(), {.n_ctx = 1u << 28});
    const std::string got = test::outcome(refused);
    EXPECT_TRUE(got.starts_with("out_of_memory: context 268435456 needs ")) << got;
    EXPECT_NE(got.find("would fit"), std::string::npos) << got;

    ASSERT_GET(const auto engine, open(model, GetParam()));
    const auto session = test::outcome(Session::create(engine, {.n_ctx = 1u << 28}));
    EXPECT_TRUE(session.starts_with("out_of_memory: context 268435456 needs ")) << session;
    ASSERT_OK(Session::create(engine, {.n_ctx = 100}));
}

INSTANTIATE_TEST_SUITE_P(executors, engine_on, testing::Values(Target::reference, Target::vulkan),
                         [](const auto& at) { return test::target_name(at.param); });

class vulkan_engine : public test::EngineTest {
  protected:
    void SetUp() override { M2W_NEEDS(Target::vulkan); }
};

TEST_F(vulkan_engine, names_its_device) {
    ASSERT_GET(const auto model, Blueprint("llama").model());
    ASSERT_GET(const auto reference, open(model, Target::reference));
    EXPECT_EQ(reference->backend().device_name(), "reference");
    EXPECT_EQ(device_of(reference->backend()), nullptr);
    ASSERT_GET(const auto vulkan, open(model, Target::vulkan));
    EXPECT_EQ(vulkan->backend().device_name(), device_of(vulkan->backend())->info().name);
    EXPECT_EQ(&vulkan->model(), model.get());
}

TEST_F(vulkan_engine, device_that_is_not_there_is_refused) {
    ASSERT_GET(const auto model, Blueprint("llama").model());
    EngineOptions options;
    options.device = "no such device";
    const auto refused = m2w::Engine::create(model, options);
    ASSERT_FALSE(bool(refused));
    EXPECT_EQ(refused.error().category, Category::no_device);
    EXPECT_NE(refused.error().message.find("no such device"), std::string::npos);
}

std::vector<float> run(const std::shared_ptr<const m2w::Engine>& engine) {
    auto session = Session::create(engine, {.n_ctx = 16, .all_logits = true});
    EXPECT_TRUE(bool(session)) << session.error().str();
    std::vector<uint32_t> tokens(16);
    for (uint32_t i = 0; i < 16; ++i) tokens[i] = i * 97 % engine->model().plan().n_vocab;
    auto logits = session->eval_all(tokens);
    EXPECT_TRUE(bool(logits)) << logits.error().str();
    return logits ? test::copy(*logits) : std::vector<float>();
}

TEST_F(vulkan_engine, weights_in_pieces_compute_the_same) {
    M2W_SHARED(folder, "model");
    for (const char* name : {"tiny-q4_k_m.gguf", "tiny-q8_0.gguf", "tiny-f16.gguf"}) {
        SCOPED_TRACE(name);
        ASSERT_GET(const auto model, test::load_model(folder / name));
        ASSERT_GET(const auto whole, open(model, Target::vulkan));
        const auto want = run(whole);
        for (const uint64_t piece_bytes : {uint64_t(100'000), uint64_t(4321)}) {
            EngineOptions options;
            options.max_piece_bytes = piece_bytes;
            ASSERT_GET(const auto split, open(model, Target::vulkan, options));
            EXPECT_LE(test::relative_error(run(split), want), 1e-6) << piece_bytes;
        }
    }
}

TEST_F(vulkan_engine, matrix_larger_than_a_piece_is_split_by_rows) {
    ASSERT_GET(const auto model, Blueprint("llama").model());
    ASSERT_GET(const auto whole, open(model, Target::vulkan));
    vk::Device& device = *device_of(whole->backend());
    const Plan& plan = model->plan();
    ASSERT_GET(const auto weights, VkWeights::place(device, plan, {.max_piece_bytes = 1000}));
    for (size_t i = 0; i < plan.tensors.size(); ++i) {
        const Tensor& t = plan.tensors[i];
        uint64_t row = 0;
        for (const WeightPiece& piece : weights[i].pieces) {
            EXPECT_EQ(piece.row0, row) << t.name;
            EXPECT_LE(piece.memory.size_bytes, 1000u);
            row += piece.rows;
        }
        EXPECT_EQ(row, t.rows) << t.name;
        const uint64_t rows_a_piece = 1000 / (t.cols * 4);
        EXPECT_EQ(weights[i].pieces.size(),
                  t.is_vector ? 1 : (t.rows + rows_a_piece - 1) / rows_a_piece)
            << t.name;
    }
    EngineOptions options;
    options.max_piece_bytes = 100;
    EXPECT_EQ(
        test::outcome(open(model, Target::vulkan, options)),
        "resource_limit: token_embd.weight: one row takes 128 bytes, the device allows 100 in "
        "one piece");
}

TEST_F(vulkan_engine, memory_in_use_is_what_was_estimated) {
    M2W_SHARED(folder, "model");
    // What the estimate leaves out: rounding of slices and chunks, the batch's ids, the constants,
    // on a CPU device the window behind the activations, elsewhere the logits for the host and a
    // staging ring that is gone after loading.
    constexpr uint64_t kWeightSlack = 64 << 10, kSessionSlack = 256 << 10;
    for (const char* name : {"tiny-q4_k_m.gguf", "tiny-f16.gguf"}) {
        ASSERT_GET(const auto model, test::load_model(folder / name));
        ASSERT_GET(const auto engine, open(model, Target::vulkan));
        const vk::Device& device = *device_of(engine->backend());
        const uint64_t loaded = device.memory().in_use_bytes;
        const SessionOptions options{.n_ctx = 1024, .n_batch = 256, .cache = CacheType::f16};
        const MemoryEstimate want =
            estimate_memory(model->plan(), executor_options(*model, options));
        EXPECT_GE(loaded, want.weights_bytes) << name;
        EXPECT_LE(loaded, want.weights_bytes + kWeightSlack) << name;
        {
            ASSERT_GET(auto session, Session::create(engine, options));
            ASSERT_OK(session.eval(std::vector<uint32_t>(300, 1)));
            const uint64_t used = device.memory().in_use_bytes - loaded;
            EXPECT_GE(used, want.cache_bytes);
            EXPECT_LE(used, want.cache_bytes + want.activation_bytes + kSessionSlack) << name;
            fmt::print("  {}: weights {} (estimated {}), session {} (estimated {})\n", name, loaded,
                       want.weights_bytes, used, want.cache_bytes + want.activation_bytes);
        }
        EXPECT_EQ(device.memory().in_use_bytes, loaded);  // the session gave it all back
    }
}

TEST_F(vulkan_engine, allocation_that_fails_is_an_error_and_leaks_nothing) {
    ASSERT_GET(const auto model, Blueprint("llama").model());
    ASSERT_GET(const auto engine, open(model, Target::vulkan));
    vk::Device& device = *device_of(engine->backend());
    const auto before = device.memory();
    uint32_t n_failures = 0;
    for (uint32_t nth = 1;; ++nth) {
        vk::TestHooks::fail_allocation(device, nth);
        const auto session = Session::create(engine, {});
        vk::TestHooks::fail_allocation(device, 0);
        if (session) break;
        EXPECT_EQ(session.error().category, Category::out_of_memory) << nth;
        EXPECT_EQ(device.memory().in_use_bytes, before.in_use_bytes) << nth;
        EXPECT_EQ(device.memory().allocations, before.allocations) << nth;
        ++n_failures;
        ASSERT_LT(nth, 100u);
    }
    EXPECT_GE(n_failures, 3u);
    EXPECT_EQ(run(engine).size(), 16u * 40);
}

TEST_F(vulkan_engine, lost_device_is_an_error_from_then_on) {
    ASSERT_GET(const auto model, Blueprint("llama").model());
    ASSERT_GET(const auto engine, open(model, Target::vulkan));
    ASSERT_GET(auto session, Session::create(engine, {.n_batch = 2, .keep_values = true}));
    ASSERT_GET(auto bystander, Session::create(engine, {}));
    const std::vector<uint32_t> tokens{1, 2, 3, 4, 5};
    ASSERT_OK(session.eval(tokens));
    vk::TestHooks::lose_device(*device_of(engine->backend()));
    const auto lost = session.eval(tokens);
    ASSERT_FALSE(bool(lost));
    EXPECT_EQ(lost.error().category, Category::device_lost);
    EXPECT_EQ(session.position(), 5u);  // nothing of the batch counts
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(test::outcome(session.eval(tokens)).substr(0, 11), "device_lost");
        EXPECT_EQ(test::outcome(bystander.eval(tokens)).substr(0, 11), "device_lost");
    }
    EXPECT_EQ(test::outcome(session.executor().read_value(model->plan().logits)).substr(0, 11),
              "device_lost");
    EXPECT_EQ(test::outcome(Session::create(engine, {})).substr(0, 11), "device_lost");
    ASSERT_OK(session.truncate(0));  // needs no device
    // A new engine opens the device anew and works.
    ASSERT_GET(const auto second, open(model, Target::vulkan));
    EXPECT_EQ(run(second).size(), 16u * 40);
}

}  // namespace
}  // namespace m2w
