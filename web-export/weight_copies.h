// weight_copies.h — which bytes of which tensors of the file make up a weight's buffer. Reads no
// weights.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "gguf/result.h"
#include "runtime/model/tensors.h"

namespace m2w::web {

/// Bytes of a source's planes, `count` runs of `bytes` that are `stride` apart, one behind the
/// other into the buffer.
struct ByteCopy {
    uint64_t from = 0, to = 0, bytes = 0;
    uint64_t count = 1, stride = 0;
};

/// A tensor of the file. Its bytes are its planes in the layout of the whole tensor
/// (gguf/repack.h), without a grid; of a type without planes its bytes in the file.
struct WeightSourcePart {
    std::string tensor;
    std::vector<ByteCopy> copies;
};

/// A buffer: a vector, or some rows of a matrix as planes (Tensor::rows_of_buffer).
struct WeightBuffer {
    uint64_t row0 = 0, rows = 0;
    uint64_t size_bytes = 0;
    std::vector<WeightSourcePart> parts;
    bool whole = false;              // one part, whose bytes are those of the buffer
    uint64_t grid_offset_bytes = 0;  // of types that have one
};

/// The buffers of a tensor of a Plan, none larger than max_bytes. Errors: resource_limit (one row
/// is), unsupported (a vector that is not f32 in the file), those of NBitsTensor::check.
Result<std::vector<WeightBuffer>> weight_buffers(const Tensor& tensor, uint64_t max_bytes);

}  // namespace m2w::web
