// early_start_test.cpp — answers that begin before the weights have all come: same numbers, layers
// computed while later ones are missing, errors where they belong.
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/runtime/engines.h"
#include "tests/support/golden.h"

namespace m2w {
namespace {

using test::Target;

const std::vector<uint32_t> kPrompt{1, 5, 9, 2, 77, 31, 4, 8, 100, 3, 12, 60};

/// A file whose bytes from `gate` on come only once somebody lets them; or never, with an error.
class GatedSource final : public Source {
  public:
    explicit GatedSource(std::shared_ptr<const Source> inner) : inner_(std::move(inner)) {}

    void close(uint64_t offset_bytes) {
        const std::lock_guard lock(mutex_);
        gate_ = offset_bytes;
    }
    void open() { close(UINT64_MAX); }
    void fail() {
        const std::lock_guard lock(mutex_);
        failed_ = true;
        opened_.notify_all();
    }

    uint64_t size_bytes() const override { return inner_->size_bytes(); }
    const std::string& name() const override { return inner_->name(); }
    Result<void> read(uint64_t offset, std::span<std::byte> out) const override {
        std::unique_lock lock(mutex_);
        // The waits are short so that open() need not wake anybody.
        while (offset + out.size() > gate_ && !failed_)
            opened_.wait_for(lock, std::chrono::milliseconds(1));
        if (failed_) return Error{Category::io, "the line is dead"};
        lock.unlock();
        return inner_->read(offset, out);
    }
    std::span<const std::byte> view(uint64_t, uint64_t) const override { return {}; }
    void done_with(uint64_t, uint64_t) const override {}

  private:
    std::shared_ptr<const Source> inner_;
    mutable std::mutex mutex_;
    mutable std::condition_variable opened_;
    uint64_t gate_ = UINT64_MAX;
    bool failed_ = false;
};

class early_start : public test::EngineTest {
  protected:
    void SetUp() override {
        M2W_NEEDS(Target::vulkan);
        M2W_SHARED(path, "arch/qwen2/model-f16.gguf");
        ASSERT_GET(auto inner, open_file_source(path));
        source_ = std::make_shared<GatedSource>(std::move(inner));
        ASSERT_GET(auto file, gguf::File::parse(source_));
        ASSERT_GET(model_, Model::from(std::move(file)));
    }

    /// The gate closes in front of a tensor.
    void close_before(std::string_view tensor) {
        const gguf::TensorInfo* info = model_->file().find_tensor(tensor);
        ASSERT_NE(info, nullptr) << tensor;
        source_->close(info->offset_bytes);
    }

    Result<std::vector<float>> answer(Session& session) {
        std::vector<float> all;
        TRY(auto logits, session.eval(kPrompt));
        all.insert(all.end(), logits.begin(), logits.end());
        for (const uint32_t id : {7u, 9u}) {
            TRY(logits, session.eval(std::span(&id, 1)));
            all.insert(all.end(), logits.begin(), logits.end());
        }
        return all;
    }

    static constexpr SessionOptions kSession{.n_ctx = 64, .n_batch = 32};
    std::shared_ptr<GatedSource> source_;
    std::shared_ptr<const Model> model_;
    const EngineOptions early_ = [] {
        EngineOptions options;
        options.start_early = true;
        return options;
    }();
};

TEST_F(early_start, layers_run_before_the_last_ones_have_come_and_give_the_same_numbers) {
    ASSERT_GET(const auto usual, open(model_, Target::vulkan));
    ASSERT_GET(auto usual_session, Session::create(usual, kSession));
    ASSERT_GET(const auto want, answer(usual_session));

    close_before("blk.2.attn_q.weight");
    ASSERT_GET(const auto engine, open(model_, Target::vulkan, early_));
    ASSERT_GET(auto session, Session::create(engine, kSession));
    std::vector<float> got;
    std::thread chat([&] {
        auto result = answer(session);
        EXPECT_TRUE(result) << result.error().str();
        if (result) got = *std::move(result);
    });
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
    while (early_submissions(session.executor()) == 0 &&
           std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_GE(early_submissions(session.executor()), 1u) << "nothing ran in front of the gate";
    source_->open();
    chat.join();
    EXPECT_GE(early_submissions(session.executor()), 2u);
    EXPECT_EQ(test::outcome(engine->backend().loaded()), "ok");
    EXPECT_EQ(got, want);
}

TEST_F(early_start, what_cannot_be_loaded_fails_the_answer_and_every_later_one) {
    close_before("blk.1.ffn_down.weight");
    ASSERT_GET(const auto engine, open(model_, Target::vulkan, early_));
    ASSERT_GET(auto session, Session::create(engine, kSession));
    source_->fail();
    EXPECT_EQ(test::outcome(session.eval(kPrompt)), "io: the line is dead");
    EXPECT_EQ(test::outcome(session.eval(kPrompt)), "io: the line is dead");
    EXPECT_EQ(session.position(), 0u);
    EXPECT_EQ(test::outcome(engine->backend().loaded()), "io: the line is dead");
}

TEST_F(early_start, engine_that_is_dropped_stops_loading) {
    for (int i = 0; i < 3; ++i) {
        ASSERT_GET(auto engine, open(model_, Target::vulkan, early_));
        engine.reset();
    }
}

}  // namespace
}  // namespace m2w
