// shard_layout.cpp — groups of tensors by name, cut at a size. Knows the prefixes of tensor names
// that all architectures share, and no architecture.
#include "gguf/shards/shard_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "gguf/repack.h"

namespace m2w::shards {
namespace {

using gguf::TensorInfo;

struct Group {
    ShardKind kind;
    uint32_t layer = 0;
    bool operator==(const Group&) const = default;
};

/// "blk.12.attn_q.weight" belongs to layer 12, "output*" comes last, anything else first.
Group group_of(std::string_view name) {
    constexpr std::string_view kLayer = "blk.", kHead = "output";
    if (name.starts_with(kHead)) return {ShardKind::head};
    if (!name.starts_with(kLayer)) return {ShardKind::embedding};
    Group group{ShardKind::layer};
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + kLayer.size(), end, group.layer);
    if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != '.')
        return {ShardKind::embedding};
    return group;
}

/// Fills shards one after the other.
class Cutter {
  public:
    explicit Cutter(uint64_t max_bytes) : max_bytes_(max_bytes) {}

    Result<void> add_header(uint32_t part, uint64_t size_bytes) {
        for (uint64_t at = 0; at < size_bytes; at += max_bytes_) {
            PlannedShard shard;
            shard.part = part;
            shard.part_offset_bytes = at;
            shard.size_bytes = std::min(max_bytes_, size_bytes - at);
            TRY(push(std::move(shard)));
        }
        return {};
    }

    Result<void> begin(const Group& group) {
        TRY(close());
        open_.kind = group.kind;
        open_.layer = group.layer;
        return {};
    }

    Result<void> add(const TensorInfo& tensor, uint32_t index) {
        uint64_t row = 0;
        while (row < tensor.rows()) {
            const uint64_t left = tensor.rows() - row;
            if (bytes_of(tensor, left) > max_bytes_ - open_.size_bytes) TRY(close());
            const uint64_t rows = std::min(left, rows_that_fit(tensor));
            if (rows == 0)
                return Error{Category::resource_limit,
                             fmt::format("{}: a row takes {} bytes in a shard, the limit is {}",
                                         tensor.name, bytes_of(tensor, 1), max_bytes_)};
            open_.pieces.push_back({index, row, rows, open_.size_bytes});
            open_.size_bytes += bytes_of(tensor, rows);
            row += rows;
        }
        return {};
    }

    Result<std::vector<PlannedShard>> finish() {
        TRY(close());
        return std::move(shards_);
    }

  private:
    static uint64_t bytes_of(const TensorInfo& tensor, uint64_t rows) {
        return shard_piece_layout(tensor.dtype, rows * row_blocks(tensor)).size_bytes;
    }

    /// In a shard of their own or, when they are few, behind what is there.
    uint64_t rows_that_fit(const TensorInfo& tensor) const {
        const uint64_t room = max_bytes_ - open_.size_bytes;
        const uint64_t row_bytes = row_blocks(tensor) * dtype_info(tensor.dtype).block_bytes;
        uint64_t rows = std::min(room / row_bytes, tensor.rows());
        while (rows > 0 && bytes_of(tensor, rows) > room) --rows;  // the planes' padding: few steps
        return rows;
    }

    Result<void> close() {
        if (open_.pieces.empty()) return {};
        PlannedShard next;
        next.kind = open_.kind;
        next.layer = open_.layer;
        return push(std::exchange(open_, std::move(next)));
    }

    Result<void> push(PlannedShard shard) {
        if (shards_.size() == kMaxShards)
            return Error{
                Category::resource_limit,
                fmt::format("more than {} shards of at most {} bytes", kMaxShards, max_bytes_)};
        shards_.push_back(std::move(shard));
        return {};
    }

    const uint64_t max_bytes_;
    PlannedShard open_;
    std::vector<PlannedShard> shards_;
};

}  // namespace

PieceLayout shard_piece_layout(DType dtype, uint64_t n_blocks) {
    const DTypeInfo& type = dtype_info(dtype);
    const auto aligned = [](uint64_t n) {
        return (n + kShardAlignment - 1) / kShardAlignment * kShardAlignment;
    };
    PieceLayout layout;
    layout.n_planes = type.n_planes();
    if (layout.n_planes == 0) {
        layout.n_planes = 1;
        layout.block_bytes[0] = type.block_bytes;
        layout.size_bytes = aligned(n_blocks * type.block_bytes);
        return layout;
    }
    const PlaneLayout planes = plane_layout(dtype, n_blocks);
    for (uint32_t i = 0; i < layout.n_planes; i++) {
        layout.offset_bytes[i] = planes.offset_bytes[i];
        layout.block_bytes[i] = type.planes[i].bytes_per_block;
    }
    const uint32_t last = layout.n_planes - 1;
    layout.size_bytes = aligned(layout.offset_bytes[last] + n_blocks * layout.block_bytes[last]);
    return layout;
}

uint64_t row_blocks(const TensorInfo& tensor) {
    return tensor.row_elems() / dtype_info(tensor.dtype).block_elems;
}

Result<std::vector<PlannedShard>> plan_shards(const gguf::File& file, uint64_t max_shard_bytes) {
    M2W_ASSERT(max_shard_bytes > 0);
    const auto tensors = file.tensors();
    std::vector<uint32_t> order(tensors.size());
    for (uint32_t i = 0; i < order.size(); i++) order[i] = i;
    const auto key = [&](uint32_t i) {
        const Group group = group_of(tensors[i].name);
        return std::tuple(group.kind, group.layer, std::string_view(tensors[i].name));
    };
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return key(a) < key(b); });

    Cutter cutter(max_shard_bytes);
    for (uint32_t part = 0; part < file.parts().size(); part++)
        TRY(cutter.add_header(part, file.data_offsets()[part]));
    Group current{ShardKind::header};
    for (const uint32_t i : order) {
        const Group group = group_of(tensors[i].name);
        if (group != current) TRY(cutter.begin(group));
        current = group;
        TRY(cutter.add(tensors[i], i));
    }
    return cutter.finish();
}

}  // namespace m2w::shards
