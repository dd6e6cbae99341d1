// manifest.h — manifest.json of a sharded model: which bytes of which shard are which tensor. The
// format is docs/streaming.md. Opens no shard.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/file.h"
#include "gguf/result.h"

namespace m2w::shards {

constexpr uint32_t kManifestVersion = 1;
constexpr std::string_view kManifestFormat = "m2w-shards";
constexpr std::string_view kManifestName = "manifest.json";

// Limits of a manifest, as docs/streaming.md lists them; those of tensors are in gguf/limits.h.
constexpr uint64_t kMaxManifestBytes = 16u << 20;
constexpr uint32_t kMaxManifestDepth = 8;
constexpr uint64_t kMaxManifestValues = 1u << 21;
constexpr uint64_t kMaxShards = 65'536;
constexpr uint64_t kMaxFileNameBytes = 128;
constexpr uint64_t kMaxTextBytes = 4096;  // a part's name, a URL, an ETag, an architecture

/// What a shard is for, and so when a loader wants it.
enum class ShardKind : uint8_t { header, embedding, layer, head };
std::string_view shard_kind_name(ShardKind kind);

struct Shard {
    std::string file;
    uint64_t size_bytes = 0;
    std::string sha256;  // hex
    ShardKind kind = ShardKind::header;
    uint32_t layer = 0;             // of kind layer
    std::vector<uint32_t> tensors;  // those that lie in it, in the order of their bytes
};

/// Rows of a tensor in a shard: planes of shard_piece_layout() from offset_bytes on.
struct ShardPiece {
    uint32_t shard = 0;
    uint64_t offset_bytes = 0;
    uint64_t rows = 0;
};

struct ShardedTensor {
    gguf::TensorInfo info;           // as in the model file
    std::string sha256;              // hex; of the bytes in the model file
    std::vector<ShardPiece> pieces;  // rows of a piece follow those of the piece before
};

/// One file of the model.
struct ShardedPart {
    std::string name;  // without folders
    uint64_t size_bytes = 0;
    std::string sha256;             // hex, or empty if nobody knew it
    std::vector<uint32_t> headers;  // shards whose bytes, one after the other, are its header
    uint64_t header_bytes = 0;      // their sum
};

struct Manifest {
    std::string architecture;            // general.architecture, or empty
    std::string plan_sha256;             // hex: of the printed Plan; or empty
    std::string source_url;              // where the model came from, or empty
    std::string source_etag;             // what the server called these bytes, or empty
    uint64_t max_shard_bytes = 0;        // what it was cut for
    std::vector<ShardedPart> parts;      // one, or those of a split model
    std::vector<ShardedTensor> tensors;  // in the order of the parts and their directories
    std::vector<Shard> shards;           // in the order in which a loader wants them
};

/// Reads and checks a manifest: everything that docs/streaming.md requires of one holds afterwards.
/// Errors: manifest, checksum (its own), resource_limit.
Result<Manifest> parse_manifest(std::string_view text);

/// The text, the same for equal manifests. Errors: resource_limit (longer than a reader takes).
Result<std::string> print_manifest(const Manifest& manifest);

}  // namespace m2w::shards
