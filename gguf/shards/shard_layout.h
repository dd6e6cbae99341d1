// shard_layout.h — how a model is cut into shards: which rows of which tensor lie where. Reads no
// weights and names no file.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "gguf/shards/manifest.h"

namespace m2w::shards {

/// What the content of a shard begins on, and a multiple of which it is.
constexpr uint64_t kShardAlignment = 16;

/// Planes of rows of a tensor: those of gguf/repack.h without the grid, which is the same for every
/// tensor. A type without planes has one, its bytes as they are in the model file.
struct PieceLayout {
    uint32_t n_planes = 0;
    std::array<uint64_t, 4> offset_bytes{};  // from the start of the piece
    std::array<uint64_t, 4> block_bytes{};   // of one block, in each plane
    uint64_t size_bytes = 0;                 // a multiple of kShardAlignment
};
PieceLayout shard_piece_layout(DType dtype, uint64_t n_blocks);

/// Blocks in a row of the tensor.
uint64_t row_blocks(const gguf::TensorInfo& tensor);

/// Rows of a tensor, placed.
struct PlannedPiece {
    uint32_t tensor = 0;
    uint64_t row0 = 0, rows = 0;
    uint64_t offset_bytes = 0;  // in the shard
};

struct PlannedShard {
    ShardKind kind = ShardKind::header;
    uint32_t layer = 0;
    uint64_t size_bytes = 0;
    uint32_t part = 0;                 // of a header: whose
    uint64_t part_offset_bytes = 0;    // of a header: from where on
    std::vector<PlannedPiece> pieces;  // of the others: one behind the other, without a gap
};

/// Headers first, then the embedding, the layers and the head. What a shard of tensors holds
/// depends on the tensors of its layer alone, taken in the order of their names: two models with
/// the same tensors in a layer have the same shards there. Errors: resource_limit (one row is
/// larger than max_shard_bytes, or there would be too many shards).
Result<std::vector<PlannedShard>> plan_shards(const gguf::File& file, uint64_t max_shard_bytes);

}  // namespace m2w::shards
