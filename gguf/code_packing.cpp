// code_packing.cpp — code by code: this is done once, when a matrix is loaded.
#include "gguf/code_packing.h"

#include "gguf/result.h"

namespace m2w {

uint64_t CodePacking::size_bytes(uint64_t rows, uint64_t cols) const {
    return by_row ? rows * ((cols * bits + 7) / 8) : (rows * cols * bits + 7) / 8;
}

std::vector<std::byte> unsigned_rows(const CodePacking& packing, std::span<const std::byte> packed,
                                     uint64_t rows, uint64_t cols, uint64_t row_bytes) {
    const uint32_t bits = packing.bits, mask = (1u << bits) - 1;
    const uint32_t flip = packing.is_signed ? 1u << (bits - 1) : 0;
    M2W_ASSERT(packed.size() == packing.size_bytes(rows, cols) && row_bytes * 8 >= cols * bits);
    const uint64_t row_bits = packing.by_row ? (cols * bits + 7) / 8 * 8 : cols * bits;
    std::vector<std::byte> out(rows * row_bytes);
    for (uint64_t row = 0; row < rows; row++) {
        for (uint64_t col = 0; col < cols; col++) {
            const uint64_t from = row * row_bits + col * bits, to = col * bits;
            const uint32_t code = (uint32_t(packed[from / 8]) >> (from % 8)) & mask;
            out[row * row_bytes + to / 8] |= std::byte((code ^ flip) << (to % 8));
        }
    }
    return out;
}

}  // namespace m2w
