// journal_test.cpp — the journal's lines, whole, torn and damaged.
#include "gguf/fetch/journal.h"

#include <gtest/gtest.h>

#include "tests/support/results.h"

namespace m2w::fetch {
namespace {

RemoteIdentity identity_of(uint64_t size_bytes) {
    RemoteIdentity identity;
    identity.url = "https://host/a \"b\"\n.gguf";
    identity.size_bytes = size_bytes;
    identity.etag = "\"e\"";
    identity.revision = "r1";
    return identity;
}

ChunkRecord record_of(uint64_t chunk, uint64_t bytes) {
    return {chunk, bytes, sha256(std::as_bytes(std::span("abc", 3)))};
}

TEST(chunk_layout, is_a_thousandth_within_bounds) {
    EXPECT_EQ(ChunkLayout::of(0).count(), 0u);
    EXPECT_EQ(ChunkLayout::of(1).chunk_bytes, kMinChunkBytes);
    EXPECT_EQ(ChunkLayout::of(60u << 20).chunk_bytes, kMinChunkBytes);
    EXPECT_EQ(ChunkLayout::of(200u << 20).chunk_bytes, 256u << 10);
    EXPECT_EQ(ChunkLayout::of(uint64_t{40} << 30).chunk_bytes, kUsualChunkBytes);
    EXPECT_LE(ChunkLayout::of(kMaxFileBytes).count(), 65'536u);
    const ChunkLayout odd = ChunkLayout::of(3 * kMinChunkBytes + 1);
    EXPECT_EQ(odd.count(), 4u);
    EXPECT_EQ(odd.size(2), kMinChunkBytes);
    EXPECT_EQ(odd.size(3), 1u);
}

TEST(identity, same_size_and_sha256_or_etag_is_the_same_content) {
    RemoteIdentity a = identity_of(5), b = a;
    EXPECT_TRUE(is_same_content(a, b));
    b.size_bytes = 6;
    EXPECT_FALSE(is_same_content(a, b));
    b = a;
    b.etag = "\"f\"";
    EXPECT_FALSE(is_same_content(a, b));
    a.sha256 = b.sha256 = std::string(64, 'a');
    EXPECT_TRUE(is_same_content(a, b));
    b.etag = a.etag;
    b.sha256 = std::string(64, 'b');
    EXPECT_FALSE(is_same_content(a, b));
    a.etag = b.etag = a.sha256 = b.sha256 = "";
    EXPECT_FALSE(is_same_content(a, b)) << "nothing says that they are";
}

TEST(identity, json_comes_back) {
    const RemoteIdentity a = identity_of(7);
    ASSERT_GET(const RemoteIdentity b, identity_from_json(identity_to_json(a)));
    EXPECT_EQ(a, b);
}

TEST(identity, hostile_json_is_refused) {
    for (const char* text : {"", "[]", "{", "{\"url\":\"u\"}", "{\"url\":\"u\",\"size\":-1}",
                             "{\"url\":\"u\",\"size\":1e9}", "{\"url\":7,\"size\":1}",
                             "{\"url\":\"u\",\"size\":18446744073709551615}",
                             "{\"url\":\"u\",\"size\":1,\"sha256\":\"../../etc/passwd\"}",
                             "{\"url\":\"u\",\"size\":1,\"sha256\":\"AA\"}", "\xff\xfe"}) {
        const auto got = identity_from_json(text);
        ASSERT_FALSE(got) << text;
        EXPECT_EQ(got.error().category, Category::cache) << text;
    }
}

TEST(journal, records_come_back) {
    const RemoteIdentity identity = identity_of(1u << 20);
    const ChunkLayout layout = ChunkLayout::of(identity.size_bytes);
    const std::string header = journal_header(identity);
    ASSERT_GET(const JournalHeader got, parse_journal_header(header + "anything"));
    EXPECT_EQ(got.identity, identity);
    EXPECT_EQ(got.line_bytes, header.size());
    const std::string text = journal_line(record_of(3, 100)) + journal_line(record_of(0, 65536));
    const JournalRecords records = parse_journal_records(text, layout);
    EXPECT_EQ(records.used_bytes, text.size());
    ASSERT_EQ(records.records.size(), 2u);
    EXPECT_EQ(records.records[0].chunk, 3u);
    EXPECT_EQ(records.records[0].bytes, 100u);
    EXPECT_EQ(records.records[0].digest, record_of(3, 100).digest);
    EXPECT_EQ(records.records[1].bytes, 65536u);
}

TEST(journal, a_torn_tail_is_not_used_wherever_it_is_torn) {
    const ChunkLayout layout = ChunkLayout::of(1u << 20);
    const std::string whole = journal_line(record_of(1, 5)), torn = journal_line(record_of(2, 6));
    for (size_t n = 0; n < torn.size(); n++) {
        const JournalRecords got = parse_journal_records(whole + torn.substr(0, n), layout);
        EXPECT_EQ(got.used_bytes, whole.size());
        EXPECT_EQ(got.records.size(), 1u);
    }
}

TEST(journal, a_damaged_line_costs_its_own_record) {
    const ChunkLayout layout = ChunkLayout::of(1u << 20);
    const std::string one = journal_line(record_of(1, 5)), two = journal_line(record_of(2, 6));
    for (size_t i = 0; i + 1 < one.size(); i++) {
        std::string text = one + two;
        text[i] ^= 1;
        if (text[i] == '\n') continue;
        const JournalRecords got = parse_journal_records(text, layout);
        EXPECT_EQ(got.used_bytes, text.size());
        ASSERT_EQ(got.records.size(), 1u) << i;
        EXPECT_EQ(got.records[0].chunk, 2u);
    }
}

TEST(journal, records_outside_of_the_layout_are_damage) {
    const ChunkLayout layout = ChunkLayout::of(3 * kMinChunkBytes + 1);
    const auto usable = [&](uint64_t chunk, uint64_t bytes) {
        return parse_journal_records(journal_line(record_of(chunk, bytes)), layout).records.size();
    };
    EXPECT_EQ(usable(3, 1), 1u);
    EXPECT_EQ(usable(3, 2), 0u);
    EXPECT_EQ(usable(4, 1), 0u);
    EXPECT_EQ(usable(0, 0), 0u);
    EXPECT_EQ(usable(0, kMinChunkBytes), 1u);
    EXPECT_EQ(usable(0, kMinChunkBytes + 1), 0u);
    EXPECT_EQ(usable(UINT64_MAX, 1), 0u);
}

TEST(journal, a_damaged_first_line_is_no_journal) {
    const std::string header = journal_header(identity_of(10));
    for (size_t i = 0; i < header.size(); i++) {
        std::string text = header;
        text[i] ^= 1;
        EXPECT_FALSE(parse_journal_header(text)) << i;
        EXPECT_FALSE(parse_journal_header(header.substr(0, i))) << i;
    }
    EXPECT_FALSE(parse_journal_header(std::string(1 << 20, 'x')));
}

}  // namespace
}  // namespace m2w::fetch
