// session_test.cpp — what a Session promises about its timeline, on both executors: how tokens are
// grouped changes nothing, and an error changes nothing either.
#include "runtime/session.h"

#include <fmt/format.h>

#include <thread>

#include "runtime/model/fuzz/blueprint.h"
#include "tests/runtime/engines.h"
#include "tests/support/golden.h"

namespace m2w {
namespace {

using test::Target;

constexpr uint32_t kVocab = 100;

/// ids in [0, kVocab), another sequence for each seed.
std::vector<uint32_t> some_tokens(uint32_t n, uint32_t seed = 0) {
    std::vector<uint32_t> out(n);
    for (uint32_t i = 0; i < n; ++i) out[i] = (i * i * 7 + i * 31 + seed * 17 + 3) % kVocab;
    return out;
}

/// Small, but with a bit of everything: norms of heads, grouped queries, three layers.
test::Blueprint blueprint() {
    return test::Blueprint("qwen3", {.block_count = 3,
                                     .context_length = 64,
                                     .embedding_length = 64,
                                     .feed_forward_length = 96,
                                     .head_count = 4,
                                     .head_count_kv = 2,
                                     .head_dim = 16,
                                     .vocab_size = kVocab});
}

class session_on : public test::EngineTest, public testing::WithParamInterface<Target> {
  protected:
    void SetUp() override {
        M2W_NEEDS(GetParam());
        ASSERT_GET(const auto model, blueprint().model());
        ASSERT_GET(engine_, open(model, GetParam()));
    }
    void TearDown() override {
        engine_.reset();
        EngineTest::TearDown();
    }

    Result<Session> session(SessionOptions options = {}) const {
        options.all_logits = true;
        if (options.n_ctx == 0) options.n_ctx = 64;
        return Session::create(engine_, options);
    }
    /// Logits of every token, evaluated in one batch by a session of its own.
    std::vector<float> fresh(std::span<const uint32_t> tokens, CacheType cache) const {
        auto own = session({.cache = cache});
        EXPECT_TRUE(bool(own)) << own.error().str();
        auto logits = own->eval_all(tokens);
        EXPECT_TRUE(bool(logits)) << logits.error().str();
        return logits ? test::copy(*logits) : std::vector<float>();
    }
    void expect_close(std::span<const float> got, std::span<const float> want) const {
        EXPECT_LE(test::relative_error(got, want), test::bound(GetParam()));
    }

    Engine engine_;
};

std::span<const float> row(const std::vector<float>& logits, size_t i) {
    return std::span(logits).subspan(i * kVocab, kVocab);
}

TEST_P(session_on, tokens_in_chunks_of_any_size_give_the_same_logits) {
    const auto tokens = some_tokens(40);
    for (const CacheType cache : {CacheType::f16, CacheType::f32}) {
        const auto want = fresh(tokens, cache);
        for (const size_t chunk : {1, 7, 16, 39}) {
            SCOPED_TRACE(fmt::format("chunks of {}", chunk));
            ASSERT_GET(auto s, session({.cache = cache}));
            std::vector<float> got;
            for (size_t at = 0; at < tokens.size(); at += chunk) {
                const auto piece =
                    std::span(tokens).subspan(at, std::min(chunk, tokens.size() - at));
                ASSERT_GET(const auto logits, s.eval_all(piece));
                got.insert(got.end(), logits.begin(), logits.end());
            }
            expect_close(got, want);
        }
    }
}

TEST_P(session_on, prompt_longer_than_a_batch_runs_in_pieces) {
    const auto tokens = some_tokens(40);
    const auto want = fresh(tokens, CacheType::f16);
    for (const uint32_t n_batch : {1u, 7u, 16u, 39u, 40u, 64u}) {
        ASSERT_GET(auto s, session({.n_batch = n_batch}));
        ASSERT_GET(const auto logits, s.eval(tokens));
        ASSERT_EQ(logits.size(), kVocab);
        expect_close(logits, row(want, 39));
        EXPECT_EQ(s.position(), 40u);
    }
}

TEST_P(session_on, f16_cache_stays_near_the_f32_cache) {
    const auto tokens = some_tokens(40);
    const auto exact = fresh(tokens, CacheType::f32), rounded = fresh(tokens, CacheType::f16);
    const double error = test::relative_error(rounded, exact);
    EXPECT_LE(error, 2e-3);
    EXPECT_GT(error, 1e-6);  // it does round
}

TEST_P(session_on, truncated_session_goes_on_as_a_fresh_one) {
    const auto tokens = some_tokens(30), other = some_tokens(20, 1);
    for (const uint32_t keep : {0u, 1u, 12u, 29u, 30u}) {
        SCOPED_TRACE(keep);
        ASSERT_GET(auto s, session());
        ASSERT_OK(s.eval(tokens));
        ASSERT_OK(s.truncate(keep));
        EXPECT_EQ(s.position(), keep);
        std::vector<uint32_t> whole(tokens.begin(), tokens.begin() + keep);
        whole.insert(whole.end(), other.begin(), other.end());
        const auto want = fresh(whole, CacheType::f16);
        ASSERT_GET(const auto logits, s.eval_all(other));
        expect_close(logits, std::span(want).subspan(keep * kVocab));
        EXPECT_TRUE(std::equal(whole.begin(), whole.end(), s.tokens().begin(), s.tokens().end()));
    }
}

TEST_P(session_on, truncation_beyond_the_position_is_refused) {
    ASSERT_GET(auto s, session());
    ASSERT_OK(s.eval(some_tokens(5)));
    EXPECT_EQ(test::outcome(s.truncate(6)), "usage: truncate to 6: only 5 tokens were evaluated");
    EXPECT_EQ(s.position(), 5u);
}

TEST_P(session_on, full_context_is_said_and_leaves_the_session_as_it_was) {
    const auto tokens = some_tokens(17);
    const auto want = fresh(tokens, CacheType::f16);
    ASSERT_GET(auto s, session({.n_ctx = 16, .n_batch = 4}));
    ASSERT_OK(s.eval(std::span(tokens).first(10)));
    // One too many, and although the first pieces of n_batch would have fitted.
    EXPECT_EQ(test::outcome(s.eval(std::span(tokens).last(7))),
              "context_full: 7 tokens at position 10 exceed the context of 16");
    EXPECT_EQ(s.position(), 10u);
    ASSERT_GET(auto logits, s.eval(std::span(tokens).subspan(10, 6)));
    expect_close(logits, row(want, 15));  // up to the last slot of the cache
    EXPECT_EQ(s.position(), s.n_ctx());
    EXPECT_EQ(test::outcome(s.eval(std::span(tokens).last(1))),
              "context_full: 1 tokens at position 16 exceed the context of 16");
    EXPECT_EQ(s.tokens().size(), 16u);
    ASSERT_OK(s.truncate(15));
    ASSERT_GET(logits, s.eval(std::span(tokens).subspan(15, 1)));
    expect_close(logits, row(want, 15));
}

TEST_P(session_on, bad_tokens_are_refused_and_leave_the_session_as_it_was) {
    const auto tokens = some_tokens(9);
    ASSERT_GET(auto s, session());
    ASSERT_OK(s.eval(std::span(tokens).first(8)));
    for (const uint32_t bad : {kVocab, kVocab + 1, UINT32_MAX}) {
        const std::vector<uint32_t> ids{1, bad, 2};
        EXPECT_EQ(test::outcome(s.eval(ids)),
                  fmt::format("usage: token id {} is not below n_vocab 100", bad));
        EXPECT_EQ(test::outcome(s.eval_all(ids)),
                  fmt::format("usage: token id {} is not below n_vocab 100", bad));
    }
    EXPECT_EQ(test::outcome(s.eval({})), "usage: eval: no tokens");
    EXPECT_EQ(test::outcome(s.eval_all({})), "usage: eval: no tokens");
    EXPECT_EQ(s.position(), 8u);
    ASSERT_GET(const auto logits, s.eval(std::span(tokens).last(1)));
    expect_close(logits, row(fresh(tokens, CacheType::f16), 8));
}

TEST_P(session_on, all_logits_have_to_be_asked_for) {
    const auto tokens = some_tokens(9);
    ASSERT_GET(auto one, Session::create(engine_, {.n_ctx = 64}));
    EXPECT_EQ(test::outcome(one.eval_all(tokens)),
              "usage: eval_all: 9 tokens, at most 1 rows of logits");
    ASSERT_GET(auto few, session({.n_batch = 8}));
    EXPECT_EQ(test::outcome(few.eval_all(tokens)),
              "usage: eval_all: 9 tokens, at most 8 rows of logits");
    EXPECT_EQ(few.position(), 0u);
}

TEST_P(session_on, options_that_make_no_session_are_refused) {
    EXPECT_EQ(test::outcome(Session::create(engine_, {.n_ctx = 65})),
              "usage: context 65: the model was trained for 64");
    EXPECT_EQ(test::outcome(Session::create(engine_, {.n_batch = 0})),
              "usage: n_batch must be at least 1");
    ASSERT_GET(const auto plain, Session::create(engine_, {}));
    EXPECT_EQ(plain.n_ctx(), 64u);  // the model's, as it is below kDefaultContext
    EXPECT_EQ(plain.position(), 0u);
}

TEST_P(session_on, interleaved_sessions_do_not_disturb_each_other) {
    const auto a_tokens = some_tokens(24, 1), b_tokens = some_tokens(24, 2);
    const auto a_want = fresh(a_tokens, CacheType::f16), b_want = fresh(b_tokens, CacheType::f32);
    ASSERT_GET(auto a, session({.cache = CacheType::f16}));
    ASSERT_GET(auto b, session({.n_ctx = 30, .n_batch = 5, .cache = CacheType::f32}));
    for (size_t at = 0; at < 24; at += 4) {
        ASSERT_GET(const auto a_logits, a.eval(std::span(a_tokens).subspan(at, 4)));
        ASSERT_GET(const auto b_logits, b.eval(std::span(b_tokens).subspan(at, 4)));
        expect_close(a_logits, row(a_want, at + 3));  // still there after b's turn
        expect_close(b_logits, row(b_want, at + 3));
    }
}

TEST_P(session_on, sessions_of_several_threads_share_an_engine) {
    constexpr uint32_t kThreads = 3;
    std::vector<std::vector<float>> got(kThreads);
    {
        std::vector<std::jthread> threads;
        for (uint32_t t = 0; t < kThreads; ++t)
            threads.emplace_back([&, t] {
                auto s = session({.n_batch = 5});
                const auto tokens = some_tokens(24, t);
                for (uint32_t at = 0; s && at < 24; at += 3) {
                    auto logits = s->eval_all(std::span(tokens).subspan(at, 3));
                    if (!logits) return;
                    got[t].insert(got[t].end(), logits->begin(), logits->end());
                }
            });
    }
    for (uint32_t t = 0; t < kThreads; ++t)
        expect_close(got[t], fresh(some_tokens(24, t), CacheType::f16));
}

TEST_P(session_on, session_keeps_its_engine_alive) {
    const auto want = fresh(some_tokens(4), CacheType::f16);
    ASSERT_GET(auto s, session());
    engine_.reset();
    ASSERT_GET(const auto logits, s.eval(some_tokens(4)));
    expect_close(logits, row(want, 3));
}

TEST_P(session_on, cache_holds_the_values_in_order_of_position) {
    ASSERT_GET(auto s, session({.cache = CacheType::f32, .keep_values = true}));
    ASSERT_OK(s.eval(some_tokens(5)));
    const Plan& plan = s.engine().model().plan();
    // The rows are the values of layer 0, in order of position. (Keys are rotated on their way
    // into the cache, and then nothing else holds them.)
    size_t stores = 0;
    for (const Step& step : plan.steps) {
        if (step.op != Op::kv_store || step.layer != 0) continue;
        const uint32_t cache = step.operand("v_cache").index;
        ASSERT_GET(const auto rows, s.executor().read_cache(cache));
        ASSERT_EQ(rows.size(), 64u * plan.caches[cache].width);
        ASSERT_GET(const auto v, s.executor().read_value(step.operand("v").index));
        EXPECT_EQ(v.size(), 5u * plan.caches[cache].width);
        EXPECT_EQ(std::vector<float>(rows.begin(), rows.begin() + ptrdiff_t(v.size())), v);
        ++stores;
    }
    EXPECT_EQ(stores, 1u);
}

INSTANTIATE_TEST_SUITE_P(executors, session_on, testing::Values(Target::reference, Target::vulkan),
                         [](const auto& at) { return test::target_name(at.param); });

}  // namespace
}  // namespace m2w
