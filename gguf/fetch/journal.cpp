// journal.cpp — the journal's lines. Each ends with the first digits of its own SHA-256, so that a
// torn or damaged one is told from a whole one.
#include "gguf/fetch/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>

namespace m2w::fetch {
namespace {

constexpr std::string_view kMagic = "m2w-journal 1 ";
constexpr size_t kCheckDigits = 8;
constexpr JsonLimits kIdentityLimits{.depth = 4, .values = 64};

std::string check_of(std::string_view text) {
    return sha256_hex(text).substr(0, kCheckDigits);
}

std::string with_check(std::string text) {
    const std::string check = check_of(text);
    return std::move(text) + check + "\n";
}

/// The line without its check, or nothing. `line` has no newline.
std::optional<std::string_view> checked(std::string_view line) {
    if (line.size() < kCheckDigits) return std::nullopt;
    const std::string_view text = line.substr(0, line.size() - kCheckDigits);
    if (line.substr(text.size()) != check_of(text)) return std::nullopt;
    return text;
}

std::optional<uint64_t> take_number(std::string_view& text) {
    uint64_t number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec != std::errc() || parsed.ptr == text.data() + text.size() || *parsed.ptr != ' ')
        return std::nullopt;
    text.remove_prefix(size_t(parsed.ptr - text.data()) + 1);
    return number;
}

std::optional<Sha256Digest> take_digest(std::string_view& text) {
    Sha256Digest digest;
    const size_t digits = 2 * digest.size();
    if (text.size() != digits + 1 || text.back() != ' ' || !is_sha256_hex(text.substr(0, digits)))
        return std::nullopt;
    for (size_t i = 0; i < digest.size(); i++) {
        unsigned byte = 0;
        std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, byte, 16);
        digest[i] = std::byte(byte);
    }
    return digest;
}

std::optional<ChunkRecord> parse_record(std::string_view line, const ChunkLayout& layout) {
    auto text = checked(line);
    if (!text) return std::nullopt;
    const auto chunk = take_number(*text);
    if (!chunk || *chunk >= layout.count()) return std::nullopt;
    const auto bytes = take_number(*text);
    if (!bytes || *bytes == 0 || *bytes > layout.size(*chunk)) return std::nullopt;
    const auto digest = take_digest(*text);
    if (!digest) return std::nullopt;
    return ChunkRecord{*chunk, *bytes, *digest};
}

std::string text_of(const JsonValue& json, std::string_view name) {
    const JsonValue* member = json.find(name);
    return member && member->kind == JsonValue::Kind::text ? member->text : std::string();
}

}  // namespace

ChunkLayout ChunkLayout::of(uint64_t size_bytes) {
    const uint64_t thousandth = std::bit_ceil(std::max<uint64_t>(size_bytes / 1024, 1));
    uint64_t chunk = std::clamp(thousandth, kMinChunkBytes, kUsualChunkBytes);
    while (size_bytes / kMaxChunks >= chunk) chunk *= 2;
    return {size_bytes, chunk};
}

bool is_same_content(const RemoteIdentity& a, const RemoteIdentity& b) {
    if (a.size_bytes != b.size_bytes) return false;
    if (!a.sha256.empty() && !b.sha256.empty()) return a.sha256 == b.sha256;
    return !a.etag.empty() && a.etag == b.etag;
}

std::string identity_to_json(const RemoteIdentity& identity) {
    return fmt::format(R"({{"etag":{},"ranges":{},"revision":{},"sha256":{},"size":{},"url":{}}})",
                       json_text(identity.etag), identity.ranges, json_text(identity.revision),
                       json_text(identity.sha256), identity.size_bytes, json_text(identity.url));
}

Result<RemoteIdentity> identity_from_json(std::string_view text) {
    const auto json = parse_json(text, kIdentityLimits);
    if (!json) return Error{Category::cache, "an identity: " + json.error().message};
    return identity_of(*json);
}

Result<RemoteIdentity> identity_of(const JsonValue& json) {
    if (json.kind != JsonValue::Kind::object)
        return Error{Category::cache, "an identity that is no JSON object"};
    RemoteIdentity out;
    out.url = text_of(json, "url");
    out.etag = text_of(json, "etag");
    out.sha256 = text_of(json, "sha256");
    out.revision = text_of(json, "revision");
    const JsonValue* size = json.find("size");
    if (!size || size->kind != JsonValue::Kind::number || out.url.empty())
        return Error{Category::cache, "an identity without url or size"};
    out.size_bytes = size->number;
    if (out.size_bytes > kMaxFileBytes)
        return Error{Category::cache, fmt::format("{}: {} bytes, the limit is {}", out.label(),
                                                  out.size_bytes, kMaxFileBytes)};
    // It becomes the name of a file.
    if (!out.sha256.empty() && !is_sha256_hex(out.sha256))
        return Error{Category::cache, out.label() + ": sha256 is no SHA-256"};
    const JsonValue* ranges = json.find("ranges");
    out.ranges = !ranges || ranges->kind != JsonValue::Kind::boolean || ranges->number == 1;
    return out;
}

std::string journal_header(const RemoteIdentity& identity) {
    return with_check(std::string(kMagic) + identity_to_json(identity) + " ");
}

std::string journal_line(const ChunkRecord& record) {
    return with_check(fmt::format("{} {} {} ", record.chunk, record.bytes, to_hex(record.digest)));
}

Result<JournalHeader> parse_journal_header(std::string_view text) {
    const size_t end = text.substr(0, kMaxJournalHeaderBytes).find('\n');
    if (end == text.npos) return Error{Category::cache, "a journal without a first line"};
    const auto line = checked(text.substr(0, end));
    if (!line || !line->starts_with(kMagic))
        return Error{Category::cache, "the first line is none of a journal"};
    TRY(auto identity, identity_from_json(line->substr(kMagic.size())));
    return JournalHeader{std::move(identity), end + 1};
}

JournalRecords parse_journal_records(std::string_view text, const ChunkLayout& layout) {
    JournalRecords out;
    for (size_t end; (end = text.find('\n', out.used_bytes)) != text.npos;) {
        const std::string_view line = text.substr(out.used_bytes, end - out.used_bytes);
        if (const auto record = parse_record(line, layout)) out.records.push_back(*record);
        out.used_bytes = end + 1;
    }
    return out;
}

uint64_t max_journal_bytes(const ChunkLayout& layout) {
    return kMaxJournalHeaderBytes + layout.count() * kRecordsPerChunk * kMaxRecordBytes;
}

}  // namespace m2w::fetch
