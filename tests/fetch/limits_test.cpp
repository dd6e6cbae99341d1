// limits_test.cpp — the limits of docs/streaming.md: the page has the numbers of the code, and each
// holds at its value and above.
#include "gguf/fetch/limits.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "gguf/limits.h"
#include "tests/fetch/small_server.h"
#include "tests/support/shared.h"

namespace m2w::fetch {
namespace {

using test::kUrl, test::Scripted, test::serve;

const std::string kLongContent(2000, 'x');

std::string with_commas(uint64_t n) {
    if (n < 1000) return std::to_string(n);
    return fmt::format("{},{:03}", with_commas(n / 1000), n % 1000);
}

TEST(fetch_limits, streaming_md_lists_the_constants) {
    const std::string page =
        test::read_text(std::filesystem::path(M2W_SOURCE_DIR) / "docs/streaming.md");
    const std::pair<const char*, uint64_t> rows[] = {
        {"headers of one exchange, bytes", kMaxHeadBytes},
        {"fields of one head", kMaxHeadFields},
        {"redirects", kMaxRedirects},
        {"tries of a range", kTries},
        {"pause before the second try, ms", kBackoff.count()},
        {"`Retry-After` that is honoured, s", kMaxRetryAfter.count() / 1000},
        {"time to connect, s", kConnectTimeout.count() / 1000},
        {"slowest answer, bytes/s", kLowSpeedBytesPerSecond},
        {"answers in a row that are shorter than asked and than 64 KiB", kMaxSmallAnswers},
        {"first request, bytes", kFirstBytes},
        {"file of a server without ranges that is kept whole, bytes", kMaxWholeBytes},
        {"listing of a repository, bytes", kMaxListingBytes},
        {"token, bytes", kMaxTokenBytes},
        {"parts of a split model", gguf::kMaxParts},
        {"file, bytes", kMaxFileBytes},
        {"smallest chunk, bytes", kMinChunkBytes},
        {"usual chunk of a large file, bytes", kUsualChunkBytes},
        {"chunks of a file", kMaxChunks},
        {"first line of a journal, bytes", kMaxJournalHeaderBytes},
        {"lines of a journal, for each chunk on average", kRecordsPerChunk},
        {"ref, bytes", kMaxRefBytes},
        {"m2w.lock, bytes", kMaxPinsBytes},
        {"connections of a pull", kMaxConnections},
        {"bytes of one request", kRequestBytes},
        {"another process that brings nothing, s", kPatience.count() / 1000},
    };
    for (const auto& [name, value] : rows) {
        const std::string row = fmt::format("| {} | {} |", name, with_commas(value));
        EXPECT_NE(page.find(row), std::string::npos) << "docs/streaming.md has no row " << row;
    }
    EXPECT_NE(page.find(fmt::format("below it for {} s", kLowSpeedWindow.count() / 1000)),
              std::string::npos);
}

Category opened(const ScriptedTransport::Script& script) {
    const Scripted server(script);
    const auto file = RemoteFile::open(kUrl, server.options);
    return file ? Category::count : file.error().category;
}

TEST(fetch_limits, bytes_of_a_head) {
    const auto with_head_of = [](uint64_t bytes) {
        return opened([bytes](const Request& request) {
            ScriptedAnswer answer = serve(kLongContent, request);
            uint64_t have = 2;  // the empty line
            for (const std::string& line : answer.lines) have += line.size() + 2;
            answer.lines.push_back("X: " + std::string(bytes - have - 5, 'x'));
            return answer;
        });
    };
    EXPECT_EQ(with_head_of(kMaxHeadBytes), Category::count);
    EXPECT_EQ(with_head_of(kMaxHeadBytes + 1), Category::http_protocol);
}

TEST(fetch_limits, interim_heads_count_too) {
    const auto with_interim = [](size_t heads) {
        return opened([heads](const Request& request) {
            ScriptedAnswer answer = serve(kLongContent, request);
            std::vector<std::string> lines;
            for (size_t i = 0; i < heads; i++) lines.insert(lines.end(), {"HTTP/1.1 103 X", ""});
            lines.insert(lines.end(), answer.lines.begin(), answer.lines.end());
            answer.lines = std::move(lines);
            return answer;
        });
    };
    EXPECT_EQ(with_interim(5'000), Category::count);
    EXPECT_EQ(with_interim(6'000), Category::http_protocol);
}

TEST(fetch_limits, fields_of_a_head) {
    const auto with_fields = [](size_t fields) {
        return opened([fields](const Request& request) {
            ScriptedAnswer answer = serve(kLongContent, request);
            while (answer.lines.size() < fields + 1) answer.lines.push_back("X: y");
            return answer;
        });
    };
    EXPECT_EQ(with_fields(kMaxHeadFields), Category::count);
    EXPECT_EQ(with_fields(kMaxHeadFields + 1), Category::http_protocol);
}

TEST(fetch_limits, short_answers_in_a_row) {
    const auto with_answers = [](int n) {
        Scripted server([](const Request& request) {
            unsigned long long first = 0, last = 0;
            std::sscanf(header_of(request, "Range").c_str(), "bytes=%llu-%llu", &first, &last);
            Request one = request;
            one.headers[0] = fmt::format("Range: bytes={0}-{0}", first);
            return serve(kLongContent, one);
        });
        server.options.first_bytes = 1;
        const auto file = RemoteFile::open(kUrl, server.options);
        if (!file) return file.error().category;
        // The first byte is there already, and the last answer ends the range.
        const auto text = test::read(**file, 0, uint64_t(n) + 1);
        return text ? Category::count : text.error().category;
    };
    EXPECT_EQ(with_answers(kMaxSmallAnswers + 1), Category::count);
    EXPECT_EQ(with_answers(kMaxSmallAnswers + 2), Category::http_range);
}

TEST(fetch_limits, whole_file_of_a_server_without_ranges) {
    const auto kept = [](uint64_t size) {
        const Scripted server([size](const Request&) { return serve(std::string(size, 'x'), {}); });
        const auto file = RemoteFile::open(kUrl, server.options);
        return file ? (*file)->first_bytes().size() : 0;
    };
    EXPECT_EQ(kept(kMaxWholeBytes), kMaxWholeBytes);
    EXPECT_EQ(kept(kMaxWholeBytes + 1), 10u);
}

}  // namespace
}  // namespace m2w::fetch
