// manifest.cpp — the text of a manifest: JSON with one tensor and one shard a line. Checks nothing.
#include "gguf/shards/manifest.h"

#include <fmt/format.h>

#include <array>
#include <exception>

#include "gguf/json_value.h"
#include "gguf/sha256.h"

namespace m2w::shards {
namespace {

/// "[1,2,3]" of anything that fmt prints.
template <class Items>
std::string array_of(const Items& items) {
    return fmt::format("[{}]", fmt::join(items, ","));
}

std::string print(const ShardedPart& part) {
    return fmt::format("{{\"name\":{},\"bytes\":{}{},\"header\":{}}}", json_text(part.name),
                       part.size_bytes,
                       part.sha256.empty() ? "" : fmt::format(",\"sha256\":\"{}\"", part.sha256),
                       array_of(part.headers));
}

std::string print(const ShardedTensor& tensor) {
    const gguf::TensorInfo& info = tensor.info;
    std::vector<uint64_t> shape;  // slowest first
    for (uint32_t d = info.n_dims; d-- > 0;) shape.push_back(info.dims[d]);
    std::vector<std::string> pieces;
    for (const ShardPiece& piece : tensor.pieces)
        pieces.push_back(fmt::format("{{\"shard\":{},\"offset\":{},\"rows\":{}}}", piece.shard,
                                     piece.offset_bytes, piece.rows));
    return fmt::format(
        "{{\"name\":{},\"type\":\"{}\",\"shape\":{},\"part\":{},\"offset\":{},"
        "\"sha256\":\"{}\",\"pieces\":{}}}",
        json_text(info.name), dtype_info(info.dtype).name, array_of(shape), info.part,
        info.offset_bytes, tensor.sha256, array_of(pieces));
}

std::string print(const Shard& shard, const Manifest& manifest) {
    std::string out = fmt::format("{{\"file\":{},\"bytes\":{},\"sha256\":\"{}\",\"kind\":\"{}\"",
                                  json_text(shard.file), shard.size_bytes, shard.sha256,
                                  shard_kind_name(shard.kind));
    if (shard.kind == ShardKind::layer) out += fmt::format(",\"layer\":{}", shard.layer);
    if (shard.kind == ShardKind::header) return out + "}";
    std::vector<std::string> names;
    for (const uint32_t i : shard.tensors)
        names.push_back(json_text(manifest.tensors[i].info.name));
    return out + fmt::format(",\"tensors\":{}}}", array_of(names));
}

/// A member of the manifest on lines of its own.
class Lines {
  public:
    void member(std::string_view name, const std::string& value) {
        begin(name);
        text_ += json_text(value);
    }
    void member(std::string_view name, uint64_t value) {
        begin(name);
        text_ += fmt::to_string(value);
    }
    /// An array, one element a line.
    template <class Items, class Print>
    void list(std::string_view name, const Items& items, Print print) {
        begin(name);
        text_ += '[';
        const char* before = "\n  ";
        for (const auto& item : items) {
            text_ += before + print(item);
            before = ",\n  ";
        }
        text_ += "\n ]";
    }
    std::string finish() { return std::move(text_) + "\n}\n"; }

  private:
    void begin(std::string_view name) {
        text_ += fmt::format("{}\n \"{}\": ", text_.empty() ? "{" : ",", name);
    }
    std::string text_;
};

std::string print(const Manifest& manifest) {
    Lines lines;
    lines.member("format", std::string(kManifestFormat));
    lines.member("version", kManifestVersion);
    if (!manifest.architecture.empty()) lines.member("architecture", manifest.architecture);
    if (!manifest.plan_sha256.empty()) lines.member("plan_sha256", manifest.plan_sha256);
    if (!manifest.source_url.empty()) lines.member("source_url", manifest.source_url);
    if (!manifest.source_etag.empty()) lines.member("source_etag", manifest.source_etag);
    lines.member("max_shard_bytes", manifest.max_shard_bytes);
    lines.list("parts", manifest.parts, [](const ShardedPart& part) { return print(part); });
    lines.list("tensors", manifest.tensors,
               [](const ShardedTensor& tensor) { return print(tensor); });
    lines.list("shards", manifest.shards,
               [&](const Shard& shard) { return print(shard, manifest); });
    const std::string zeros(64, '0');
    lines.member("manifest_sha256", zeros);
    std::string text = lines.finish();
    text.replace(text.rfind(zeros), zeros.size(), sha256_hex(text));
    return text;
}

}  // namespace

std::string_view shard_kind_name(ShardKind kind) {
    constexpr std::array<std::string_view, 4> kNames{"header", "embedding", "layer", "head"};
    return kNames[size_t(kind)];
}

Result<std::string> print_manifest(const Manifest& manifest) {
    try {
        std::string text = print(manifest);
        if (text.size() > kMaxManifestBytes)
            return Error{Category::resource_limit,
                         fmt::format("the manifest would have {} bytes, the limit is {}; fewer, "
                                     "larger shards make it shorter",
                                     text.size(), kMaxManifestBytes)};
        return text;
    } catch (const std::exception&) {
        return Error{Category::out_of_memory, "manifest"};
    }
}

}  // namespace m2w::shards
