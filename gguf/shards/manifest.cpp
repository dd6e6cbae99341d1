// manifest.cpp — the text of a manifest: JSON with one tensor and one shard a line. Checks nothing.
#include "gguf/shards/manifest.h"

#include <fmt/format.h>

#include <array>
#include <exception>
#include <nlohmann/json.hpp>

#include "gguf/sha256.h"

namespace m2w::shards {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json json_of(const ShardedPart& part) {
    Json out{{"name", part.name}, {"bytes", part.size_bytes}};
    if (!part.sha256.empty()) out["sha256"] = part.sha256;
    out["header"] = part.headers;
    return out;
}

Json json_of(const ShardedTensor& tensor) {
    const gguf::TensorInfo& info = tensor.info;
    std::vector<uint64_t> shape;  // slowest first
    for (uint32_t d = info.n_dims; d-- > 0;) shape.push_back(info.dims[d]);
    Json pieces = Json::array();
    for (const ShardPiece& piece : tensor.pieces)
        pieces.push_back(
            {{"shard", piece.shard}, {"offset", piece.offset_bytes}, {"rows", piece.rows}});
    return {{"name", info.name}, {"type", dtype_info(info.dtype).name}, {"shape", shape},
            {"part", info.part}, {"offset", info.offset_bytes},         {"sha256", tensor.sha256},
            {"pieces", pieces}};
}

Json json_of(const Shard& shard, const Manifest& manifest) {
    Json out{{"file", shard.file},
             {"bytes", shard.size_bytes},
             {"sha256", shard.sha256},
             {"kind", shard_kind_name(shard.kind)}};
    if (shard.kind == ShardKind::layer) out["layer"] = shard.layer;
    if (shard.kind == ShardKind::header) return out;
    out["tensors"] = Json::array();
    for (const uint32_t i : shard.tensors) out["tensors"].push_back(manifest.tensors[i].info.name);
    return out;
}

/// A member of the manifest on lines of its own.
class Lines {
  public:
    void member(std::string_view name, const Json& value) {
        begin(name);
        text_ += text_of(value);
    }
    /// An array, one element a line.
    template <class Items, class Print>
    void list(std::string_view name, const Items& items, Print print) {
        begin(name);
        text_ += '[';
        const char* before = "\n  ";
        for (const auto& item : items) {
            text_ += before + text_of(print(item));
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
    lines.member("format", kManifestFormat);
    lines.member("version", kManifestVersion);
    if (!manifest.architecture.empty()) lines.member("architecture", manifest.architecture);
    if (!manifest.plan_sha256.empty()) lines.member("plan_sha256", manifest.plan_sha256);
    if (!manifest.source_url.empty()) lines.member("source_url", manifest.source_url);
    if (!manifest.source_etag.empty()) lines.member("source_etag", manifest.source_etag);
    lines.member("max_shard_bytes", manifest.max_shard_bytes);
    lines.list("parts", manifest.parts, [](const ShardedPart& part) { return json_of(part); });
    lines.list("tensors", manifest.tensors,
               [](const ShardedTensor& tensor) { return json_of(tensor); });
    lines.list("shards", manifest.shards,
               [&](const Shard& shard) { return json_of(shard, manifest); });
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
        return Error{Category::out_of_memory, "manifest too big"};
    }
}

}  // namespace m2w::shards
