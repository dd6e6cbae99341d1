// manifest_reader.cpp — a manifest's text as a Manifest. Believes nothing: every number is checked
// against what it indexes or must add up to, before anything uses it.
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <map>
#include <optional>

#include "gguf/json_value.h"
#include "gguf/name_index.h"
#include "gguf/parser.h"
#include "gguf/sha256.h"
#include "gguf/shards/manifest.h"
#include "gguf/shards/shard_layout.h"

namespace m2w::shards {
namespace {

using Kind = JsonValue::Kind;

Error refuse(std::string message) {
    return Error{Category::manifest, std::move(message)};
}

/// No separators, no "..", nothing hidden: it cannot leave the folder that the manifest is in.
bool is_file_name(std::string_view name) {
    constexpr std::string_view kRest =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return !name.empty() && name.size() <= kMaxFileNameBytes && name.front() != '.' &&
           name.front() != '-' && name.find("..") == name.npos &&
           name.find_first_not_of(kRest) == name.npos;
}

bool is_plain_text(std::string_view text) {
    return text.size() <= kMaxTextBytes && std::none_of(text.begin(), text.end(), [](char c) {
               return uint8_t(c) < 0x20 || c == 0x7f;
           });
}

/// The members of one object, and where it is.
class Members {
  public:
    Members(const JsonValue& object, std::string where)
        : object_(object), where_(std::move(where)) {}

    std::string path(std::string_view member) const { return where_ + std::string(member); }
    Error error(std::string_view member, std::string_view expected) const {
        return refuse(fmt::format("{}: expected {}", path(member), expected));
    }
    Result<uint64_t> number(const char* name, uint64_t least, uint64_t most) const {
        const JsonValue* value = find(name);
        if (!value || value->kind != Kind::number || value->number < least || value->number > most)
            return error(name, fmt::format("a number from {} to {}", least, most));
        return value->number;
    }
    Result<std::string> text(const char* name) const {
        const JsonValue* value = find(name);
        if (!value || value->kind != Kind::text || !is_plain_text(value->text))
            return error(name, fmt::format("text of at most {} bytes", kMaxTextBytes));
        return value->text;
    }
    /// Empty if it is not there.
    Result<std::string> optional_text(const char* name) const {
        return find(name) ? text(name) : std::string();
    }
    Result<std::string> digest(const char* name) const {
        TRY(auto hex, text(name));
        if (!is_sha256_hex(hex)) return error(name, "64 hexadecimal digits in lower case");
        return hex;
    }
    Result<std::string> optional_digest(const char* name) const {
        return find(name) ? digest(name) : std::string();
    }
    Result<const JsonValue*> list(const char* name, uint64_t most) const {
        const JsonValue* value = find(name);
        if (!value || value->kind != Kind::array) return error(name, "an array");
        if (value->items.size() > most)
            return Error{Category::resource_limit,
                         fmt::format("{}{}: {} elements, the limit is {}", where_, name,
                                     value->items.size(), most)};
        return value;
    }

  private:
    const JsonValue* find(const char* name) const { return object_.find(name); }

    const JsonValue& object_;
    std::string where_;
};

Result<Members> object_at(const JsonValue& list, size_t i, const std::string& name) {
    if (list.items[i].kind != Kind::object)
        return refuse(fmt::format("{}[{}]: expected an object", name, i));
    return Members(list.items[i], fmt::format("{}[{}].", name, i));
}

/// The digest stands in the text that it is of, with zeros in its place.
Result<void> check_own_digest(const Members& root, std::string_view text) {
    TRY(const auto expected, root.digest("manifest_sha256"));
    const size_t at = text.rfind(expected);
    if (at == text.npos) return refuse("manifest_sha256 does not stand in the text as it is");
    std::string zeroed(text);
    zeroed.replace(at, expected.size(), expected.size(), '0');
    if (sha256_hex(zeroed) == expected) return {};
    return Error{Category::checksum,
                 "manifest_sha256 is not that of the manifest: it was changed or damaged"};
}

class Reader {
  public:
    /// json: of the text.
    Result<Manifest> read(const JsonValue& json, std::string_view text) {
        if (json.kind != Kind::object) return refuse("expected a JSON object");
        const Members root(json, "");
        const auto format = root.text("format");
        if (!format || *format != kManifestFormat)
            return root.error("format", fmt::format("\"{}\"", kManifestFormat));
        TRY(const uint64_t version, root.number("version", 1, UINT32_MAX));
        if (version != kManifestVersion)
            return Error{Category::version,
                         fmt::format("manifest version {}, this build reads version {}", version,
                                     kManifestVersion)};
        TRY(check_own_digest(root, text));
        TRY(out_.architecture, root.optional_text("architecture"));
        TRY(out_.plan_sha256, root.optional_digest("plan_sha256"));
        TRY(out_.source_url, root.optional_text("source_url"));
        TRY(out_.source_etag, root.optional_text("source_etag"));
        TRY(out_.max_shard_bytes, root.number("max_shard_bytes", 1, INT64_MAX));
        TRY(read_shards(root));
        TRY(read_parts(root));
        TRY(read_tensors(root));
        TRY(check_tensors());
        TRY(check_shards(root));
        return std::move(out_);
    }

  private:
    Result<void> read_shards(const Members& root) {
        TRY(const JsonValue* list, root.list("shards", kMaxShards));
        for (size_t i = 0; i < list->items.size(); i++) {
            TRY(const Members in, object_at(*list, i, "shards"));
            Shard shard;
            TRY(shard.file, in.text("file"));
            if (!is_file_name(shard.file))
                return in.error("file", "a file name of letters, digits and -_. without folders");
            TRY(shard.size_bytes, in.number("bytes", 1, INT64_MAX));
            TRY(shard.sha256, in.digest("sha256"));
            TRY(const auto kind, in.text("kind"));
            TRY(shard.kind, kind_of(in, kind));
            if (shard.kind == ShardKind::layer) {
                TRY(const uint64_t layer, in.number("layer", 0, UINT32_MAX));
                shard.layer = uint32_t(layer);
            }
            out_.shards.push_back(std::move(shard));
        }
        uses_.resize(out_.shards.size());
        return {};
    }

    static Result<ShardKind> kind_of(const Members& in, std::string_view name) {
        for (const ShardKind kind :
             {ShardKind::header, ShardKind::embedding, ShardKind::layer, ShardKind::head})
            if (shard_kind_name(kind) == name) return kind;
        return in.error("kind", "header, embedding, layer or head");
    }

    Result<void> read_parts(const Members& root) {
        TRY(const JsonValue* list, root.list("parts", gguf::kMaxParts));
        if (list->items.empty()) return root.error("parts", "at least one");
        for (size_t i = 0; i < list->items.size(); i++) {
            TRY(const Members in, object_at(*list, i, "parts"));
            ShardedPart part;
            TRY(part.name, in.text("name"));
            if (part.name.empty() || part.name.find_first_of("/\\") != part.name.npos)
                return in.error("name", "a file name without folders");
            TRY(part.size_bytes, in.number("bytes", 1, INT64_MAX));
            TRY(part.sha256, in.optional_digest("sha256"));
            TRY(read_headers(in, part));
            out_.parts.push_back(std::move(part));
        }
        const auto order = gguf::detail::sort_by_name(std::span<const ShardedPart>(out_.parts),
                                                      &ShardedPart::name);
        if (const auto twice = gguf::detail::find_duplicate(
                std::span<const ShardedPart>(out_.parts), &ShardedPart::name, order))
            return refuse(fmt::format("parts[{}].name: another part has this name", *twice));
        return {};
    }

    Result<void> read_headers(const Members& in, ShardedPart& part) {
        TRY(const JsonValue* list, in.list("header", kMaxShards));
        if (list->items.empty()) return in.error("header", "at least one shard");
        for (const JsonValue& number : list->items) {
            if (number.kind != Kind::number || number.number >= out_.shards.size())
                return in.error("header", "numbers of shards");
            const uint32_t shard = uint32_t(number.number);
            if (out_.shards[shard].kind != ShardKind::header || !uses_[shard].empty())
                return in.error("header", "shards of kind header that nothing else uses");
            uses_[shard].push_back({0, out_.shards[shard].size_bytes, 0});
            part.headers.push_back(shard);
            const uint64_t bytes = out_.shards[shard].size_bytes;
            if (bytes > part.size_bytes - part.header_bytes)
                return in.error("header", "no more bytes than the part has");
            part.header_bytes += bytes;
        }
        return {};
    }

    Result<void> read_tensors(const Members& root) {
        TRY(const JsonValue* list, root.list("tensors", gguf::kMaxTensors));
        for (size_t i = 0; i < list->items.size(); i++) {
            TRY(const Members in, object_at(*list, i, "tensors"));
            ShardedTensor tensor;
            TRY(read_info(in, tensor.info));
            TRY(tensor.sha256, in.digest("sha256"));
            TRY(read_pieces(in, uint32_t(i), tensor));
            out_.tensors.push_back(std::move(tensor));
        }
        return {};
    }

    Result<void> read_info(const Members& in, gguf::TensorInfo& info) const {
        TRY(info.name, in.text("name"));
        if (info.name.size() > gguf::kMaxTensorNameBytes)
            return in.error("name", fmt::format("at most {} bytes", gguf::kMaxTensorNameBytes));
        TRY(const auto type_name, in.text("type"));
        const auto types = all_dtypes();
        const auto type = std::find_if(types.begin(), types.end(),
                                       [&](const DTypeInfo& t) { return t.name == type_name; });
        if (type == types.end()) return in.error("type", "the name of a weight type");
        info.dtype = type->dtype;
        TRY(const JsonValue* shape, in.list("shape", gguf::kMaxDims));
        info.n_dims = uint32_t(shape->items.size());
        for (uint32_t d = 0; d < info.n_dims; d++) {
            const JsonValue& dim = shape->items[info.n_dims - 1 - d];
            if (dim.kind != Kind::number) return in.error("shape", "numbers");
            info.dims[d] = dim.number;
        }
        auto size = gguf::detail::tensor_size_bytes(*type, std::span(info.dims).first(info.n_dims));
        if (!size) return in.error("shape", "one of a tensor: " + size.error().message);
        info.size_bytes = *size;
        TRY(const uint64_t part, in.number("part", 0, out_.parts.size() - 1));
        info.part = uint32_t(part);
        const ShardedPart& of = out_.parts[part];
        TRY(info.offset_bytes, in.number("offset", of.header_bytes, of.size_bytes));
        if (info.size_bytes > of.size_bytes - info.offset_bytes)
            return in.error("offset", "a tensor inside of its part");
        return {};
    }

    Result<void> read_pieces(const Members& in, uint32_t index, ShardedTensor& tensor) {
        TRY(const JsonValue* list, in.list("pieces", kMaxShards));
        const uint64_t blocks = row_blocks(tensor.info);
        uint64_t row = 0;
        for (size_t i = 0; i < list->items.size(); i++) {
            TRY(const Members piece, object_at(*list, i, in.path("pieces")));
            ShardPiece out;
            if (out_.shards.empty()) return in.error("pieces", "shards");
            TRY(const uint64_t shard, piece.number("shard", 0, out_.shards.size() - 1));
            out.shard = uint32_t(shard);
            const Shard& of = out_.shards[shard];
            if (of.kind == ShardKind::header) return in.error("pieces", "no header shard");
            TRY(out.rows, piece.number("rows", 1, tensor.info.rows()));
            if (out.rows > tensor.info.rows() - row) break;  // too many: told below
            TRY(out.offset_bytes, piece.number("offset", 0, of.size_bytes));
            const uint64_t bytes =
                shard_piece_layout(tensor.info.dtype, out.rows * blocks).size_bytes;
            if (out.offset_bytes % kShardAlignment != 0 || bytes > of.size_bytes - out.offset_bytes)
                return in.error("pieces", fmt::format("an offset that is a multiple of {}, and "
                                                      "{} bytes inside of the shard",
                                                      kShardAlignment, bytes));
            uses_[shard].push_back({out.offset_bytes, bytes, index});
            tensor.pieces.push_back(out);
            row += out.rows;
            if (i + 1 == list->items.size() && row == tensor.info.rows()) return {};
        }
        return in.error("pieces", fmt::format("{} rows", tensor.info.rows()));
    }

    /// Names are unique and no two share bytes of their part.
    Result<void> check_tensors() const {
        const std::span<const ShardedTensor> all = out_.tensors;
        std::vector<uint32_t> order(all.size());
        for (uint32_t i = 0; i < order.size(); i++) order[i] = i;
        std::sort(order.begin(), order.end(),
                  [&](uint32_t a, uint32_t b) { return all[a].info.name < all[b].info.name; });
        for (size_t i = 1; i < order.size(); i++)
            if (all[order[i]].info.name == all[order[i - 1]].info.name)
                return refuse(fmt::format("two tensors are called {}", all[order[i]].info.name));
        std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
            const gguf::TensorInfo &x = all[a].info, &y = all[b].info;
            return std::tie(x.part, x.offset_bytes) < std::tie(y.part, y.offset_bytes);
        });
        for (size_t i = 1; i < order.size(); i++) {
            const gguf::TensorInfo &x = all[order[i - 1]].info, &y = all[order[i]].info;
            if (x.part == y.part && y.offset_bytes < x.offset_bytes + x.size_bytes)
                return refuse(fmt::format("{} and {} overlap in their part", x.name, y.name));
        }
        return {};
    }

    /// Pieces fill every shard without a gap, and are those that it names. The same file twice is
    /// the same bytes.
    Result<void> check_shards(const Members& root) {
        TRY(const JsonValue* list, root.list("shards", kMaxShards));
        std::map<std::string_view, const Shard*> by_file;
        for (size_t i = 0; i < out_.shards.size(); i++) {
            Shard& shard = out_.shards[i];
            const auto [at, is_new] = by_file.emplace(shard.file, &shard);
            if (!is_new &&
                (at->second->sha256 != shard.sha256 || at->second->size_bytes != shard.size_bytes))
                return refuse(fmt::format("shards[{}].file: {} has two contents", i, shard.file));
            std::sort(uses_[i].begin(), uses_[i].end());
            uint64_t end = 0;
            for (const Use& use : uses_[i]) {
                if (use.offset_bytes != end)
                    return refuse(fmt::format(
                        "shards[{}]: byte {} belongs to {} tensors, expected one", i,
                        std::min(end, use.offset_bytes), use.offset_bytes < end ? "two" : "no"));
                end += use.size_bytes;
            }
            if (end != shard.size_bytes)
                return refuse(fmt::format("shards[{}]: tensors have {} of its {} bytes", i, end,
                                          shard.size_bytes));
            if (shard.kind == ShardKind::header) continue;
            for (const Use& use : uses_[i]) shard.tensors.push_back(use.tensor);
            TRY(check_names(Members(list->items[i], fmt::format("shards[{}].", i)), shard));
        }
        return {};
    }

    Result<void> check_names(const Members& in, const Shard& shard) const {
        TRY(const JsonValue* names, in.list("tensors", gguf::kMaxTensors));
        const bool same =
            std::equal(names->items.begin(), names->items.end(), shard.tensors.begin(),
                       shard.tensors.end(), [&](const JsonValue& name, uint32_t i) {
                           return name.kind == Kind::text && name.text == out_.tensors[i].info.name;
                       });
        if (!same) return in.error("tensors", "the names of those that lie in it, in their order");
        return {};
    }

    /// Bytes of a shard that belong to something.
    struct Use {
        uint64_t offset_bytes, size_bytes;
        uint32_t tensor;
        auto operator<=>(const Use&) const = default;
    };

    Manifest out_;
    std::vector<std::vector<Use>> uses_;  // [shards]
};

Result<Manifest> parse(std::string_view text) {
    if (text.size() > kMaxManifestBytes)
        return Error{Category::resource_limit,
                     fmt::format("{} bytes, the limit is {}", text.size(), kMaxManifestBytes)};
    TRY(const JsonValue json, parse_json(text, {kMaxManifestDepth, kMaxManifestValues}));
    return Reader().read(json, text);
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view text) {
    try {
        return parse(text);
    } catch (const std::exception&) {
        return Error{Category::out_of_memory, "manifest"};
    }
}

}  // namespace m2w::shards
