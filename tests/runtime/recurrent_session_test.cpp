// recurrent_session_test.cpp — sessions of models with recurrent layers: a truncated session goes
// on as a fresh one, wherever its states were kept.
#include <fmt/format.h>

#include <tuple>

#include "tests/runtime/engines.h"
#include "tests/support/golden.h"

namespace m2w {
namespace {

using test::Target;

constexpr const char* kModels[] = {"lfm2", "lfm2moe", "falcon-h1", "qwen35", "qwen3next"};

class recurrent_session : public test::EngineTest,
                          public testing::WithParamInterface<std::tuple<const char*, Target>> {
  protected:
    Target target() const { return std::get<1>(GetParam()); }

    void SetUp() override {
        M2W_SHARED(folder, fmt::format("arch/{}", std::get<0>(GetParam())));
        M2W_NEEDS(target());
        ASSERT_GET(const test::ArchGolden golden, test::read_arch_golden(folder));
        tokens_ = golden.prompt_ids;
        tokens_.insert(tokens_.end(), golden.greedy_ids.begin(), golden.greedy_ids.end());
        ASSERT_GE(tokens_.size(), 40u);
        tokens_.resize(40);
        ASSERT_GET(const auto model, test::load_model(folder / "model-f16.gguf"));
        ASSERT_GET(engine_, open(model, target(), {.cache = CacheType::f32}));
        n_vocab_ = model->plan().n_vocab;
        want_ = fresh(tokens_);
    }
    void TearDown() override {
        engine_.reset();
        EngineTest::TearDown();
    }

    Result<Session> session(uint32_t n_snapshots = 4) const {
        return Session::create(engine_, {.n_ctx = 64,
                                         .n_batch = 40,
                                         .cache = CacheType::f32,
                                         .n_snapshots = n_snapshots,
                                         .all_logits = true});
    }
    /// Logits of every token, evaluated in one batch by a session of its own.
    std::vector<float> fresh(std::span<const uint32_t> tokens) const {
        auto own = session();
        EXPECT_TRUE(bool(own)) << own.error().str();
        auto logits = own->eval_all(tokens);
        EXPECT_TRUE(bool(logits)) << logits.error().str();
        return logits ? test::copy(*logits) : std::vector<float>();
    }
    std::span<const uint32_t> tokens(size_t from, size_t to) const {
        return std::span(tokens_).subspan(from, to - from);
    }
    void expect_close(std::span<const float> got, std::span<const float> want) const {
        EXPECT_LE(test::relative_error(got, want), test::bound(target()));
    }
    /// Logits of tokens [from, to) as one batch gave them.
    std::span<const float> want(size_t from, size_t to) const {
        return std::span(want_).subspan(from * n_vocab_, (to - from) * n_vocab_);
    }

    Engine engine_;
    uint32_t n_vocab_ = 0;
    std::vector<uint32_t> tokens_;
    std::vector<float> want_;
};

TEST_P(recurrent_session, truncated_session_goes_on_as_a_fresh_one) {
    for (const uint32_t n_snapshots : {0u, 1u, 4u}) {
        ASSERT_GET(auto s, session(n_snapshots));
        EXPECT_TRUE(s.recurrent());
        ASSERT_OK(s.eval(tokens(0, 12)));
        ASSERT_OK(s.eval(tokens(12, 25)));
        for (size_t at = 25; at < 33; ++at) ASSERT_OK(s.eval(tokens(at, at + 1)));
        for (const uint32_t position : {33u, 32u, 27u, 25u, 24u, 12u, 9u, 1u, 0u}) {
            SCOPED_TRACE(fmt::format("{} snapshots, position {}", n_snapshots, position));
            ASSERT_OK(s.truncate(position));
            EXPECT_EQ(s.position(), position);
            ASSERT_GET(const auto logits, s.eval_all(tokens(position, 40)));
            expect_close(logits, want(position, 40));
        }
    }
}

/// Tokens that the session never saw, after a cut between kept states.
TEST_P(recurrent_session, truncated_session_forgets_what_followed) {
    ASSERT_GET(auto s, session());
    ASSERT_OK(s.eval(tokens(0, 10)));
    ASSERT_OK(s.eval(tokens(20, 40)));
    ASSERT_OK(s.eval(tokens(20, 30)));
    ASSERT_OK(s.truncate(10));
    ASSERT_GET(const auto logits, s.eval_all(tokens(10, 40)));
    expect_close(logits, want(10, 40));
}

TEST_P(recurrent_session, states_are_kept_where_evals_of_several_tokens_begin) {
    ASSERT_GET(auto s, session());
    ASSERT_OK(s.eval(tokens(0, 10)));
    ASSERT_OK(s.eval(tokens(10, 11)));
    ASSERT_OK(s.eval(tokens(11, 20)));
    ASSERT_OK(s.eval(tokens(20, 21)));
    EXPECT_EQ(s.n_stale(), 0u);
    ASSERT_OK(s.truncate(20));
    EXPECT_EQ(s.n_stale(), 9u);  // back to 11
    ASSERT_OK(s.truncate(13));
    EXPECT_EQ(s.n_stale(), 2u);
    ASSERT_OK(s.eval(tokens(13, 14)));
    EXPECT_EQ(s.n_stale(), 0u);
    ASSERT_OK(s.truncate(10));
    EXPECT_EQ(s.n_stale(), 10u);  // back to the start
}

INSTANTIATE_TEST_SUITE_P(shared, recurrent_session,
                         testing::Combine(testing::ValuesIn(kModels),
                                          testing::Values(Target::reference, Target::vulkan)),
                         [](const auto& at) {
                             return test::as_test_name(std::get<0>(at.param)) + "_" +
                                    test::target_name(std::get<1>(at.param));
                         });

}  // namespace
}  // namespace m2w
