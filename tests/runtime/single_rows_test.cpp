// single_rows_test.cpp — what single rows take on a GPU, its kernels on whatever device there is: a
// whole model token by token against the reference.
#include "runtime/fuse.h"
#include "runtime/ref_executor.h"
#include "runtime/short_cuts.h"
#include "runtime/vk_executor.h"
#include "tests/runtime/engines.h"
#include "tests/runtime/golden_models.h"
#include "tests/support/golden.h"

namespace m2w {
namespace {

TEST(single_rows, short_cuts_give_the_logits_of_the_reference) {
    M2W_NEEDS(test::Target::vulkan);
    M2W_SHARED(folder, "arch/gemma3");
    ASSERT_GET(const test::ArchGolden golden, test::read_arch_golden(folder));
    ASSERT_GET(const auto model, test::load_model(folder / "model-f16.gguf"));
    const auto plain = std::shared_ptr<const Plan>(model, &model->plan());
    const auto plan = std::make_shared<const Plan>(add_short_cuts(fuse(*plain)));
    // Three a layer, but for the first norm, which adds nothing, and the one layer without a
    // window.
    ASSERT_EQ(plan->short_cuts.size(), 3 * (plan->taps.size() - 1) - 2);
    const ExecutorOptions options{.n_ctx = 16, .n_batch = 4, .n_out = 1, .cache = CacheType::f32};
    const char* device = std::getenv("M2W_TEST_DEVICE");
    ASSERT_GET(const auto reference, make_ref_backend(plain, model->shared_file(), {}));
    ASSERT_GET(const auto vulkan,
               make_vk_backend(
                   plan, model->shared_file(),
                   {.device = device ? device : "auto", .validation = true, .gpu_kernels = true},
                   options, {}));
    ASSERT_GET(const auto expected, reference->new_executor(options));
    ASSERT_GET(const auto executor, vulkan->new_executor(options));
    uint32_t pos = 0;
    // Several rows in between: values lie where they did.
    for (const uint32_t n : {1u, 1u, 3u, 1u, 1u}) {
        const Batch batch{
            .tokens = std::span(golden.prompt_ids).subspan(pos, n), .pos = pos, .n_out = 1};
        ASSERT_GET(const auto want, expected->run(batch));
        ASSERT_GET(const auto got, executor->run(batch));
        EXPECT_LE(test::relative_error(got, want), 1e-5) << "at " << pos;
        pos += n;
    }
    EXPECT_EQ(validation_messages(*vulkan), std::vector<std::string>());
}

}  // namespace
}  // namespace m2w
