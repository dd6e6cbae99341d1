// curl_transport_test.cpp — the real transport against real servers of this machine: connections,
// threads, patience, proxies, trust.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "gguf/fetch/names.h"
#include "gguf/fetch/remote_file.h"
#include "gguf/fetch/transport.h"
#include "tests/fetch/environment.h"
#include "tests/fetch/fault_server.h"
#include "tests/support/temporary.h"

namespace m2w {
namespace {
using fetch::RemoteFile;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr size_t kBytes = 300'000;

std::string content() {
    std::string text(kBytes, '\0');
    uint32_t x = 1;
    for (char& c : text) c = char((x = x * 1664525 + 1013904223) >> 24);
    return text;
}

/// One server for the file's tests: m.gguf with content(), and a hub with one repository.
class CurlTransport : public testing::Test {
  protected:
    void SetUp() override {
        M2W_SHARED(script, "robust/fault_server.py");
        write("m.gguf", content());
        write("o/r/resolve/main/x-Q8_0.gguf", "the model");
        write("api/models/o/r", R"({"siblings":[{"rfilename":"x-Q8_0.gguf"}]})");
        server_.emplace(script, folder_.path());
    }
    void write(const std::string& name, const std::string& text) {
        std::filesystem::create_directories((folder_.path() / name).parent_path());
        std::ofstream(folder_.path() / name, std::ios::binary) << text;
    }
    static Result<std::string> read(const RemoteFile& file, uint64_t offset, uint64_t size) {
        std::string text;
        TRY(file.fetch(offset, size, [&](std::span<const std::byte> bytes) -> Result<void> {
            text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
            return {};
        }));
        return text;
    }

    test::TemporaryFolder folder_;
    std::optional<test::FaultServer> server_;
    fetch::FetchOptions options_ = test::impatient_options();
};

TEST_F(CurlTransport, connection_is_used_again) {
    options_.transport = fetch::make_curl_transport();
    const auto file = RemoteFile::open(server_->url("/m.gguf"), options_);
    ASSERT_TRUE(file) << file.error().str();
    for (uint64_t at = 0; at < kBytes; at += 50'000)
        EXPECT_EQ(*read(**file, at, 50'000), content().substr(at, 50'000));
    const auto stats = server_->stats();
    EXPECT_EQ(stats["requests"], 7);
    EXPECT_EQ(stats["connections"], 1);
}

TEST_F(CurlTransport, threads_share_a_file) {
    const auto file = RemoteFile::open(server_->url("/hf/m.gguf?uses=5"), options_);
    ASSERT_TRUE(file) << file.error().str();
    const std::string whole = content();
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (uint64_t t = 0; t < 6; t++)
        threads.emplace_back([&, t] {
            for (uint64_t i = 0; i < 8; i++) {
                const uint64_t at = (i * 6 + t) * 6000;
                const auto text = read(**file, at, 6000);
                wrong += !text || *text != whole.substr(at, 6000);
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
}

TEST_F(CurlTransport, time_in_the_sink_is_not_the_servers) {
    options_.low_speed_window = milliseconds(1000);
    const auto file = RemoteFile::open(server_->url("/slow/m.gguf?kbps=8000"), options_);
    ASSERT_TRUE(file);
    std::string text;
    const auto fetched =
        (*file)->fetch(0, 200'000, [&](std::span<const std::byte> bytes) -> Result<void> {
            if (text.empty() || (text.size() < 100'000 && text.size() + bytes.size() >= 100'000))
                std::this_thread::sleep_for(milliseconds(1700));
            text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
            return {};
        });
    EXPECT_TRUE(fetched) << fetched.error().str();
    EXPECT_TRUE(text == content().substr(0, 200'000));
    EXPECT_EQ(server_->stats()["requests"], 2);
}

TEST_F(CurlTransport, stalled_request_can_be_cancelled) {
    options_.low_speed_window = milliseconds(60'000);
    const auto begin = Clock::now();
    options_.cancelled = [&] { return Clock::now() - begin > milliseconds(100); };
    const auto file = RemoteFile::open(server_->url("/stall/m.gguf?headers=0"), options_);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().category, Category::io);
    EXPECT_NE(file.error().message.find("interrupted"), std::string::npos);
    EXPECT_LT(Clock::now() - begin, std::chrono::seconds(20));
}

TEST_F(CurlTransport, nobody_there_is_io) {
    for (const char* url : {"http://127.0.0.1:1/m.gguf", "http://host.invalid/m.gguf"}) {
        const auto file = RemoteFile::open(url, options_);
        ASSERT_FALSE(file);
        EXPECT_EQ(file.error().category, Category::io) << file.error().str();
        EXPECT_NE(file.error().message.find("(after 4 tries)"), std::string::npos);
    }
}

TEST_F(CurlTransport, proxy_of_the_environment_is_asked) {
    // The server takes the path of whatever it is asked for, so it can play a proxy.
    const test::Variable proxy("http_proxy", server_->url("").c_str()), direct("no_proxy", nullptr),
        direct_too("NO_PROXY", nullptr);
    options_.token = "m2w-secret";
    const auto file = RemoteFile::open("http://model.invalid/auth/m.gguf", options_);
    ASSERT_TRUE(file) << file.error().str();
    EXPECT_EQ(*read(**file, 20'000, 10), content().substr(20'000, 10));
}

TEST_F(CurlTransport, hub_at_another_address_is_listed_and_read) {
    options_.hub_endpoint = server_->url("");
    const auto name = fetch::resolve_name("hf:o/r", options_);
    ASSERT_TRUE(name) << name.error().str();
    ASSERT_EQ(name->urls.size(), 1u);
    const auto file = RemoteFile::open(name->urls[0], options_);
    ASSERT_TRUE(file) << file.error().str();
    EXPECT_EQ(*read(**file, 0, 9), "the model");
    EXPECT_EQ(fetch::resolve_name("hf:o/other", options_).error().category, Category::http_status);
}

TEST(curl_trust, certificate_that_nobody_signed_is_refused_at_once) {
    const test::TemporaryFolder folder;
    const test::ServerProcess server(
        {std::string(M2W_SOURCE_DIR) + "/tests/fetch/tls_server.py", folder.path()});
    const auto file = RemoteFile::open("https://127.0.0.1:" + std::to_string(server.port()) + "/",
                                       test::impatient_options());
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().category, Category::io) << file.error().str();
    EXPECT_EQ(file.error().message.find("tries"), std::string::npos) << file.error().str();
    EXPECT_NE(file.error().message.find("certificate"), std::string::npos) << file.error().str();
}

}  // namespace
}  // namespace m2w
