// batching_test.cpp — the same tokens give the same logits however they are cut into batches and
// whatever was evaluated and forgotten before, for every golden model: rings wrap, states go back.
#include <fmt/format.h>

#include <tuple>

#include "tests/runtime/engines.h"
#include "tests/runtime/golden_models.h"
#include "tests/support/golden.h"

namespace m2w {
namespace {

using test::Target;

class batching : public test::EngineTest,
                 public testing::WithParamInterface<std::tuple<const char*, Target>> {
  protected:
    void load() {
        const auto& [name, target] = GetParam();
        M2W_SHARED(folder, fmt::format("arch/{}", name));
        M2W_NEEDS(target);
        ASSERT_GET(const test::ArchGolden golden, test::read_arch_golden(folder));
        tokens_ = golden.prompt_ids;
        tokens_.insert(tokens_.end(), golden.greedy_ids.begin(), golden.greedy_ids.end());
        ASSERT_GET(const auto model, test::load_model(folder / "model-f16.gguf"));
        ASSERT_GET(engine_, open(model, target, {.cache = CacheType::f32}));
        ASSERT_GET(auto whole, session(uint32_t(tokens_.size()), true));
        ASSERT_GET(const auto logits, whole.eval_all(tokens_));
        want_ = test::copy(logits);
    }

    Result<Session> session(uint32_t n_batch, bool all_logits = false) const {
        return Session::create(engine_, {.n_ctx = uint32_t(tokens_.size()),
                                         .n_batch = n_batch,
                                         .cache = CacheType::f32,
                                         .all_logits = all_logits});
    }

    /// Evaluates tokens [session.position(), end) in pieces; the logits after each are right.
    void expect_continued(Session& session, uint32_t end, uint32_t piece) const {
        const size_t n_vocab = engine_->model().plan().n_vocab;
        while (session.position() < end) {
            const uint32_t at = session.position(), count = std::min(piece, end - at);
            ASSERT_GET(const auto logits, session.eval(std::span(tokens_).subspan(at, count)));
            const auto want = std::span(want_).subspan((at + count - 1) * n_vocab, n_vocab);
            ASSERT_LE(test::relative_error(logits, want), test::bound(std::get<1>(GetParam())))
                << "tokens " << at << " to " << at + count;
        }
    }

    /// Pieces of any size, in batches below, at and above it.
    void expect_same_in_pieces() const {
        for (const auto& [n_batch, piece] : std::vector<std::pair<uint32_t, uint32_t>>{
                 {1, 1}, {16, 1}, {7, 7}, {3, 16}, {16, 16}, {16, 39}}) {
            SCOPED_TRACE(fmt::format("batches of {}, pieces of {}", n_batch, piece));
            ASSERT_GET(auto s, session(n_batch));
            ASSERT_NO_FATAL_FAILURE(expect_continued(s, uint32_t(tokens_.size()), piece));
        }
    }

    /// Prefixes of any length, gone on with and cut again.
    void expect_same_after_truncation() const {
        const uint32_t n = uint32_t(tokens_.size());
        ASSERT_GET(auto s, session(7));
        for (const uint32_t keep : {39u, 36u, 33u, 20u, 9u, 38u, 1u, 0u, 35u}) {
            SCOPED_TRACE(fmt::format("truncated to {}", keep));
            ASSERT_NO_FATAL_FAILURE(expect_continued(s, n, 16));
            ASSERT_OK(s.truncate(keep));
            EXPECT_EQ(s.position(), keep);
            EXPECT_TRUE(s.kept_prefix() == keep || s.kept_prefix() == 0 ||
                        (s.recurrent() && s.kept_prefix() < keep));
            // Cut twice, the second time with tokens in between that the first left stale.
            if (keep > 5) {
                ASSERT_OK(s.truncate(keep - 4));
                ASSERT_NO_FATAL_FAILURE(expect_continued(s, keep - 2, 1));
            }
        }
        expect_continued(s, n, 5);
    }

    Engine engine_;
    std::vector<uint32_t> tokens_;  // 40: the prompt and what follows
    std::vector<float> want_;       // f32 [n_tokens][n_vocab], of all in one batch
};

/// One test for both: pipelines take longer to make than to run.
TEST_P(batching, pieces_of_any_size_and_truncated_sessions_give_the_logits_of_one_batch) {
    load();
    if (HasFatalFailure() || IsSkipped()) return;
    expect_same_in_pieces();
    expect_same_after_truncation();
}

INSTANTIATE_TEST_SUITE_P(shared, batching,
                         testing::Combine(testing::ValuesIn(test::kGoldenModels),
                                          testing::Values(Target::reference, Target::vulkan)),
                         [](const auto& at) {
                             return test::as_test_name(std::get<0>(at.param)) + "_" +
                                    test::target_name(std::get<1>(at.param));
                         });

}  // namespace
}  // namespace m2w
