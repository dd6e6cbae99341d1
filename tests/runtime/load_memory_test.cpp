// load_memory_test.cpp — no memory while a model is loaded and run: an error at every allocation,
// nothing leaked, and what was there still works. On the reference; a program of its own, because
// it replaces operator new.
#include <gtest/gtest.h>

#include "runtime/model/fuzz/blueprint.h"
#include "runtime/session.h"
#include "tests/support/failing_heap.h"
#include "tests/support/results.h"
#include "tests/support/temporary.h"

namespace m2w {
namespace {

using test::Blueprint;
using test::expect_clean_failures;
using test::outcome_of;

const EngineOptions kReference{.device = "ref"};
const uint32_t kPrompt[] = {1, 2, 3};
const uint32_t kNext[] = {4};
constexpr auto kNothing = [] {};

class allocation_failure : public testing::TestWithParam<const char*> {
  protected:
    /// A file with a row's smallest model.
    std::filesystem::path write_model() {
        const auto path = folder_.path() / "a model with a name that is no short string.gguf";
        const auto bytes = Blueprint(GetParam()).bytes();
        EXPECT_TRUE(bytes);
        std::ofstream(path, std::ios::binary) << *bytes;
        return path;
    }
    std::shared_ptr<const Engine> engine() {
        const auto file = gguf::File::open(write_model());
        const auto model = Model::from(*file);
        EXPECT_TRUE(model);
        return *Engine::create(*model, kReference);
    }

  private:
    test::TemporaryFolder folder_;
};

TEST_P(allocation_failure, of_loading_is_an_error) {
    const auto path = write_model();
    expect_clean_failures(
        kNothing,
        [&] {
            const auto file = gguf::File::open(path);
            if (!file) return outcome_of(file);
            const auto model = Model::from(*file);
            if (!model) return outcome_of(model);
            return outcome_of(Engine::create(*model, kReference));
        },
        kNothing);
}

TEST_P(allocation_failure, of_a_new_session_is_an_error) {
    const auto shared = engine();
    expect_clean_failures(
        kNothing,
        [&] {
            auto session = Session::create(shared, {.n_ctx = 16});
            if (!session) return outcome_of(session);
            return outcome_of(session->eval(kPrompt));
        },
        kNothing);
}

/// The logits of kNext behind kPrompt.
std::vector<float> logits_of(Session& session) {
    const auto logits = session.eval(kNext);
    return logits ? std::vector<float>(logits->begin(), logits->end()) : std::vector<float>();
}

TEST_P(allocation_failure, of_an_eval_leaves_the_session_where_it_was) {
    const auto shared = engine();
    const SessionOptions options{.n_ctx = 16, .n_batch = 2};
    std::optional<Session> session;
    const auto renew = [&] { session = *Session::create(shared, options); };
    renew();
    ASSERT_OK(session->eval(kPrompt));
    const std::vector<float> expected = logits_of(*session);
    ASSERT_FALSE(expected.empty());
    for (const bool all_after : {false, true})
        for (uint64_t n = 0, failures = 1; failures > 0; n++) {
            renew();
            std::string_view outcome;
            {
                const test::FailingAllocation armed(n, all_after);
                outcome = outcome_of(session->eval(kPrompt));
            }
            failures = outcome != "ok";
            ASSERT_TRUE(outcome == "ok" || outcome == "out_of_memory") << outcome << " at " << n;
            // What was evaluated before the failure counts; the rest is given again.
            const uint32_t done = session->position();
            ASSERT_LE(done, std::size(kPrompt));
            if (done < std::size(kPrompt))
                ASSERT_OK(session->eval(std::span(kPrompt).subspan(done)));
            const std::vector<float> logits = logits_of(*session);
            ASSERT_EQ(logits.size(), expected.size());
            for (size_t i = 0; i < logits.size(); ++i)
                ASSERT_NEAR(logits[i], expected[i], 1e-4) << "after failing allocation " << n;
        }
}

INSTANTIATE_TEST_SUITE_P(, allocation_failure,
                         testing::Values("llama", "gemma3", "lfm2", "falcon-h1", "qwen35"),
                         [](const auto& name) { return test::as_test_name(name.param); });

}  // namespace
}  // namespace m2w
