// options_test.cpp — the environment and token files; addresses as they are compared and shown.
#include "gguf/fetch/options.h"

#include <gtest/gtest.h>

#include "gguf/fetch/url.h"
#include "tests/fetch/environment.h"
#include "tests/support/temporary.h"

namespace m2w {
namespace {
using test::Variable;

TEST(options, come_from_the_environment) {
    const Variable none("HF_TOKEN", nullptr), no_endpoint("M2W_HF_ENDPOINT", nullptr);
    EXPECT_EQ(fetch::options_from_environment()->hub_token, "");
    EXPECT_EQ(fetch::options_from_environment()->hub_endpoint, "https://huggingface.co");
    const Variable token("HF_TOKEN", " hf_abc\n"),
        mirror("M2W_HF_ENDPOINT", "http://host:8080/hf/");
    EXPECT_EQ(fetch::options_from_environment()->hub_token, "hf_abc");
    EXPECT_EQ(fetch::options_from_environment()->hub_endpoint, "http://host:8080/hf");
}

TEST(options, unusable_environment_is_usage_and_not_repeated) {
    {
        const Variable token("HF_TOKEN", "a\r\nb");
        const auto options = fetch::options_from_environment();
        ASSERT_FALSE(options);
        EXPECT_EQ(options.error().str(), "error[usage] HF_TOKEN has characters that no token has");
    }
    for (const char* endpoint : {"huggingface.co", "ftp://host", "https://host/?x=", "https://"}) {
        const Variable mirror("M2W_HF_ENDPOINT", endpoint);
        EXPECT_EQ(fetch::options_from_environment().error().category, Category::usage) << endpoint;
    }
}

TEST(options, token_file_is_read_without_space_around_it) {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "token";
    const auto read = [&](const std::string& text) {
        std::ofstream(path, std::ios::binary) << text;
        return fetch::read_token_file(path);
    };
    EXPECT_EQ(*read("hf_abc\r\n"), "hf_abc");
    EXPECT_EQ(*read(std::string(8192, 'x')), std::string(8192, 'x'));
    for (const std::string& bad : {std::string(), std::string("\n"), std::string("two words"),
                                   std::string(8193, 'x'), std::string("s3cret\x01")}) {
        const auto token = read(bad);
        ASSERT_FALSE(token);
        EXPECT_EQ(token.error().category, Category::usage);
        EXPECT_EQ(token.error().message.find("s3cret"), std::string::npos);
    }
    EXPECT_EQ(fetch::read_token_file(folder.path() / "none").error().category, Category::io);
    EXPECT_EQ(fetch::read_token_file(folder.path()).error().category, Category::io);
}

TEST(url, normal_form_has_no_secrets_and_no_fragment) {
    const auto url = fetch::parse_url("HTTPS://us%65r:p@Host.Example/a/../b%20c?q=1#frag");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->origin, "https://host.example:443");
    EXPECT_EQ(url->userinfo, "user:p");
    EXPECT_EQ(url->text.find("p@"), std::string::npos);
    EXPECT_EQ(url->text.find('#'), std::string::npos);
    EXPECT_EQ(url->label().find('?'), std::string::npos);
    EXPECT_TRUE(url->https);
    EXPECT_EQ(fetch::parse_url("http://[::1]:8080/")->origin, "http://[::1]:8080");
}

TEST(url, what_is_no_http_url_is_usage_and_not_repeated) {
    for (const char* text :
         {"", "host/x", "http://", "file:///x", "http://host:99999/", "http://a b/",
          "http://u:pw@/", "javascript:x", "https://host\r\nX: y/"}) {
        const auto url = fetch::parse_url(text);
        ASSERT_FALSE(url) << text;
        EXPECT_EQ(url.error().str(), "error[usage] not an http or https URL");
    }
    EXPECT_FALSE(fetch::parse_url(std::string("http://host\0.other/", 19)));
}

TEST(url, redirects_are_resolved_as_rfc_3986_has_it) {
    const auto base = fetch::parse_url("https://host/a/b?q");
    ASSERT_TRUE(base);
    for (const auto& [location, text] : std::vector<std::pair<std::string, std::string>>{
             {"c", "https://host/a/c"},
             {"/c?d", "https://host/c?d"},
             {"../c", "https://host/c"},
             {"?x", "https://host/a/b?x"},
             {"//other/c", "https://other/c"},
             {"https://u:p@other/c d#e", "https://other/c%20d"}})
        EXPECT_EQ(fetch::resolve_redirect(*base, location)->text, text) << location;
}

}  // namespace
}  // namespace m2w
