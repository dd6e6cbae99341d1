// code_packing.h — brings n-bit codes that a file packs in another way into rows as gguf/nbits.h
// wants them: the host's part of GatherBlockQuantized. Changes no code but for its sign.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace m2w {

/// How codes [rows][cols] follow each other, from the lowest bit of the first byte on.
struct CodePacking {
    uint32_t bits = 4;
    bool by_row = false;     // each row begins on a byte; else only the first one
    bool is_signed = false;  // two's complement; the code that means 0 becomes 2^(bits - 1)

    uint64_t size_bytes(uint64_t rows, uint64_t cols) const;
};

/// The codes in rows of row_bytes each, at least cols * bits / 8; what is behind a row is zero. For
/// codes row_bytes is NBits::code_bytes(), for zero points zero_bytes(). packed has size_bytes()
/// bytes.
std::vector<std::byte> unsigned_rows(const CodePacking& packing, std::span<const std::byte> packed,
                                     uint64_t rows, uint64_t cols, uint64_t row_bytes);

}  // namespace m2w
