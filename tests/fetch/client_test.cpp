// client_test.cpp — which answers are final, how long to wait, where redirects may lead, and who
// sees the token.
#include "gguf/fetch/client.h"

#include <gtest/gtest.h>

#include <ctime>

#include "tests/fetch/small_server.h"

namespace m2w::fetch {
namespace {

using test::kContent, test::kUrl, test::read, test::Scripted, test::serve, test::status;

const std::string kSha256(64, 'a');

ScriptedAnswer redirect(const std::string& to, const std::string& code = "302 Found") {
    return status(
        code, {"Location: " + to, "X-Linked-Etag: \"" + kSha256 + "\"", "X-Repo-Commit: c0ffee"});
}

/// A server that redirects everything at https://host/ to `to`, where the file is.
Scripted redirecting(const std::string& to) {
    return Scripted([to](const Request& request) {
        return request.url == kUrl ? redirect(to) : serve(kContent, request);
    });
}

TEST(client, statuses_that_are_final_are_asked_once) {
    for (const auto& [line, category] :
         std::vector<std::pair<std::string, Category>>{{"400 X", Category::http_status},
                                                       {"401 X", Category::http_auth},
                                                       {"403 X", Category::http_auth},
                                                       {"404 X", Category::http_status},
                                                       {"407 X", Category::http_auth},
                                                       {"412 X", Category::http_status},
                                                       {"416 X", Category::http_status},
                                                       {"204 X", Category::http_status},
                                                       {"304 X", Category::http_status},
                                                       {"300 X", Category::http_status}}) {
        Scripted server([line = line](const Request&) { return status(line); });
        const auto file = RemoteFile::open(kUrl, server.options);
        ASSERT_FALSE(file);
        EXPECT_EQ(file.error().category, category) << line;
        EXPECT_NE(file.error().message.find("status " + line.substr(0, 3)), std::string::npos);
        EXPECT_EQ(server.transport->requests.size(), 1u) << line;
    }
}

TEST(client, statuses_that_pass_are_asked_again) {
    for (const char* line : {"500 X", "502 X", "503 X", "599 X", "429 X"}) {
        int n = 0;
        Scripted server([&](const Request& request) {
            return n++ < 3 ? status(line) : serve(kContent, request);
        });
        EXPECT_TRUE(RemoteFile::open(kUrl, server.options)) << line;
        EXPECT_EQ(n, 4);
    }
}

TEST(client, retry_after_is_obeyed_up_to_its_limit) {
    const auto pause_for = [](const std::string& value) {
        int n = 0;
        Scripted server([&](const Request& request) {
            return n++ ? serve(kContent, request) : status("429 X", {"Retry-After: " + value});
        });
        EXPECT_TRUE(RemoteFile::open(kUrl, server.options));
        return server.pauses.empty() ? -1 : server.pauses[0].count();
    };
    EXPECT_EQ(pause_for("2"), 2000);
    EXPECT_EQ(pause_for("0"), -1);
    EXPECT_EQ(pause_for("86400"), 30'000);
    EXPECT_EQ(pause_for("9999999999999999999"), 30'000);
    EXPECT_EQ(pause_for("Wed, 21 Oct 2015 07:28:00 GMT"), -1);
    EXPECT_EQ(pause_for("Fri, 31 Dec 2100 23:59:59 GMT"), 30'000);
    EXPECT_LE(pause_for("soon"), 500);
    EXPECT_GE(pause_for("-5"), 250);
}

TEST(client, redirects_are_followed_and_remembered) {
    for (const char* code : {"301 X", "302 X", "303 X", "307 X", "308 X"}) {
        Scripted server([&](const Request& request) {
            return request.url == kUrl ? redirect("/there/m.gguf?sig=1", code)
                                       : serve(kContent, request);
        });
        const auto file = RemoteFile::open(kUrl, server.options);
        ASSERT_TRUE(file) << file.error().str();
        EXPECT_EQ((*file)->identity().url, kUrl);
        EXPECT_EQ((*file)->identity().sha256, kSha256);
        EXPECT_EQ((*file)->identity().revision, "c0ffee");
        EXPECT_EQ(*read(**file, 0, 62), kContent);
        ASSERT_EQ(server.transport->requests.size(), 3u);
        EXPECT_EQ(server.transport->requests[2].url, "https://host/there/m.gguf?sig=1");
    }
}

TEST(client, five_redirects_and_no_more) {
    const auto hops = [](int n) {
        Scripted server([n](const Request& request) {
            const int hop = request.url == kUrl ? 0 : request.url.back() - '0';
            return hop == n ? serve(kContent, request)
                            : redirect("https://host/" + std::to_string(hop + 1));
        });
        const auto file = RemoteFile::open(kUrl, server.options);
        return file ? Category::count : file.error().category;
    };
    EXPECT_EQ(hops(5), Category::count);
    EXPECT_EQ(hops(6), Category::http_redirect);
}

TEST(client, redirects_lead_to_http_only_and_never_from_https_to_http) {
    for (const char* to :
         {"file:///etc/passwd", "ftp://host/x", "http://host/x", "gopher://h/",
          "javascript:alert(1)", "", "//", "https://", "http:///x", "https://a b/"}) {
        Scripted server([&](const Request&) { return redirect(to); });
        const auto file = RemoteFile::open(kUrl, server.options);
        ASSERT_FALSE(file) << to;
        EXPECT_EQ(file.error().category, Category::http_redirect) << to;
        EXPECT_EQ(server.transport->requests.size(), 1u);
    }
    Scripted nowhere([](const Request&) { return status("302 X"); });
    EXPECT_EQ(RemoteFile::open(kUrl, nowhere.options).error().category, Category::http_redirect);
    Scripted upward([](const Request& request) {
        return request.url == "http://host/m.gguf" ? redirect(kUrl) : serve(kContent, request);
    });
    EXPECT_TRUE(RemoteFile::open("http://host/m.gguf", upward.options));
}

TEST(client, token_is_for_the_first_origin_alone) {
    const auto token_at = [](const std::string& to) {
        Scripted server = redirecting(to);
        server.options.token = "s3cret";
        EXPECT_TRUE(RemoteFile::open(kUrl, server.options)) << to;
        EXPECT_EQ(server.transport->requests[0].authorization, "Bearer s3cret");
        for (const Request& request : server.transport->requests)
            for (const std::string& header : request.headers)
                EXPECT_EQ(header.find("s3cret"), std::string::npos);
        return server.transport->requests[1].authorization;
    };
    for (const char* same : {"/x", "x", "https://host/x", "https://HOST:443/x", "//host/x"})
        EXPECT_EQ(token_at(same), "Bearer s3cret") << same;
    for (const char* other :
         {"https://host:444/x", "https://other/x", "https://host.other/x", "//other/x",
          "https://sub.host/x", "https://host@other/x", "https://other:443/host"})
        EXPECT_EQ(token_at(other), "") << other;
}

TEST(client, token_does_not_go_along_a_way_back_over_http) {
    Scripted server([](const Request& request) {
        return request.url == "http://host/m.gguf" ? redirect("https://host/x")
                                                   : serve(kContent, request);
    });
    server.options.token = "s3cret";
    ASSERT_TRUE(RemoteFile::open("http://host/m.gguf", server.options));
    EXPECT_EQ(server.transport->requests[0].authorization, "Bearer s3cret");
    EXPECT_EQ(server.transport->requests[1].authorization, "");
}

TEST(client, hub_token_is_for_the_hub_alone) {
    const auto token_for = [](const std::string& url) {
        Scripted server([](const Request& request) { return serve(kContent, request); });
        server.options.hub_token = "hub";
        server.options.hub_endpoint = "https://hub.example/mirror";
        EXPECT_TRUE(RemoteFile::open(url, server.options));
        return server.transport->requests[0].authorization;
    };
    EXPECT_EQ(token_for("https://hub.example/a/b"), "Bearer hub");
    EXPECT_EQ(token_for("https://hub.example:443/a/b"), "Bearer hub");
    EXPECT_EQ(token_for("http://hub.example/a/b"), "");
    EXPECT_EQ(token_for("https://host/m.gguf"), "");
    EXPECT_EQ(token_for("https://hub.example.host/m.gguf"), "");
}

TEST(client, password_in_a_url_is_a_header_and_no_part_of_it) {
    Scripted server = redirecting("https://user:pw@other/x?sig=1");
    // The request for the file itself is that without the password.
    const auto file = RemoteFile::open("https://Aladdin:open%20sesame@host/m.gguf", server.options);
    ASSERT_TRUE(file) << file.error().str();
    EXPECT_EQ((*file)->identity().url, kUrl);
    // The example of RFC 7617, section 2.
    EXPECT_EQ(server.transport->requests[0].authorization, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    EXPECT_EQ(server.transport->requests[0].url, kUrl);
    EXPECT_EQ(server.transport->requests[1].authorization, "");
    EXPECT_EQ(server.transport->requests[1].url, "https://other/x?sig=1");
}

TEST(client, errors_name_neither_token_nor_password_nor_signature) {
    Scripted server([](const Request&) { return status("401 s3cret"); });
    server.options.token = "s3cret";
    const auto file = RemoteFile::open("https://user:pw@host/m.gguf?sig=hidden#x", server.options);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().str(),
              "error[http_auth] https://host/m.gguf: status 401: the token is not accepted");
    EXPECT_EQ(RemoteFile::open("ftp://user:pw@host/", server.options).error().str(),
              "error[usage] not an http or https URL");
}

TEST(client, token_that_would_break_the_header_is_refused) {
    for (const char* token : {"a\r\nX: y", "a b", "t\xc3\xb6ken", "a\x7f"}) {
        Scripted server([](const Request& request) { return serve(kContent, request); });
        server.options.token = token;
        const auto file = RemoteFile::open(kUrl, server.options);
        ASSERT_FALSE(file);
        EXPECT_EQ(file.error().category, Category::usage);
        EXPECT_EQ(file.error().message.find(token), std::string::npos);
        EXPECT_TRUE(server.transport->requests.empty());
    }
}

TEST(client, expired_address_is_resolved_again_at_once) {
    for (const char* refused : {"403 X", "400 X", "404 X", "410 X", "401 X"}) {
        int signature = 0, uses = 0;
        Scripted server([&](const Request& request) {
            if (request.url == kUrl) {
                uses = 0;
                return redirect("https://cdn/m?sig=" + std::to_string(++signature));
            }
            const bool current = request.url == "https://cdn/m?sig=" + std::to_string(signature);
            return current && uses++ < 2 ? serve(kContent, request) : status(refused);
        });
        const auto file = RemoteFile::open(kUrl, server.options);
        ASSERT_TRUE(file);
        for (uint64_t at = 0; at < 60; at += 6)
            EXPECT_EQ(*read(**file, at, 6), kContent.substr(at, 6)) << refused;
        EXPECT_TRUE(server.pauses.empty());
        EXPECT_GT(signature, 2);
    }
}

TEST(client, address_that_never_works_is_given_up) {
    bool allowed = true;
    Scripted server([&](const Request& request) {
        if (request.url == kUrl) return redirect("https://cdn/m");
        return allowed ? serve(kContent, request) : status("403 X");
    });
    const auto file = RemoteFile::open(kUrl, server.options);
    ASSERT_TRUE(file);
    allowed = false;
    const auto text = read(**file, 20, 5);
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().category, Category::http_auth);
    EXPECT_LE(server.transport->requests.size(), 12u);
    // Nothing was ever read here: the refusal is meant.
    server.transport->requests.clear();
    EXPECT_EQ(RemoteFile::open(kUrl, server.options).error().category, Category::http_auth);
    EXPECT_EQ(server.transport->requests.size(), 2u);
}

TEST(client, file_with_another_linked_digest_has_changed) {
    std::string sha256 = kSha256;
    Scripted server([&](const Request& request) {
        ScriptedAnswer answer = serve(kContent, request);
        answer.lines.push_back("X-Linked-Etag: \"" + sha256 + "\"");
        return answer;
    });
    const auto file = RemoteFile::open(kUrl, server.options);
    ASSERT_TRUE(file);
    EXPECT_EQ((*file)->identity().sha256, kSha256);
    EXPECT_TRUE(read(**file, 10, 5));
    sha256[0] = 'b';
    EXPECT_EQ(read(**file, 10, 5).error().category, Category::http_changed);
}

TEST(client, linked_etag_that_is_no_sha256_is_no_digest) {
    const std::string a40(40, 'a'), a64(64, 'a'), g64(64, 'g');
    const std::vector<std::string> etags{"\"" + a40 + "\"", a64, "\"" + g64 + "\"",
                                         "W/\"" + a64 + "\""};
    for (const std::string& etag : etags) {
        Scripted server([&](const Request& request) {
            ScriptedAnswer answer = serve(kContent, request);
            answer.lines.push_back("X-Linked-Etag: " + etag);
            return answer;
        });
        const auto file = RemoteFile::open(kUrl, server.options);
        ASSERT_TRUE(file);
        EXPECT_EQ((*file)->identity().sha256, "") << etag;
    }
}

TEST(client, body_of_an_error_is_not_read_without_end) {
    size_t given = 0;
    class Endless : public Transport {
      public:
        explicit Endless(size_t& n) : given_(n) {}
        Transfer exchange(const Request&, AnswerSink& sink) override {
            sink.header_line("HTTP/1.1 404 X\r\n");
            sink.header_line("\r\n");
            const std::vector<std::byte> piece(4096);
            while (sink.body(piece)) given_ += piece.size();
            return {TransferEnd::stopped, {}};
        }
        size_t& given_;
    };
    FetchOptions options;
    options.transport = std::make_shared<Endless>(given);
    EXPECT_EQ(RemoteFile::open(kUrl, options).error().category, Category::http_status);
    EXPECT_LE(given, 64u << 10);
}

}  // namespace
}  // namespace m2w::fetch
