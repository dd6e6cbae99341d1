// shard_manifest_test.cpp — what a manifest may say: the round trip, and every lie that the reader
// must see.
#include "gguf/shards/manifest.h"

#include <gtest/gtest.h>

#include <fmt/format.h>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "gguf/sha256.h"
#include "gguf/shards/fuzz/check_manifest.h"
#include "tests/gguf/shard_samples.h"
#include "tests/support/shared.h"

namespace m2w::shards {
namespace {

using Json = nlohmann::ordered_json;

/// Two tensors, one of them in two shards.
const std::string& sample_text() {
    static const std::string text = [] {
        test::SampleModel model;
        model.add("token_embd.weight", DType::q8_0, {64, 20}).add("blk.0.a", DType::i16, {3});
        return test::shard(*test::parse_model(model.bytes()),
                           {.max_shard_bytes = 800,
                            .plan_sha256 = sha256_hex("plan"),
                            .source_url = "https://host/model.gguf",
                            .source_etag = "\"x\""})
            .at("manifest.json");
    }();
    return text;
}

std::string signed_text(const Json& json) {
    return fuzz::sign_manifest(json.dump(1, ' ', false, Json::error_handler_t::replace));
}

/// The outcome of a manifest with one change.
template <class Edit>
std::string with(Edit edit) {
    Json json = Json::parse(sample_text());
    edit(json);
    return test::outcome(parse_manifest(signed_text(json)));
}

TEST(manifest, text_says_what_it_is_and_comes_back) {
    ASSERT_GET(const Manifest m, parse_manifest(sample_text()));
    EXPECT_EQ(m.source_url, "https://host/model.gguf");
    EXPECT_EQ(m.source_etag, "\"x\"");
    ASSERT_EQ(m.tensors.size(), 2u);
    EXPECT_EQ(m.tensors[0].info.name, "token_embd.weight");
    EXPECT_EQ(m.tensors[0].info.dtype, DType::q8_0);
    EXPECT_EQ(m.tensors[0].info.dims, (std::array<uint64_t, 4>{64, 20, 1, 1}));
    EXPECT_EQ(m.tensors[0].info.size_bytes, 20u * 2 * 34);
    ASSERT_EQ(m.tensors[0].pieces.size(), 2u);
    ASSERT_GET(const std::string again, print_manifest(m));
    EXPECT_EQ(again, sample_text());
    EXPECT_EQ(with([](Json&) {}), "ok");
    EXPECT_EQ(with([](Json& j) { j["more"] = {{"new", 1}}; }), "ok") << "members to come";
}

TEST(manifest, its_own_digest_is_over_the_text_with_zeros_in_its_place) {
    std::string text = sample_text();
    const Json json = Json::parse(text);
    const std::string digest = json["manifest_sha256"];
    text.replace(text.find(digest), 64, 64, '0');
    EXPECT_EQ(sha256_hex(text), digest);
    for (const size_t at : {text.find("rows"), text.find("\"bytes\":") + 8, text.size() - 1}) {
        std::string changed = sample_text();
        changed[at] = changed[at] == '\n' ? ' ' : changed[at] == '1' ? '2' : '1';
        EXPECT_EQ(test::outcome(parse_manifest(changed)).substr(0, 9), "checksum:") << at;
    }
}

TEST(manifest, texts_that_are_none_are_refused) {
    EXPECT_EQ(test::outcome(parse_manifest("")), "manifest: not valid JSON at byte 1");
    EXPECT_EQ(test::outcome(parse_manifest("{")), "manifest: not valid JSON at byte 2");
    EXPECT_EQ(test::outcome(parse_manifest("[]")), "manifest: expected a JSON object");
    EXPECT_EQ(test::outcome(parse_manifest("{}")), "manifest: format: expected \"m2w-shards\"");
    EXPECT_EQ(test::outcome(parse_manifest("{\"format\": \"\xff\"}")),
              "manifest: not valid JSON at byte 13");
    EXPECT_EQ(test::outcome(parse_manifest("{\"a\": 1, \"b\": 2, \"a\": 1}")),
              "manifest: \"a\" is there twice");
    EXPECT_EQ(with([](Json& j) { j["format"] = "m2w"; }),
              "manifest: format: expected \"m2w-shards\"");
    EXPECT_EQ(with([](Json& j) { j["version"] = 2; }),
              "version: manifest version 2, this build reads version 1");
    EXPECT_EQ(with([](Json& j) { j.erase("manifest_sha256"); }).substr(0, 26),
              "manifest: manifest_sha256:");
    const std::string deep(100'000, '[');
    EXPECT_EQ(test::outcome(parse_manifest(deep)), "resource_limit: nests deeper than 8 levels");
    EXPECT_EQ(test::outcome(parse_manifest("\"" + deep + "\\\"[\"")),
              "manifest: expected a JSON object");
    std::string many = "[0";
    for (uint64_t i = 2; i < kMaxManifestValues; ++i) many += ",0";
    EXPECT_EQ(test::outcome(parse_manifest(many + "]")), "manifest: expected a JSON object");
    EXPECT_EQ(test::outcome(parse_manifest(many + ",0]")),
              "resource_limit: more than 2097152 values");
    EXPECT_EQ(test::outcome(parse_manifest(std::string(kMaxManifestBytes + 1, ' '))),
              "resource_limit: 16777217 bytes, the limit is 16777216");
}

TEST(manifest, file_names_cannot_leave_the_folder) {
    for (const char* name : {"", ".", "..", "/etc/passwd", "a/b.bin", "..\\b", "a..b", ".hidden",
                             "-rf", "a b", "C:x", "a\nb", "\xc3\xa4"})
        EXPECT_EQ(with([&](Json& j) { j["shards"][1]["file"] = name; }).substr(0, 25),
                  "manifest: shards[1].file:")
            << name;
    EXPECT_EQ(with([&](Json& j) { j["shards"][1]["file"] = std::string(129, 'a'); }).substr(0, 9),
              "manifest:");
    EXPECT_EQ(with([&](Json& j) { j["shards"][1]["file"] = "A-z_0.9"; }), "ok");
    for (const char* name : {"", "a/b", "a\\b", "a\nb"})
        EXPECT_EQ(with([&](Json& j) { j["parts"][0]["name"] = name; }).substr(0, 23),
                  "manifest: parts[0].name")
            << name;
}

TEST(manifest, numbers_outside_of_what_they_index_are_refused) {
    const auto refused = [](auto edit, std::string_view where) {
        const std::string outcome = with(edit);
        EXPECT_TRUE(outcome.starts_with("manifest: ") && outcome.find(where) != outcome.npos)
            << where << ": " << outcome;
    };
    const auto tensor = [](Json& j) -> Json& { return j["tensors"][0]; };
    const auto piece = [&](Json& j) -> Json& { return tensor(j)["pieces"][0]; };
    const Json odd[] = {-1, 1.5, "1", nullptr, 1e30, 18446744073709551615u};
    for (const Json& value : odd) {
        refused([&](Json& j) { tensor(j)["offset"] = value; }, "tensors[0].offset");
        refused([&](Json& j) { tensor(j)["part"] = value; }, "tensors[0].part");
        refused([&](Json& j) { tensor(j)["shape"][1] = value; }, "tensors[0].shape");
        refused([&](Json& j) { piece(j)["shard"] = value; }, "pieces[0].shard");
        refused([&](Json& j) { piece(j)["offset"] = value; }, "pieces");
        refused([&](Json& j) { piece(j)["rows"] = value; }, "pieces[0].rows");
        refused([&](Json& j) { j["shards"][0]["bytes"] = value; }, "shards[0].bytes");
        refused([&](Json& j) { j["parts"][0]["bytes"] = value; }, "parts[0].bytes");
        refused([&](Json& j) { j["parts"][0]["header"][0] = value; }, "parts[0].header");
    }
    refused([&](Json& j) { tensor(j)["offset"] = 0; }, "tensors[0].offset");
    refused([&](Json& j) { tensor(j)["shape"] = {20, 63}; }, "tensors[0].shape");
    refused([&](Json& j) { tensor(j)["shape"] = {1ull << 62, 1ull << 62}; }, "tensors[0].shape");
    refused([&](Json& j) { tensor(j)["shape"] = {21, 64}; }, "tensors[0]");
    refused([&](Json& j) { tensor(j)["type"] = "Q9_0"; }, "tensors[0].type");
    refused([&](Json& j) { tensor(j)["name"] = std::string(65, 'x'); }, "tensors[0].name");
    refused([&](Json& j) { tensor(j)["name"] = "blk.0.a"; }, "two tensors");
    refused([&](Json& j) { tensor(j)["sha256"] = std::string(64, 'A'); }, "tensors[0].sha256");
    refused([&](Json& j) { tensor(j)["pieces"] = Json::array(); }, "tensors[0].pieces");
    refused([&](Json& j) { tensor(j)["pieces"].push_back(piece(j)); }, "tensors[0].pieces");
    refused([&](Json& j) { j["tensors"][1]["offset"] = tensor(j)["offset"]; }, "overlap");
    refused([&](Json& j) { piece(j)["shard"] = 0; }, "no header shard");
    refused([&](Json& j) { piece(j)["offset"] = 8; }, "multiple of 16");
    refused([&](Json& j) { piece(j)["rows"] = 10; }, "rows");
    refused([&](Json& j) { j["parts"] = Json::array(); }, "parts");
    refused([&](Json& j) { j["parts"].push_back(j["parts"][0]); }, "parts[1].header");
    refused([&](Json& j) { j["shards"][2]["kind"] = "tail"; }, "shards[2].kind");
    refused([&](Json& j) { j["shards"][0]["sha256"] = ""; }, "shards[0].sha256");
    refused([&](Json& j) { j["tensors"] = 1; }, "tensors");
    refused([&](Json& j) { j["tensors"][1] = 1; }, "tensors[1]");
}

TEST(manifest, shards_are_filled_by_their_tensors_and_nothing_else) {
    Json json = Json::parse(sample_text());
    const size_t last = json["shards"].size() - 1;
    const auto shard = [&](Json& j) -> Json& { return j["shards"][last]; };
    EXPECT_EQ(json["shards"][last]["kind"], "layer");
    EXPECT_EQ(with([&](Json& j) { shard(j)["bytes"] = 32; }),
              "manifest: shards[" + std::to_string(last) + "]: tensors have 16 of its 32 bytes");
    EXPECT_NE(with([&](Json& j) {
                  shard(j)["bytes"] = 32;
                  j["tensors"][1]["pieces"][0]["offset"] = 16;
              }).find("byte 0 belongs to no tensors"),
              std::string::npos);
    EXPECT_NE(with([&](Json& j) { shard(j)["tensors"] = {"blk.0.b"}; }).find("].tensors: expected"),
              std::string::npos);
    EXPECT_NE(with([&](Json& j) { shard(j).erase("tensors"); }).find("].tensors: expected"),
              std::string::npos);
    EXPECT_NE(
        with([&](Json& j) { shard(j)["file"] = j["shards"][0]["file"]; }).find("two contents"),
        std::string::npos);
    EXPECT_NE(with([&](Json& j) { shard(j).erase("layer"); }).find("].layer"), std::string::npos);
    // A header that no part has.
    EXPECT_NE(with([&](Json& j) {
                  j["shards"].push_back(j["shards"][0]);
                  j["shards"].back()["file"] = "more.bin";
              }).find("tensors have 0 of its"),
              std::string::npos);
}

TEST(manifest, text_that_is_too_long_for_readers_is_not_written) {
    Manifest m;
    m.shards.resize(
        kMaxShards,
        {std::string(kMaxFileNameBytes, 'x'), 1, std::string(64, '0'), ShardKind::layer, 0, {}});
    m.tensors.resize(1);
    m.tensors[0].info.name = std::string(64, 'x');
    for (Shard& shard : m.shards) shard.tensors = {0};
    EXPECT_EQ(test::outcome(print_manifest(m)).substr(0, 15), "resource_limit:");
}

std::string with_commas(uint64_t n) {
    return n < 1000 ? fmt::to_string(n) : fmt::format("{},{:03}", with_commas(n / 1000), n % 1000);
}

/// The specification against the table of types and the limits.
TEST(manifest, page_says_where_the_planes_of_every_type_come_from) {
    const std::string page =
        test::read_text(std::filesystem::path(M2W_SOURCE_DIR) / "docs/streaming.md");
    for (const DTypeInfo& type : all_dtypes()) {
        if (!type.decode) continue;
        std::string fields;
        for (uint32_t p = 0; p < type.n_planes(); ++p) {
            const auto& [name, bytes, offset] = type.planes[p];
            fields += fmt::format("{}{} {}..{}", p ? ", " : "", name, offset, offset + bytes);
        }
        const std::string row = fmt::format("| {} | {} | {} | {} |\n", type.name, type.block_elems,
                                            type.block_bytes, fields);
        EXPECT_NE(page.find(row), page.npos) << row;
    }
    for (const std::string& row :
         {fmt::format("| manifest, bytes | {} |", with_commas(kMaxManifestBytes)),
          fmt::format("| nesting of the manifest | {} |", kMaxManifestDepth),
          fmt::format("| values in the manifest | {} |", with_commas(kMaxManifestValues)),
          fmt::format("| shards | {} |", with_commas(kMaxShards)),
          fmt::format("| tensors | {} |", with_commas(gguf::kMaxTensors)),
          fmt::format("| parts | {} |", with_commas(gguf::kMaxParts)),
          fmt::format("| file name, bytes | {} |", kMaxFileNameBytes),
          fmt::format("| other text, bytes | {} |", with_commas(kMaxTextBytes))})
        EXPECT_NE(page.find(row), page.npos) << row;
}

TEST(fuzz_manifest, cuts_and_changed_bytes_of_a_manifest_keep_the_promises) {
    const std::string& text = sample_text();
    for (size_t n = 0; n < text.size(); n += 11)
        fuzz::check_manifest(std::as_bytes(std::span(text).first(n)));
    for (size_t at = 0; at < text.size(); at += 3)
        for (const char value : {'0', '9', '"', ',', '['}) {
            std::string changed = text;
            changed[at] = value;
            fuzz::check_manifest(std::as_bytes(std::span(changed)));
        }
}

}  // namespace
}  // namespace m2w::shards
