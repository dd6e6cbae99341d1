// pull_test.cpp — m2w pull, m2w cache and models by URL, as a user runs them, over the server that
// injects faults.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <random>
#include <thread>

#include "gguf/file.h"
#include "gguf/sha256.h"
#include "tests/cli/process.h"
#include "tests/fetch/fake_server.h"
#include "tests/fetch/fault_server.h"
#include "tests/support/results.h"
#include "tests/support/temporary.h"

namespace m2w::test {
namespace {

namespace fs = std::filesystem;

class PullVerb : public ::testing::Test {
  protected:
    void SetUp() override {
        M2W_SHARED(script, "robust/fault_server.py");
        files_ = folder_.path() / "files";
        fs::create_directories(files_);
        fs::copy_file(bundled_model(), files_ / "m.gguf");
        bytes_ = read_text(bundled_model());
        server_ = std::make_unique<FaultServer>(script, files_);
        setenv("M2W_CACHE", cache().c_str(), 1);
    }
    void TearDown() override { unsetenv("M2W_CACHE"); }

    fs::path cache() const { return folder_.path() / "cache"; }
    RunResult m2w(std::vector<std::string> args) {
        args.insert(args.begin(), m2w_program());
        return run(args);
    }
    std::string url(const std::string& path = "/m.gguf") const { return server_->url(path); }
    /// The server's log as bytes of bodies.
    uint64_t sent_bytes() const { return server_->stats()["bytes"]; }
    fs::path blob() const { return cache() / "blobs" / sha256_hex(bytes_); }

    TemporaryFolder folder_;
    fs::path files_;
    std::string bytes_;
    std::unique_ptr<FaultServer> server_;
};

TEST_F(PullVerb, prints_where_the_model_is_and_progress_as_plain_lines) {
    const RunResult r = m2w({"pull", url()});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_EQ(r.out, blob().string() + "\n");
    EXPECT_EQ(read_text(blob()), bytes_);
    EXPECT_TRUE(contains(r.err, "pulling m.gguf  100%")) << r.err;
    EXPECT_FALSE(contains(r.err, "\x1b"));
    EXPECT_EQ(sent_bytes(), bytes_.size());
}

TEST_F(PullVerb, a_terminal_sees_rate_time_left_and_layer) {
    PtyProcess pty({m2w_program(), "pull", url("/slow/m.gguf?kbps=12000")});
    EXPECT_TRUE(pty.expect("/s  ")) << pty.transcript();
    EXPECT_TRUE(pty.expect(" left  layer ")) << pty.transcript();
    EXPECT_TRUE(pty.expect(" of 8")) << pty.transcript();
    EXPECT_EQ(pty.wait(), 0) << pty.transcript();
}

TEST_F(PullVerb, copies_out_and_enforces_a_sha256) {
    const fs::path out = folder_.path() / "out.gguf";
    const std::string sha256 = sha256_hex(bytes_);
    const RunResult r = m2w({"pull", url(), "-o", out.string(), "--sha256", sha256});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_EQ(r.out, out.string() + "\n");
    EXPECT_EQ(read_text(out), bytes_);
    const RunResult other = m2w({"pull", url("/ok/m.gguf"), "--sha256", std::string(64, '0')});
    EXPECT_EQ(other.status, 3);
    EXPECT_TRUE(other.err.find("error[checksum]") != std::string::npos) << other.err;
    EXPECT_EQ(m2w({"pull", url(), "--sha256", "abc"}).status, 1);
    EXPECT_EQ(m2w({"pull", "file.gguf"}).status, 1);
    EXPECT_EQ(m2w({"pull", url(), "--connections", "0"}).status, 1);
}

TEST_F(PullVerb, exit_statuses_say_what_went_wrong) {
    const std::pair<const char*, const char*> cases[] = {
        {"/nope.gguf", "error[http_status]"},
        {"/auth/m.gguf", "error[http_auth]"},
        {"/redirectloop/m.gguf", "error[http_redirect]"},
        {"/gzip/m.gguf", "error[http_encoding]"},
    };
    for (const auto& [path, category] : cases) {
        const RunResult r = m2w({"pull", url(path)});
        EXPECT_EQ(r.status, 3) << path;
        EXPECT_TRUE(contains(r.err, category)) << r.err;
    }
    const fs::path token = folder_.path() / "token";
    std::ofstream(token) << "m2w-secret\n";
    const RunResult r = m2w({"pull", url("/auth/m.gguf"), "--token-file", token.string()});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_FALSE(contains(r.err + r.out, "m2w-secret"));
}

TEST_F(PullVerb, a_header_is_enough_for_inspect_and_its_fit) {
    ASSERT_GET(const auto file, gguf::File::open(bundled_model()));
    uint64_t header_bytes = UINT64_MAX;
    for (const gguf::TensorInfo& t : file->tensors())
        header_bytes = std::min(header_bytes, t.offset_bytes);
    const RunResult r = m2w({"inspect", url(), "--fit", "512"});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_TRUE(contains(r.out, "memory for a context of 512"));
    EXPECT_LE(sent_bytes(), header_bytes + (1u << 20));
    const uint64_t before = sent_bytes();
    EXPECT_EQ(m2w({"tokenize", "-m", url(), "hello"}).status, 0);
    EXPECT_LE(sent_bytes() - before, 1u) << "the header is here";
    EXPECT_EQ(m2w({"inspect", url(), "--weights"}).status, 0);
    EXPECT_TRUE(fs::exists(blob())) << "weights that are read are pulled";
}

TEST_F(PullVerb, chat_pulls_and_then_works_offline) {
    const std::vector<std::string> chat{"chat", "--device",         "ref", "--temp", "0",
                                        "-p",   "What is 12 + 30?", "-m"};
    const auto with = [&](std::vector<std::string> more) {
        std::vector<std::string> args = chat;
        args.insert(args.end(), more.begin(), more.end());
        return m2w(args);
    };
    EXPECT_EQ(with({url(), "--offline"}).status, 3) << "not in the cache yet";
    const RunResult online = with({url()});
    EXPECT_EQ(online.status, 0) << online.err;
    EXPECT_EQ(online.out, "12 + 30 = 42.\n");
    server_->reset();
    EXPECT_EQ(with({url(), "--offline"}).out, "12 + 30 = 42.\n");
    EXPECT_EQ(server_->log().size(), 0u);
    const std::string address = url();
    server_.reset();
    const RunResult alone = with({address});
    EXPECT_EQ(alone.out, "12 + 30 = 42.\n");
    EXPECT_TRUE(contains(alone.err, "using what is in the cache")) << alone.err;
}

TEST_F(PullVerb, chat_computes_while_the_model_comes_and_leaves_it_complete) {
    const RunResult r = m2w(
        {"chat", "--temp", "0", "-p", "What is 12 + 30?", "-m", url("/slow/m.gguf?kbps=30000")});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_EQ(r.out, "12 + 30 = 42.\n");
    EXPECT_TRUE(contains(r.err, "pulling m.gguf  100%")) << r.err;
    EXPECT_EQ(read_text(blob()), bytes_);
    EXPECT_EQ(sent_bytes(), bytes_.size()) << "nothing comes twice";
}

TEST_F(PullVerb, chat_with_a_model_that_changes_on_its_way_shows_no_answer) {
    const RunResult r = m2w({"chat", "--temp", "0", "-p", "What is 12 + 30?", "-m",
                             url("/etagchange/m.gguf?after=3&content=1")});
    EXPECT_EQ(r.status, 3);
    EXPECT_EQ(r.out, "");
    EXPECT_TRUE(contains(r.err, "error[http_changed]")) << r.err;
}

/// A server whose SHA-256 is known, and that sends one byte wrong for so many times.
class DamagedOnItsWay : public PullVerb {
  protected:
    RunResult chat(const ServerProcess& server, const std::string& path = "/m.gguf") {
        return m2w({"chat", "--temp", "0", "-p", "What is 12 + 30?", "-m",
                    "http://127.0.0.1:" + std::to_string(server.port()) + path});
    }
    ServerProcess serve(uint64_t at, const std::string& times) {
        return ServerProcess({std::string(M2W_SOURCE_DIR) + "/tests/fetch/linked_server.py",
                              (files_ / "m.gguf").string(), "--at", std::to_string(at), "--times",
                              times});
    }
    static void expect_no_answer(const RunResult& r, const std::string& why) {
        EXPECT_EQ(r.status, 3) << r.err;
        EXPECT_EQ(r.out, "");
        EXPECT_TRUE(contains(r.err, "error[checksum]") && contains(r.err, why)) << r.err;
    }
};

TEST_F(DamagedOnItsWay, chat_shows_no_answer_from_it_and_the_next_one_is_right) {
    // In the first request, in the middle of the weights, at the end.
    for (const uint64_t at : {uint64_t{200'000}, bytes_.size() / 2, bytes_.size() - 1}) {
        SCOPED_TRACE(at);
        fs::remove_all(cache());
        const ServerProcess server = serve(at, "1");
        expect_no_answer(chat(server), "fetched again");
        EXPECT_EQ(read_text(blob()), bytes_);
        const RunResult again = chat(server);
        EXPECT_EQ(again.status, 0) << again.err;
        EXPECT_EQ(again.out, "12 + 30 = 42.\n");
    }
}

TEST_F(DamagedOnItsWay, header_that_makes_no_sense_is_fetched_once_more_and_named) {
    const auto inspect = [&](const ServerProcess& server) {
        return m2w(
            {"inspect", "http://127.0.0.1:" + std::to_string(server.port()) + "/bytes.gguf"});
    };
    const std::string good = m2w({"inspect", "--quick", bundled_model().string()}).out;
    const auto tensors_of = [](const std::string& text) { return text.substr(text.find('\n')); };
    // The magic, a count, and the length of a late tensor's name, in a chunk that is not complete.
    const uint64_t late = bytes_.rfind("blk.7.ffn_up.weight") - 4;
    ASSERT_LT(late, uint64_t{1} << 20);
    for (const uint64_t at : {uint64_t{0}, uint64_t{9}, late}) {
        SCOPED_TRACE(at);
        fs::remove_all(cache());
        const ServerProcess once = serve(at, "1");
        const RunResult r = inspect(once);
        EXPECT_EQ(r.status, 0) << r.err;
        EXPECT_TRUE(contains(r.err, "came damaged and was fetched again")) << r.err;
        EXPECT_EQ(tensors_of(r.out), tensors_of(good));
        EXPECT_EQ(inspect(once).err, "") << "what is kept is right";
    }
    fs::remove_all(cache());
    const ServerProcess always = serve(9, "1000000");
    const RunResult refused = inspect(always);
    EXPECT_EQ(refused.status, 2) << refused.err;
    EXPECT_FALSE(contains(refused.err, "fetched again")) << refused.err;
    EXPECT_EQ(inspect(always).status, 2);
}

TEST_F(DamagedOnItsWay, chat_shows_no_answer_when_it_always_is_and_nothing_is_kept) {
    const ServerProcess server = serve(bytes_.size() / 2, "1000000");
    for (int i = 0; i < 2; i++) expect_no_answer(chat(server), "same bytes twice");
    EXPECT_FALSE(fs::exists(blob()));
    EXPECT_TRUE(fs::is_empty(cache() / "partial"));
}

TEST_F(PullVerb, a_lock_pins_what_a_name_means) {
    const std::string lock = (folder_.path() / "m2w.lock").string();
    EXPECT_EQ(m2w({"pull", url(), "--lock", lock}).status, 0);
    const std::string text = read_text(lock);
    EXPECT_TRUE(contains(text, sha256_hex(bytes_))) << text;
    EXPECT_EQ(m2w({"pull", url(), "--lock", lock}).status, 0);
    EXPECT_EQ(read_text(lock), text);
    std::string other = bytes_;
    other.back() ^= 1;
    std::ofstream(files_ / "m.gguf", std::ios::binary) << other;
    EXPECT_EQ(m2w({"pull", url(), "--lock", lock}).status, 0) << "the pinned bytes are here";
    fs::remove_all(cache());
    const RunResult refused = m2w({"pull", url(), "--lock", lock});
    EXPECT_EQ(refused.status, 3);
    EXPECT_TRUE(contains(refused.err, "error[checksum]")) << refused.err;
    std::ofstream(lock) << "{";
    EXPECT_EQ(m2w({"pull", url(), "--lock", lock}).status, 3);
}

TEST_F(PullVerb, the_cache_is_listed_verified_and_emptied) {
    EXPECT_EQ(m2w({"cache"}).status, 1);
    EXPECT_TRUE(contains(m2w({"cache", "list"}).out, "0 files")) << "there need not be one";
    EXPECT_EQ(m2w({"pull", url()}).status, 0);
    EXPECT_EQ(m2w({"inspect", url("/ok/m.gguf")}).status, 0);
    const RunResult list = m2w({"cache", "list"});
    EXPECT_TRUE(contains(list.out, sha256_hex(bytes_).substr(0, 12))) << list.out;
    EXPECT_TRUE(contains(list.out, "complete") && contains(list.out, "/m.gguf")) << list.out;
    EXPECT_EQ(m2w({"cache", "verify"}).status, 0);
    std::string damaged = bytes_;
    damaged[3'000'000] ^= 1;
    std::ofstream(blob(), std::ios::binary) << damaged;
    const RunResult verify = m2w({"cache", "verify"});
    EXPECT_EQ(verify.status, 3);
    EXPECT_TRUE(contains(verify.out, "chunk 45 (bytes 2949120 to 3014655)")) << verify.out;
    server_->reset();
    EXPECT_EQ(m2w({"pull", url(), "--verify"}).status, 0);
    EXPECT_EQ(read_text(blob()), bytes_);
    EXPECT_EQ(sent_bytes(), 1 + (64u << 10)) << "exactly that chunk";
    EXPECT_EQ(m2w({"cache", "prune", "--max-size", "1GB"}).status, 0);
    EXPECT_TRUE(fs::exists(blob()));
    EXPECT_EQ(m2w({"cache", "rm", "nothing"}).status, 1);
    EXPECT_EQ(m2w({"cache", "rm", url()}).status, 0);
    EXPECT_FALSE(fs::exists(blob()));
    EXPECT_EQ(m2w({"cache", "prune", "--max-size", "0"}).status, 0);
    EXPECT_TRUE(contains(m2w({"cache", "list"}).out, "0 files"));
}

TEST_F(PullVerb, a_cache_that_cannot_be_written_is_a_clear_error) {
    std::ofstream(cache()) << "no folder";
    const RunResult r = m2w({"pull", url()});
    EXPECT_EQ(r.status, 3);
    EXPECT_TRUE(contains(r.err, "error[cache]") && contains(r.err, "M2W_CACHE")) << r.err;
}

TEST_F(PullVerb, a_large_file_takes_little_memory) {
    constexpr uint64_t kMib = 96;
    { std::ofstream(files_ / "big.bin"); }
    fs::resize_file(files_ / "big.bin", kMib << 20);
    // This address tells the SHA-256, so that the file, which is no model, is pulled all the same.
    const RunResult r = m2w({"pull", url("/hf/big.bin")});
    EXPECT_EQ(r.status, 0) << r.err;
    if (!kSanitized) {
        EXPECT_LE(r.peak_mib, 64) << "of " << kMib;
    }
}

/// Starts the program with its output thrown away.
pid_t start(const std::vector<std::string>& command) {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    if (!std::freopen("/dev/null", "w", stdout) || !std::freopen("/dev/null", "w", stderr))
        _exit(125);
    std::vector<char*> argv;
    for (const std::string& arg : command) argv.push_back(const_cast<char*>(arg.c_str()));
    argv.push_back(nullptr);
    execv(argv[0], argv.data());
    _exit(126);
}

TEST_F(PullVerb, two_at_once_download_once) {
    const std::vector<std::string> command{m2w_program(), "pull", url("/slow/m.gguf?kbps=30000")};
    const pid_t pids[] = {start(command), start(command)};
    for (const pid_t pid : pids) {
        int status = 0;
        waitpid(pid, &status, 0);
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    EXPECT_EQ(read_text(blob()), bytes_);
    // Each opened it with a request of its own.
    EXPECT_LE(sent_bytes(), bytes_.size() + (256u << 10));
}

TEST_F(PullVerb, killed_at_a_hundred_moments_it_goes_on_where_it_was) {
    constexpr int kKills = kSanitized ? 30 : 100;
    constexpr uint64_t kChunkBytes = 64u << 10;  // of a file of this size
    const std::vector<std::string> command{m2w_program(), "pull", url("/slow/m.gguf?kbps=2400")};
    std::mt19937 random(1);
    std::uniform_int_distribution<int> moment_ms(20, 250);
    uint64_t kills = 0, kills_of_file = 0, files = 0, fetched_twice = 0;
    const auto judge_file = [&] {
        ASSERT_EQ(read_text(blob()), bytes_);
        const uint64_t sent = sent_bytes();
        ASSERT_GE(sent, bytes_.size());
        EXPECT_LE(sent, bytes_.size() + bytes_.size() / 100 + kills_of_file * kChunkBytes);
        fetched_twice += sent - bytes_.size();
        files++;
        fs::remove_all(cache());
        server_->reset();
        kills_of_file = 0;
    };
    while (kills < kKills) {
        const pid_t pid = start(command);
        std::this_thread::sleep_for(std::chrono::milliseconds(moment_ms(random)));
        kill(pid, SIGKILL);
        int status = 0;
        waitpid(pid, &status, 0);
        if (WIFSIGNALED(status)) {
            kills++;
            kills_of_file++;
        } else {
            ASSERT_EQ(WEXITSTATUS(status), 0);
            judge_file();
        }
    }
    if (kills_of_file > 0) {
        EXPECT_EQ(m2w({"pull", url("/slow/m.gguf?kbps=2400")}).status, 0);
        judge_file();
    }
    std::printf("%d kills, %d files, %.1f kB fetched twice a kill\n", int(kills), int(files),
                double(fetched_twice) / double(kills) / 1000);
}

}  // namespace
}  // namespace m2w::test
