// names_test.cpp — names of models taken apart, the choice among a repository's files, and the
// listing that it is made from.
#include "gguf/fetch/names.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/fetch/small_server.h"

namespace m2w {
namespace {
using fetch::HubName;
using fetch::NameKind;
using test::Scripted;
using test::serve;

using Strings = std::vector<std::string>;

TEST(names, kind_is_told_by_the_beginning) {
    for (const char* path :
         {"m.gguf", "./hf:a/b", "http:/x", "C:/m.gguf", "", "httpx://a", "HF:a/b"})
        EXPECT_EQ(fetch::name_kind(path), NameKind::path) << path;
    for (const char* url : {"http://host/m.gguf", "https://host/", "HTTPS://host/"})
        EXPECT_EQ(fetch::name_kind(url), NameKind::url) << url;
    EXPECT_EQ(fetch::name_kind("hf:a/b"), NameKind::hub);
}

TEST(names, hub_name_is_taken_apart) {
    const auto plain = fetch::parse_hub_name("hf:owner/repo-GGUF");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->owner, "owner");
    EXPECT_EQ(plain->repo, "repo-GGUF");
    EXPECT_EQ(plain->revision, "main");
    EXPECT_EQ(plain->file + plain->quant, "");
    const auto full = fetch::parse_hub_name("hf:o/r@v1.0/sub/x-q4_0.gguf:q4_0");
    ASSERT_TRUE(full) << full.error().str();
    EXPECT_EQ(full->revision, "v1.0");
    EXPECT_EQ(full->file, "sub/x-q4_0.gguf");
    EXPECT_EQ(full->quant, "Q4_0");
    EXPECT_EQ(full->file_url("https://hub", full->file),
              "https://hub/o/r/resolve/v1.0/sub/x-q4_0.gguf");
    EXPECT_EQ(full->file_url("https://hub", "a b/\xc3\xb6?#%.gguf"),
              "https://hub/o/r/resolve/v1.0/a%20b/%C3%B6%3F%23%25.gguf");
}

TEST(names, hub_name_that_is_none_is_usage) {
    for (const char* name : {"hf:",
                             "hf:owner",
                             "hf:/repo",
                             "hf:owner/",
                             "hf:../repo",
                             "hf:o/..",
                             "hf:o/r/",
                             "hf:o/r//x",
                             "hf:o/r/../x",
                             "hf:o/r/./x",
                             "hf:o/r:",
                             "hf:o/r:Q4 0",
                             "hf:o/r?x=1",
                             "hf:o o/r",
                             "hf:o/r@",
                             "hf:o/r@../x",
                             "hf:o/r@a b",
                             "hf:o/r/x\n.gguf",
                             "hf:o/r/x-Q8_0.gguf:Q4_0",
                             "hf:o%2f/r"}) {
        const auto parsed = fetch::parse_hub_name(name);
        ASSERT_FALSE(parsed) << name;
        EXPECT_EQ(parsed.error().category, Category::usage);
    }
}

TEST(names, part_of_a_split_file_means_all_of_them) {
    EXPECT_EQ(
        fetch::split_parts("d/x-00002-of-00003.gguf"),
        (Strings{"d/x-00001-of-00003.gguf", "d/x-00002-of-00003.gguf", "d/x-00003-of-00003.gguf"}));
    EXPECT_EQ(fetch::split_parts("x-00001-of-01024.gguf").size(), 1024u);
    for (const char* alone : {"x.gguf", "x-00000-of-00003.gguf", "x-00004-of-00003.gguf",
                              "x-1-of-3.gguf", "-00001-of-00003.gguf", "x-00001-of-01025.gguf",
                              "x-00001-of-00003.bin", "x-0000a-of-00003.gguf", ""})
        EXPECT_EQ(fetch::split_parts(alone), Strings{alone});
}

Result<Strings> pick(const std::string& quant, const Strings& files) {
    HubName name{"o", "r"};
    name.quant = quant;
    return fetch::pick_files(name, files);
}

TEST(names, q4_k_m_then_q8_0_is_picked_unless_there_is_only_one) {
    EXPECT_EQ(*pick("", {"x-F16.gguf", "x-Q8_0.gguf", "x-Q4_K_M.gguf", "README.md"}),
              Strings{"x-Q4_K_M.gguf"});
    EXPECT_EQ(*pick("", {"x-f16.gguf", "x-q8_0.gguf", "x-q4_k_s.gguf"}), Strings{"x-q8_0.gguf"});
    EXPECT_EQ(*pick("", {"x-f16.gguf", "mmproj-x-Q4_K_M.gguf", "x.imatrix.gguf", ".gitattributes"}),
              Strings{"x-f16.gguf"});
    EXPECT_EQ(
        *pick("", {"Q4_K_M/x-Q4_K_M-00001-of-00002.gguf", "x-F16.gguf",
                   "Q4_K_M/x-Q4_K_M-00002-of-00002.gguf"}),
        (Strings{"Q4_K_M/x-Q4_K_M-00001-of-00002.gguf", "Q4_K_M/x-Q4_K_M-00002-of-00002.gguf"}));
    const auto none = pick("", {"x-F16.gguf", "x-Q6_K.gguf"});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().str(),
              "error[usage] hf:o/r: has neither Q4_K_M nor Q8_0; name one of: x-F16.gguf, "
              "x-Q6_K.gguf");
}

TEST(names, quant_is_a_word_of_the_file) {
    const Strings files{"x-Q4_K.gguf", "x-Q4_K_M.gguf", "x.IQ4_XS.gguf", "x_Q5_0.gguf",
                        "XQ6_K.gguf"};
    EXPECT_EQ(*pick("Q4_K", files), Strings{"x-Q4_K.gguf"});
    EXPECT_EQ(*pick("Q4_K_M", files), Strings{"x-Q4_K_M.gguf"});
    EXPECT_EQ(*pick("IQ4_XS", files), Strings{"x.IQ4_XS.gguf"});
    EXPECT_EQ(*pick("Q5_0", files), Strings{"x_Q5_0.gguf"});
    EXPECT_EQ(pick("Q6_K", files).error().category, Category::usage);
    EXPECT_EQ(pick("4_XS", files).error().category, Category::usage);
}

TEST(names, several_that_fit_are_named_and_a_missing_part_too) {
    const auto several = pick("Q8_0", {"b-Q8_0.gguf", "a-Q8_0.gguf", "a-F16.gguf"});
    ASSERT_FALSE(several);
    EXPECT_EQ(several.error().str(),
              "error[usage] hf:o/r: several files fit; name one of: a-Q8_0.gguf, b-Q8_0.gguf");
    const auto part = pick("", {"x-00001-of-00002.gguf"});
    ASSERT_FALSE(part);
    EXPECT_EQ(part.error().str(),
              "error[usage] hf:o/r: x-00002-of-00002.gguf is missing in the repository");
    EXPECT_EQ(pick("", {"config.json", "model.safetensors"}).error().str(),
              "error[usage] hf:o/r: the repository has no GGUF model");
}

std::string listing_of(const Strings& files) {
    nlohmann::json listing{{"id", "o/r"}, {"siblings", nlohmann::json::array()}};
    for (const std::string& file : files) listing["siblings"].push_back({{"rfilename", file}});
    return listing.dump();
}

/// A hub whose every answer is this listing.
struct Hub : Scripted {
    explicit Hub(const std::string& listing)
        : Scripted([listing](const fetch::Request&) { return serve(listing, {}); }) {
        options.hub_endpoint = "https://hub/mirror";
        options.hub_token = "secret";
    }
};

TEST(names, hub_is_asked_for_its_listing_with_its_token) {
    const Hub server(listing_of({"x-Q8_0.gguf", "x-F16.gguf"}));
    const auto name = fetch::resolve_name("hf:o/r", server.options);
    ASSERT_TRUE(name) << name.error().str();
    EXPECT_EQ(name->urls, Strings{"https://hub/mirror/o/r/resolve/main/x-Q8_0.gguf"});
    ASSERT_EQ(server.transport->requests.size(), 1u);
    EXPECT_EQ(server.transport->requests[0].url, "https://hub/mirror/api/models/o/r");
    EXPECT_EQ(server.transport->requests[0].authorization, "Bearer secret");
    EXPECT_EQ(fetch::resolve_name("hf:o/r@v2:F16", server.options)->urls,
              Strings{"https://hub/mirror/o/r/resolve/v2/x-F16.gguf"});
    EXPECT_EQ(server.transport->requests[1].url, "https://hub/mirror/api/models/o/r/revision/v2");
}

TEST(names, name_that_says_its_file_costs_no_request) {
    const Hub server("");
    EXPECT_EQ(fetch::resolve_name("hf:o/r/x-00001-of-00002.gguf", server.options)->urls,
              (Strings{"https://hub/mirror/o/r/resolve/main/x-00001-of-00002.gguf",
                       "https://hub/mirror/o/r/resolve/main/x-00002-of-00002.gguf"}));
    EXPECT_EQ(fetch::resolve_name("https://h/x.gguf?a=/y", server.options)->urls,
              Strings{"https://h/x.gguf?a=/y"});
    EXPECT_EQ(
        fetch::resolve_name("https://h/x-00002-of-00002.gguf?s=1", server.options)->urls,
        (Strings{"https://h/x-00001-of-00002.gguf?s=1", "https://h/x-00002-of-00002.gguf?s=1"}));
    EXPECT_TRUE(server.transport->requests.empty());
}

TEST(names, listing_that_is_none_is_refused) {
    for (const char* listing :
         {"", "[]", "{}", "<html>", R"({"siblings":1})", R"({"siblings":[1]})",
          R"({"siblings":[{"rfilename":1}]})", R"({"siblings":[{"rfilename":"../x.gguf"}]})",
          R"({"siblings":[{"rfilename":"/x.gguf"}]})",
          R"({"siblings":[{"rfilename":"a\u0000b"}]})"})
        EXPECT_EQ(fetch::resolve_name("hf:o/r", Hub(listing).options).error().category,
                  Category::http_protocol)
            << listing;
}

}  // namespace
}  // namespace m2w
