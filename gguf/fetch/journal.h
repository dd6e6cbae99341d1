// journal.h — what is known of a file that comes in chunks: its identity and the digests of what
// has come, as lines of text. Its reader believes nothing; it opens no files.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/fetch/limits.h"
#include "gguf/fetch/remote_file.h"
#include "gguf/json_value.h"
#include "gguf/result.h"
#include "gguf/sha256.h"

namespace m2w::fetch {

/// How a file is cut: chunks of equal size, a power of two, the last one shorter.
struct ChunkLayout {
    uint64_t size_bytes = 0, chunk_bytes = kUsualChunkBytes;

    /// About a thousandth of the file, but 64 KiB to 1 MiB; more only beyond 64 GiB, so that no
    /// file has more than 65,536 chunks.
    static ChunkLayout of(uint64_t size_bytes);

    uint64_t count() const { return (size_bytes + chunk_bytes - 1) / chunk_bytes; }
    uint64_t begin(uint64_t chunk) const { return chunk * chunk_bytes; }
    uint64_t size(uint64_t chunk) const {
        const uint64_t left = size_bytes - begin(chunk);
        return left < chunk_bytes ? left : chunk_bytes;
    }
    /// A chunk that is not complete is recorded whenever a quarter of it has come.
    uint64_t granule_bytes() const { return chunk_bytes / 4; }
    bool operator==(const ChunkLayout&) const = default;
};

/// Whether both say the same bytes for certain: the same size and the same SHA-256 or, where one
/// of them has none, the same strong ETag.
bool is_same_content(const RemoteIdentity& a, const RemoteIdentity& b);

/// An identity as JSON, as refs, journals and pins hold it. sha256, etag and revision may be empty.
std::string identity_to_json(const RemoteIdentity& identity);
/// Errors: cache, for anything that is no such JSON or has a number out of range.
Result<RemoteIdentity> identity_from_json(std::string_view json);
/// The same of JSON that was parsed already.
Result<RemoteIdentity> identity_of(const JsonValue& json);

/// The first bytes of a chunk and their digest. Of several records of a chunk the last one counts.
struct ChunkRecord {
    uint64_t chunk = 0, bytes = 0;
    Sha256Digest digest{};
};

/// The first line, which says what file the records are of.
std::string journal_header(const RemoteIdentity& identity);
std::string journal_line(const ChunkRecord& record);

struct JournalHeader {
    RemoteIdentity identity;
    uint64_t line_bytes = 0;  // the records begin there
};
/// Errors: cache, when the first line is none of ours, is damaged or not complete.
Result<JournalHeader> parse_journal_header(std::string_view text);

struct JournalRecords {
    std::vector<ChunkRecord> records;
    /// Whole lines, damaged ones included: what is behind them was torn off while it was written.
    uint64_t used_bytes = 0;
};
/// A damaged line costs its own record; a record outside of the layout is damaged.
JournalRecords parse_journal_records(std::string_view text, const ChunkLayout& layout);

/// Larger journals are not read: ten times what a pull writes.
uint64_t max_journal_bytes(const ChunkLayout& layout);

}  // namespace m2w::fetch
