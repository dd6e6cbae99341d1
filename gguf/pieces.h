// pieces.h — walks a tensor's blocks in pieces of about a MiB, in place or through a buffer.
// Private to gguf.
#pragma once
#include <algorithm>
#include <exception>
#include <vector>

#include "gguf/file.h"

namespace m2w::gguf::detail {

/// Calls fn(blocks, first_block, n_blocks) -> Result<void> for consecutive runs of whole blocks.
/// Errors: those of fn and of the source, out_of_memory.
template <class Fn>
Result<void> for_each_piece(const File& file, const TensorInfo& tensor, Fn fn) {
    const DTypeInfo& dtype = dtype_info(tensor.dtype);
    const uint64_t total = tensor.size_bytes / dtype.block_bytes;
    const uint64_t piece = std::max<uint64_t>(1, (1u << 20) / dtype.block_bytes);
    const Source& source = file.source(tensor);
    std::vector<std::byte> buffer;
    for (uint64_t first = 0; first < total; first += piece) {
        const uint64_t n = std::min(piece, total - first);
        const uint64_t offset = first * dtype.block_bytes, bytes = n * dtype.block_bytes;
        auto blocks = source.view(tensor.offset_bytes + offset, bytes);
        if (blocks.empty()) {
            try {
                buffer.resize(size_t(bytes));
            } catch (const std::exception&) {
                return Error{Category::out_of_memory, "read buffer"};
            }
            TRY(file.read(tensor, offset, buffer));
            blocks = buffer;
        }
        TRY(fn(blocks.data(), first, n));
    }
    return {};
}

}  // namespace m2w::gguf::detail
