// remote_file_test.cpp — ranges put together from answers of every kind, over a scripted transport.
#include "gguf/fetch/remote_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/fetch/small_server.h"

namespace m2w::fetch {
namespace {

using test::kContent, test::kUrl, test::read, test::Scripted, test::serve, test::status;

/// A server that behaves but for request number `n` (from 0), which gets what `spoil` makes of its
/// answer.
Scripted spoiled(int n, std::function<void(ScriptedAnswer&)> spoil) {
    return Scripted([n, spoil, i = 0](const Request& request) mutable {
        ScriptedAnswer answer = serve(kContent, request);
        if (i++ == n) spoil(answer);
        return answer;
    });
}

Category category_of_read(const Scripted& server) {
    const auto file = RemoteFile::open(kUrl, server.options);
    if (!file) return file.error().category;
    const auto text = read(**file, 0, (*file)->identity().size_bytes);
    if (!text) return text.error().category;
    EXPECT_EQ(*text, kContent);
    return Category::count;
}

void set_field(ScriptedAnswer& answer, const std::string& name, const std::string& value) {
    for (std::string& line : answer.lines)
        if (line.starts_with(name + ":")) line = name + ": " + value;
}

TEST(remote_file, opening_asks_once_and_keeps_the_first_bytes) {
    Scripted server([](const Request& request) { return serve(kContent, request); });
    const auto file = RemoteFile::open("https://host/m.gguf?x=1", server.options);
    ASSERT_TRUE(file) << file.error().str();
    EXPECT_EQ((*file)->identity().url, "https://host/m.gguf?x=1");
    EXPECT_EQ((*file)->identity().size_bytes, kContent.size());
    EXPECT_EQ((*file)->identity().etag, "\"v1\"");
    EXPECT_TRUE((*file)->identity().ranges);
    EXPECT_EQ((*file)->first_bytes().size(), 10u);
    EXPECT_EQ(*read(**file, 2, 7), kContent.substr(2, 7));
    EXPECT_EQ(*read(**file, 62, 0), "");
    ASSERT_EQ(server.transport->requests.size(), 1u);
    const Request& request = server.transport->requests[0];
    EXPECT_EQ(header_of(request, "Range"), "bytes=0-9");
    EXPECT_EQ(header_of(request, "If-Range"), "");
    EXPECT_EQ(header_of(request, "Accept-Encoding"), "identity");
}

TEST(remote_file, later_ranges_are_bound_to_the_etag_and_begin_behind_what_is_kept) {
    Scripted server([](const Request& request) { return serve(kContent, request); });
    const auto file = RemoteFile::open(kUrl, server.options);
    ASSERT_TRUE(file);
    EXPECT_EQ(*read(**file, 5, 20), kContent.substr(5, 20));
    EXPECT_EQ(*read(**file, 61, 1), kContent.substr(61, 1));
    ASSERT_EQ(server.transport->requests.size(), 3u);
    EXPECT_EQ(header_of(server.transport->requests[1], "Range"), "bytes=10-24");
    EXPECT_EQ(header_of(server.transport->requests[1], "If-Range"), "\"v1\"");
    EXPECT_EQ(header_of(server.transport->requests[2], "Range"), "bytes=61-61");
}

TEST(remote_file, range_outside_of_the_file_is_truncated_without_a_request) {
    Scripted server([](const Request& request) { return serve(kContent, request); });
    const auto file = RemoteFile::open(kUrl, server.options);
    ASSERT_TRUE(file);
    for (const auto& [offset, size] : std::vector<std::pair<uint64_t, uint64_t>>{
             {0, 63}, {62, 1}, {63, 0}, {61, ~uint64_t(0)}, {~uint64_t(0), 2}}) {
        const auto text = read(**file, offset, size);
        ASSERT_FALSE(text);
        EXPECT_EQ(text.error().category, Category::truncated);
    }
    EXPECT_EQ(server.transport->requests.size(), 1u);
}

TEST(remote_file, weak_etag_is_no_identity_but_may_not_change_either) {
    std::string etag = "W/\"a\"";
    Scripted server([&](const Request& request) { return serve(kContent, request, etag); });
    const auto file = RemoteFile::open(kUrl, server.options);
    ASSERT_TRUE(file);
    EXPECT_EQ((*file)->identity().etag, "");
    EXPECT_TRUE(read(**file, 10, 10));
    EXPECT_EQ(header_of(server.transport->requests[1], "If-Range"), "");
    etag = "W/\"b\"";
    EXPECT_EQ(read(**file, 10, 10).error().category, Category::http_changed);
}

TEST(remote_file, answers_that_are_not_the_range_are_refused) {
    const std::vector<std::pair<std::string, Category>> ranges{
        {"bytes 11-61/62", Category::http_range},
        {"bytes 10-62/63", Category::http_range},
        {"bytes 10-61/*", Category::http_range},
        {"bytes 10-9/62", Category::http_range},
        {"bytes 10-61/61", Category::http_range},
        {"bytes */62", Category::http_range},
        {"items 10-61/62", Category::http_range},
        {"bytes 10-61/63", Category::http_changed},
        {"bytes=10-61/62", Category::http_range},
        {"bytes  10-61/62", Category::http_range},
        {"bytes 10-61/62 ", Category::count},
        {"BYTES 10-61/62", Category::count},
        {"bytes +10-61/62", Category::http_range},
        {"bytes 0010-61/62", Category::count},
        {"bytes 10-99999999999999999999/62", Category::http_range},
        {"", Category::http_range}};
    for (const auto& [range, category] : ranges)
        EXPECT_EQ(
            category_of_read(spoiled(
                1, [&range = range](ScriptedAnswer& a) { set_field(a, "Content-Range", range); })),
            category)
            << range;
}

TEST(remote_file, range_of_other_bytes_is_refused_although_its_length_agrees) {
    for (const auto& [first, last] : std::vector<std::pair<int, int>>{{9, 60}, {9, 61}, {11, 61}}) {
        const Scripted server = spoiled(1, [&, first = first, last = last](ScriptedAnswer& a) {
            set_field(a, "Content-Range", fmt::format("bytes {}-{}/62", first, last));
            set_field(a, "Content-Length", std::to_string(last - first + 1));
            a.pieces = {kContent.substr(size_t(first), size_t(last - first + 1))};
        });
        EXPECT_EQ(category_of_read(server), Category::http_range) << first << "-" << last;
    }
    // Too much at the end, where the file would have it.
    const Scripted server([i = 0](const Request& request) mutable {
        ScriptedAnswer answer = serve(kContent, request);
        if (i++ == 1) {
            set_field(answer, "Content-Range", "bytes 20-30/62");
            set_field(answer, "Content-Length", "11");
            answer.pieces = {kContent.substr(20, 11)};
        }
        return answer;
    });
    const auto file = RemoteFile::open(kUrl, server.options);
    ASSERT_TRUE(file);
    EXPECT_EQ(read(**file, 20, 10).error().category, Category::http_range);
}

TEST(remote_file, other_fields_at_odds_are_refused) {
    const std::vector<std::tuple<std::string, std::string, Category>> fields{
        {"ETag", "\"v2\"", Category::http_changed},
        {"ETag", "", Category::http_changed},
        {"Content-Length", "51", Category::http_range},
        {"Content-Length", "53", Category::http_range},
        {"Content-Length", "-1", Category::http_protocol},
        {"Content-Length", "0x34", Category::http_protocol},
        {"Content-Length", "99999999999999999999", Category::http_protocol}};
    for (const auto& [name, value, category] : fields)
        EXPECT_EQ(
            category_of_read(spoiled(1, [&name = name, &value = value](
                                            ScriptedAnswer& a) { set_field(a, name, value); })),
            category)
            << name << ": " << value;
    const std::vector<std::pair<std::string, Category>> added{
        {"Content-Encoding: gzip", Category::http_encoding},
        {"Content-Encoding: identity", Category::count},
        {"Content-Length: 7", Category::http_protocol},
        {"Content-Length: 52", Category::count},
        {"Content-Range: bytes 11-61/62", Category::http_protocol},
        {"no field", Category::http_protocol},
        {": no name", Category::http_protocol},
        {"a b: c", Category::http_protocol},
        {" folded: x", Category::http_protocol},
        {"X: " + std::string(100'000, 'x'), Category::http_protocol}};
    for (const auto& [line, category] : added)
        EXPECT_EQ(category_of_read(
                      spoiled(1, [&line = line](ScriptedAnswer& a) { a.lines.push_back(line); })),
                  category)
            << line.substr(0, 40);
}

TEST(remote_file, status_lines_out_of_the_ordinary_are_refused) {
    for (const char* line :
         {"HTTP/1.1 2060 X", "HTTP/1.1 20 X", "HTTP/1.1 +20 X", "HTTP/1.1", "HTTP/1.1  206 X",
          "ICY 206 X", "HTTP/1.1 101 Switching Protocols", "HTTP/1.1 006 X", ""})
        EXPECT_EQ(category_of_read(spoiled(1, [&](ScriptedAnswer& a) { a.lines[0] = line; })),
                  Category::http_protocol)
            << line;
    for (const char* line : {"HTTP/2 206 ", "HTTP/2 206", "HTTP/1.0 206 Partial Content"})
        EXPECT_EQ(category_of_read(spoiled(1, [&](ScriptedAnswer& a) { a.lines[0] = line; })),
                  Category::count)
            << line;
}

TEST(remote_file, interim_heads_and_trailers_are_passed_over) {
    EXPECT_EQ(category_of_read(spoiled(1,
                                       [](ScriptedAnswer& a) {
                                           a.lines.insert(a.lines.begin(),
                                                          {"HTTP/1.1 103 Early Hints",
                                                           "Content-Range: bytes 0-1/2", ""});
                                       })),
              Category::count);
}

TEST(remote_file, byte_too_many_ends_the_request) {
    const auto overlong = [](ScriptedAnswer& a) {
        std::erase_if(a.lines,
                      [](const std::string& l) { return l.starts_with("Content-Length"); });
        a.pieces.push_back("x");
    };
    EXPECT_EQ(category_of_read(spoiled(0, overlong)), Category::http_range);
    EXPECT_EQ(category_of_read(spoiled(1, overlong)), Category::http_range);
}

TEST(remote_file, broken_answers_go_on_from_where_they_stopped) {
    for (const size_t kept : {0u, 1u, 20u, 51u, 52u}) {
        Scripted server = spoiled(1, [&](ScriptedAnswer& a) {
            a.pieces = {a.pieces[0].substr(0, kept)};
            a.end = TransferEnd::truncated;
        });
        EXPECT_EQ(category_of_read(server), Category::count) << kept;
        ASSERT_EQ(server.transport->requests.size(), 3u);
        // A last byte whose answer did not end well does not count.
        EXPECT_EQ(header_of(server.transport->requests[2], "Range"),
                  "bytes=" + std::to_string(10 + std::min<size_t>(kept, 51)) + "-61");
        EXPECT_EQ(server.pauses.size(), 1u);
    }
}

TEST(remote_file, answer_that_ends_well_but_early_is_tried_again) {
    Scripted server = spoiled(0, [](ScriptedAnswer& a) { a.pieces = {"0123"}; });
    EXPECT_EQ(category_of_read(server), Category::count);
    EXPECT_EQ(header_of(server.transport->requests[1], "Range"), "bytes=4-9");
    EXPECT_EQ(header_of(server.transport->requests[1], "If-Range"), "\"v1\"");
}

TEST(remote_file, four_tries_then_the_last_error) {
    for (const auto& [end, category] : std::vector<std::pair<TransferEnd, Category>>{
             {TransferEnd::truncated, Category::http_truncated},
             {TransferEnd::timeout, Category::http_timeout},
             {TransferEnd::no_connect, Category::io}}) {
        Scripted server([end = end](const Request&) { return ScriptedAnswer{{}, {}, end}; });
        const auto file = RemoteFile::open(kUrl, server.options);
        ASSERT_FALSE(file);
        EXPECT_EQ(file.error().category, category);
        EXPECT_EQ(file.error().message, "https://host/m.gguf: scripted (after 4 tries)");
        EXPECT_EQ(server.transport->requests.size(), 4u);
        ASSERT_EQ(server.pauses.size(), 3u);
        for (size_t i = 0; i < 3; i++) {
            EXPECT_LE(server.pauses[i].count(), 500 << i);
            EXPECT_GE(server.pauses[i].count(), 250 << i);
        }
    }
}

TEST(remote_file, other_ends_are_final) {
    for (const auto& [end, category] : std::vector<std::pair<TransferEnd, Category>>{
             {TransferEnd::protocol, Category::http_protocol},
             {TransferEnd::cancelled, Category::io},
             {TransferEnd::no_trust, Category::io},
             {TransferEnd::no_memory, Category::out_of_memory}}) {
        Scripted server([end = end](const Request&) { return ScriptedAnswer{{}, {}, end}; });
        EXPECT_EQ(RemoteFile::open(kUrl, server.options).error().category, category);
        EXPECT_EQ(server.transport->requests.size(), 1u);
    }
}

TEST(remote_file, progress_renews_the_tries) {
    const auto one_byte_a_try = [](const Request& request) {
        ScriptedAnswer answer = serve(kContent, request);
        answer.pieces = {answer.pieces[0].substr(0, 1)};
        answer.end = TransferEnd::truncated;
        return answer;
    };
    Scripted server(one_byte_a_try);
    EXPECT_EQ(RemoteFile::open(kUrl, server.options).error().category, Category::http_truncated);
    EXPECT_EQ(server.transport->requests.size(), 4u);
    Scripted patient(one_byte_a_try);
    patient.options.tries_renewed_after_bytes = 2;
    // Nine bytes come one by one; the last one never comes with a good end.
    EXPECT_EQ(RemoteFile::open(kUrl, patient.options).error().category, Category::http_truncated);
    EXPECT_GE(patient.transport->requests.size(), 10u);
}

TEST(remote_file, legal_shorter_ranges_are_put_together_but_not_without_end) {
    const auto at_most = [](size_t bytes, const std::string& content) {
        return [=](const Request& request) {
            Request shorter = request;
            unsigned long long first = 0, last = 0;
            std::sscanf(header_of(request, "Range").c_str(), "bytes=%llu-%llu", &first, &last);
            shorter.headers[0] = "Range: bytes=" + std::to_string(first) + "-" +
                                 std::to_string(std::min(last, first + bytes - 1));
            return serve(content, shorter);
        };
    };
    EXPECT_EQ(category_of_read(Scripted(at_most(7, kContent))), Category::count);
    const std::string long_content(1000, 'x');
    Scripted byte_by_byte(at_most(1, long_content));
    const auto file = RemoteFile::open(kUrl, byte_by_byte.options);
    ASSERT_TRUE(file);
    EXPECT_EQ(read(**file, 0, 1000).error().category, Category::http_range);
    EXPECT_LE(byte_by_byte.transport->requests.size(), 80u);
}

TEST(remote_file, whole_answer_after_a_range_is_a_change) {
    EXPECT_EQ(category_of_read(spoiled(1, [](ScriptedAnswer& a) { a = serve(kContent, {}); })),
              Category::http_changed);
    EXPECT_EQ(category_of_read(spoiled(1, [](ScriptedAnswer& a) { a = status("416 X"); })),
              Category::http_changed);
    EXPECT_EQ(category_of_read(spoiled(0, [](ScriptedAnswer& a) { a = status("416 X"); })),
              Category::http_status);
}

TEST(remote_file, small_file_of_a_server_without_ranges_is_kept_whole) {
    Scripted server([](const Request&) { return serve(kContent, {}); });
    const auto file = RemoteFile::open(kUrl, server.options);
    ASSERT_TRUE(file);
    EXPECT_FALSE((*file)->identity().ranges);
    EXPECT_EQ(*read(**file, 0, 62), kContent);
    EXPECT_EQ(server.transport->requests.size(), 1u);
}

TEST(remote_file, large_file_of_a_server_without_ranges_is_read_from_its_beginning) {
    std::string content(1'500'000, 'a');
    for (size_t i = 0; i < content.size(); i += 7) content[i] = char('b' + i % 11);
    bool broken = false;
    Scripted server([&](const Request&) {
        ScriptedAnswer answer = serve(content, {});
        if (broken) {
            answer.pieces = {content.substr(0, 400'000), content.substr(400'000, 300'000)};
            answer.end = TransferEnd::truncated;
            broken = false;
        }
        return answer;
    });
    const auto file = RemoteFile::open(kUrl, server.options);
    ASSERT_TRUE(file);
    EXPECT_FALSE((*file)->identity().ranges);
    EXPECT_EQ((*file)->first_bytes().size(), 10u);
    broken = true;
    EXPECT_EQ(*read(**file, 0, content.size()), content);
    EXPECT_EQ(*read(**file, 700'000, 5), content.substr(700'000, 5));
    for (size_t i = 1; i < server.transport->requests.size(); i++)
        EXPECT_EQ(header_of(server.transport->requests[i], "Range"), "");
}

TEST(remote_file, without_ranges_and_size_there_is_no_end_to_trust) {
    Scripted server([](const Request&) { return ScriptedAnswer{{"HTTP/1.1 200 OK"}, {"abc"}}; });
    EXPECT_EQ(RemoteFile::open(kUrl, server.options).error().category, Category::http_range);
}

TEST(remote_file, empty_file_is_empty) {
    Scripted server([](const Request&) { return serve("", {}); });
    const auto file = RemoteFile::open(kUrl, server.options);
    ASSERT_TRUE(file);
    EXPECT_EQ((*file)->identity().size_bytes, 0u);
    EXPECT_EQ(*read(**file, 0, 0), "");
}

TEST(remote_file, error_of_the_sink_comes_out_as_it_is) {
    Scripted server([](const Request& request) { return serve(kContent, request); });
    const auto file = RemoteFile::open(kUrl, server.options);
    ASSERT_TRUE(file);
    for (const uint64_t offset : {0u, 20u}) {
        const auto full = (*file)->fetch(offset, 1, [](auto) -> Result<void> {
            return Error{Category::disk_full, "no room"};
        });
        ASSERT_FALSE(full);
        EXPECT_EQ(full.error().str(), "error[disk_full] no room");
    }
    EXPECT_EQ(server.transport->requests.size(), 2u);
}

TEST(remote_file, cancelled_while_waiting_is_interrupted) {
    Scripted server([](const Request&) { return status("503 X"); });
    server.options.cancelled = [] { return true; };
    const auto file = RemoteFile::open(kUrl, server.options);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().str(), "error[io] https://host/m.gguf: interrupted");
}

TEST(fetch_document, is_whole_and_limited) {
    int n = 0;
    Scripted server([&](const Request&) {
        ScriptedAnswer answer = serve(kContent, {});
        if (n++ == 0) {
            answer.pieces = {"part"};
            answer.end = TransferEnd::truncated;
        }
        return answer;
    });
    EXPECT_EQ(*fetch_document(kUrl, server.options, 62), kContent);
    EXPECT_EQ(n, 2);
    EXPECT_EQ(header_of(server.transport->requests[0], "Range"), "");
    EXPECT_EQ(fetch_document(kUrl, server.options, 61).error().category, Category::resource_limit);
    Scripted gzip([](const Request&) {
        ScriptedAnswer answer = serve(kContent, {});
        answer.lines.push_back("Content-Encoding: gzip");
        return answer;
    });
    EXPECT_EQ(fetch_document(kUrl, gzip.options, 99).error().category, Category::http_encoding);
}

}  // namespace
}  // namespace m2w::fetch
