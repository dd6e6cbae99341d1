// pull_memory_test.cpp — no memory while a model is pulled: an error at every allocation, and the
// next pull goes on from what is there. A program of its own, because it replaces operator new.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "gguf/fetch/cached_model.h"
#include "gguf/fetch/fuzz/scripted_transport.h"
#include "gguf/fetch/pins.h"
#include "gguf/fetch/transport.h"
#include "gguf/guarded.h"
#include "gguf/sha256.h"
#include "tests/fetch/fake_server.h"
#include "tests/support/failing_heap.h"
#include "tests/support/results.h"
#include "tests/support/temporary.h"

namespace m2w::fetch {
namespace {

namespace fs = std::filesystem;
using test::expect_clean_failures;
using test::outcome_of;

/// A server with one file, in memory.
class OneFile final : public Transport {
  public:
    explicit OneFile(std::string bytes) : bytes_(std::move(bytes)) {}

    Transfer exchange(const Request& request, AnswerSink& sink) override {
        try {
            return answer(header_of(request, "Range"), sink);
        } catch (const std::bad_alloc&) {
            return {TransferEnd::no_memory, {}};
        }
    }

  private:
    Transfer answer(const std::string& range, AnswerSink& sink) const {
        uint64_t first = 0, last = bytes_.size() - 1;
        if (std::sscanf(range.c_str(), "bytes=%zu-%zu", &first, &last) < 1) first = 0;
        last = std::min<uint64_t>(last, bytes_.size() - 1);
        const std::string lines[] = {
            "HTTP/1.1 206 Partial Content\r\n",
            fmt::format("Content-Range: bytes {}-{}/{}\r\n", first, last, bytes_.size()),
            fmt::format("Content-Length: {}\r\n", last - first + 1), "ETag: \"one\"\r\n", "\r\n"};
        for (const std::string& line : lines)
            if (!sink.header_line(line)) return {TransferEnd::stopped, {}};
        for (uint64_t at = first; at <= last; at += kPieceBytes) {
            const auto piece =
                std::as_bytes(std::span(bytes_)).subspan(at, std::min(kPieceBytes, last + 1 - at));
            if (!sink.body(piece)) return {TransferEnd::stopped, {}};
        }
        return {};
    }

    static constexpr uint64_t kPieceBytes = 20'000;
    const std::string bytes_;
};

class allocation_failure : public testing::Test {
  protected:
    allocation_failure() {
        options_.cache_root = folder_.path() / "cache";
        options_.fetch.transport = std::make_shared<OneFile>(bytes_);
        options_.fetch.sleep = [](std::chrono::milliseconds) {};
        options_.fetch.first_bytes = 1000;
    }
    void forget() { fs::remove_all(options_.cache_root); }
    /// The copy of the options is the caller's, so an exception there is no mistake.
    Result<CachedModel> open() {
        std::optional<ModelOptions> options;
        std::optional<std::string> url;
        try {
            options = options_;
            url = kUrl;
        } catch (const std::bad_alloc&) {
            return Error{Category::out_of_memory, {}};
        }
        return CachedModel::open(*url, *std::move(options));
    }
    std::string_view pull(uint32_t connections) {
        auto model = open();
        if (!model) return outcome_of(model);
        return outcome_of(model->pull(PullOptions{.connections = connections}, false));
    }
    /// Pulls with all memory there is, and looks at the bytes.
    void expect_whole() {
        ASSERT_GET(auto model, open());
        ASSERT_GET(const auto reports, model.pull({.connections = 1}, false));
        ASSERT_EQ(reports[0].sha256, sha256_hex(bytes_));
        ASSERT_TRUE(test::read_text(model.files()[0]->path()) == bytes_);
    }

    static constexpr const char* kUrl = "http://test/a/model/with/a/long/name.gguf";
    const std::string bytes_ = test::varied_bytes(4 * kMinChunkBytes + 9);
    test::TemporaryFolder folder_;
    ModelOptions options_;
};

TEST_F(allocation_failure, of_a_pull_is_an_error_that_the_next_one_goes_on_from) {
    expect_clean_failures([&] { forget(); }, [&] { return pull(1); }, [&] { expect_whole(); });
}

TEST_F(allocation_failure, of_a_pull_over_several_connections_is_no_worse) {
    expect_clean_failures([&] { forget(); }, [&] { return pull(3); }, [&] { expect_whole(); });
}

TEST_F(allocation_failure, of_reading_pins_is_an_error) {
    RemoteIdentity file;
    file.url = kUrl;
    file.size_bytes = bytes_.size();
    file.sha256 = sha256_hex(bytes_);
    file.revision = "0123456789abcdef0123456789abcdef01234567";
    const std::string text = print_pins({{kUrl, {file, file}}, {"hf:owner/repository", {file}}});
    expect_clean_failures(
        [] {}, [&] { return outcome_of(guarded("pins", [&] { return parse_pins(text); })); },
        [] {});
    const auto print = [&] {
        return guarded("pins", [&]() -> Result<std::string> {
            return print_pins({{kUrl, {file}}});
        });
    };
    expect_clean_failures([] {}, [&] { return outcome_of(print()); }, [] {});
}

TEST_F(allocation_failure, of_opening_what_is_in_the_cache_is_an_error) {
    expect_whole();
    options_.offline = true;
    std::byte bytes[100];
    expect_clean_failures([] {},
                          [&] {
                              const auto model = open();
                              if (!model) return outcome_of(model);
                              return outcome_of(model->files()[0]->read(kMinChunkBytes, bytes));
                          },
                          [] {});
}

}  // namespace
}  // namespace m2w::fetch
