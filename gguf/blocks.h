// blocks.h — walking the blocks of a file, whose bytes have no alignment. Private to gguf.
#pragma once
#include <cstddef>
#include <cstring>

namespace m2w::detail {

/// A copy of block i.
template <class Block>
Block load(const std::byte* blocks, size_t i) {
    Block block;
    std::memcpy(&block, blocks + i * sizeof(Block), sizeof(Block));
    return block;
}

/// body(const Block&) for each block in turn.
template <class Block, class Body>
void for_each_block(const std::byte* blocks, size_t n_blocks, const Body& body) {
    for (size_t i = 0; i < n_blocks; i++) body(load<Block>(blocks, i));
}

}  // namespace m2w::detail
