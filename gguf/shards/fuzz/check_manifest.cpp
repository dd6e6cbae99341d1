// check_manifest.cpp — the promises of a parsed manifest, checked in another way than the reader
// does: byte ranges by painting them where they are small.
#include "gguf/shards/fuzz/check_manifest.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "gguf/sha256.h"
#include "gguf/shards/manifest.h"
#include "gguf/shards/shard_layout.h"
#include "gguf/shards/shard_source.h"

namespace m2w::shards::fuzz {
namespace {

constexpr uint64_t kPaintedBytes = 1 << 16;

/// So many zeros.
class Zeros final : public Source {
  public:
    explicit Zeros(uint64_t size) : size_(size) {}
    uint64_t size_bytes() const override { return size_; }
    const std::string& name() const override { return name_; }
    Result<void> read(uint64_t offset_bytes, std::span<std::byte> out) const override {
        M2W_ASSERT(offset_bytes <= size_ && out.size() <= size_ - offset_bytes);
        std::memset(out.data(), 0, out.size());
        return {};
    }
    std::span<const std::byte> view(uint64_t, uint64_t) const override { return {}; }
    void done_with(uint64_t, uint64_t) const override {}

  private:
    uint64_t size_;
    std::string name_ = "zeros";
};

void check_name(const std::string& file) {
    M2W_ASSERT(!file.empty() && file.size() <= kMaxFileNameBytes && file[0] != '.');
    for (const char c : file) M2W_ASSERT(uint8_t(c) > 0x20 && uint8_t(c) < 0x7f);
    M2W_ASSERT(file.find_first_of("/\\:*?\"<>|") == file.npos && file.find("..") == file.npos);
}

/// Every byte of a small shard belongs to one piece of one tensor.
void check_filled(const Manifest& manifest, uint32_t shard) {
    const uint64_t size = manifest.shards[shard].size_bytes;
    if (size > kPaintedBytes) return;
    std::vector<int> owners(size, 0);
    for (const ShardedTensor& tensor : manifest.tensors)
        for (const ShardPiece& piece : tensor.pieces) {
            if (piece.shard != shard) continue;
            const uint64_t bytes =
                shard_piece_layout(tensor.info.dtype, piece.rows * row_blocks(tensor.info))
                    .size_bytes;
            for (uint64_t i = 0; i < bytes; i++) owners.at(piece.offset_bytes + i)++;
        }
    if (manifest.shards[shard].kind != ShardKind::header)
        M2W_ASSERT(std::all_of(owners.begin(), owners.end(), [](int n) { return n == 1; }));
}

void check_promises(const Manifest& manifest) {
    for (uint32_t i = 0; i < manifest.shards.size(); i++) {
        check_name(manifest.shards[i].file);
        M2W_ASSERT(is_sha256_hex(manifest.shards[i].sha256));
        if (i < 64) check_filled(manifest, i);
    }
    for (const ShardedPart& part : manifest.parts) {
        uint64_t bytes = 0;
        for (const uint32_t shard : part.headers) bytes += manifest.shards.at(shard).size_bytes;
        M2W_ASSERT(bytes == part.header_bytes && bytes <= part.size_bytes);
    }
    for (const ShardedTensor& tensor : manifest.tensors) {
        const gguf::TensorInfo& info = tensor.info;
        const ShardedPart& part = manifest.parts.at(info.part);
        M2W_ASSERT(info.offset_bytes >= part.header_bytes && info.offset_bytes <= part.size_bytes &&
                   info.size_bytes <= part.size_bytes - info.offset_bytes);
        uint64_t rows = 0;
        for (const ShardPiece& piece : tensor.pieces) rows += piece.rows;
        M2W_ASSERT(rows == info.rows());
    }
}

void check_opening(const Manifest& manifest, uint64_t more_bytes) {
    const auto opener = [&](const std::string& file) -> Result<std::shared_ptr<const Source>> {
        for (const Shard& shard : manifest.shards)
            if (shard.file == file)
                return std::shared_ptr<const Source>(
                    std::make_shared<Zeros>(shard.size_bytes + more_bytes));
        return Error{Category::io, file};
    };
    const auto file = open_shards(manifest, opener, {.verify = false, .location = "here"});
    M2W_ASSERT(!file);  // a header of zeros is none
}

}  // namespace

std::string sign_manifest(std::string text) {
    constexpr std::string_view kMember = "\"manifest_sha256\": \"";
    const size_t at = text.rfind(kMember);
    if (at == text.npos || text.size() - at - kMember.size() < 64) return text;
    text.replace(at + kMember.size(), 64, 64, '0');
    text.replace(at + kMember.size(), 64, sha256_hex(text));
    return text;
}

void check_manifest(std::span<const std::byte> bytes) {
    const std::string text =
        sign_manifest({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    const auto manifest = parse_manifest(text);
    if (!manifest) {
        const Category why = manifest.error().category;
        M2W_ASSERT(why == Category::manifest || why == Category::checksum ||
                   why == Category::version || why == Category::resource_limit);
        return;
    }
    check_promises(*manifest);
    const auto printed = print_manifest(*manifest);
    M2W_ASSERT(printed);
    const auto again = parse_manifest(*printed);
    M2W_ASSERT(again && *print_manifest(*again) == *printed);
    check_opening(*manifest, 0);
    check_opening(*manifest, 1);
}

}  // namespace m2w::shards::fuzz
