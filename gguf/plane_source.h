// plane_source.h — a Source that holds tensors as planes, for loaders that want those. Repacks
// nothing.
#pragma once
#include <cstddef>
#include <cstdint>

#include "gguf/file.h"
#include "gguf/source.h"

namespace m2w::gguf {

class PlaneSource : public Source {
  public:
    /// Reads the planes (gguf/repack.h) of blocks [first_block, first_block + n_blocks) of a tensor
    /// of this source, of a type that has planes. planes[i]: [n_blocks][bytes_per_block]. Errors:
    /// those of read.
    virtual Result<void> read_planes(const TensorInfo& tensor, uint64_t first_block,
                                     uint64_t n_blocks, std::byte* const* planes) const = 0;
};

/// The source of a tensor if it holds planes, or nullptr.
inline const PlaneSource* plane_source(const File& file, const TensorInfo& tensor) {
    return dynamic_cast<const PlaneSource*>(&file.source(tensor));
}

}  // namespace m2w::gguf
