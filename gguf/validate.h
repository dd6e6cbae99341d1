// validate.h — finds NaN and infinity in weight data, for the loader to call on what it uploads.
// Knows blocks, no model.
#pragma once
#include <cstddef>

#include "gguf/dtype.h"
#include "gguf/file.h"
#include "gguf/result.h"

namespace m2w::gguf {

/// The first of n whole blocks with a NaN or infinite weight, scale or minimum; n_blocks if none
/// has one. A loader that streams a tensor calls this on each piece. Integer types and types
/// without a decoder have nothing that is looked at.
size_t find_non_finite_block(DType dtype, const std::byte* blocks, size_t n_blocks);

/// The same of blocks that are planes already (gguf/repack.h).
size_t find_non_finite_in_planes(DType dtype, const std::byte* const* planes, size_t n_blocks);

/// The error for such a block, with the tensor's name and the first weight's index in it.
Error non_finite_error(const File& file, const TensorInfo& tensor, uint64_t block);

/// Reads a whole tensor and checks it. Errors: nan_scale, io, out_of_memory.
Result<void> check_finite(const File& file, const TensorInfo& tensor);

}  // namespace m2w::gguf
