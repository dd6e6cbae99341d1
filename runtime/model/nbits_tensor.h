// nbits_tensor.h — a matrix of n-bit codes (gguf/nbits.h) among a Plan's tensors: which arrays of a
// file it is made of, and whether they fit together. Reads no weights.
#pragma once
#include <array>
#include <string_view>

#include "gguf/file.h"
#include "gguf/nbits.h"

namespace m2w {

/// The tensors of a file that hold the arrays of a matrix [rows][cols], each with its rows as
/// GGUF's rows: codes and packed zero points I8 (bytes), scales and float zero points F16 or F32.
struct NBitsTensor {
    NBits format;
    const gguf::TensorInfo* codes = nullptr;
    const gguf::TensorInfo* scales = nullptr;
    const gguf::TensorInfo* zeros = nullptr;  // null: NBits::Zero::middle

    struct Array {
        uint32_t plane = 0;
        const gguf::TensorInfo* info = nullptr;
        uint64_t row_bytes = 0;
    };
    /// Of a matrix with so many columns, by plane; the last one without info where there are no
    /// zero points.
    std::array<Array, 3> arrays(uint64_t cols) const;
    uint64_t file_bytes() const;

    /// Errors: those of check_nbits; shape_mismatch (an array of another type, or missing).
    Result<void> check(std::string_view name, uint64_t rows, uint64_t cols) const;
};

}  // namespace m2w
