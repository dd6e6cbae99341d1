// diff.h — what differs between two files: metadata, tensor directory, weights. Judges nothing and
// prints nothing; the order of keys and tensors, padding and the split into parts do not count.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "gguf/result.h"

namespace m2w::gguf {

/// A key that one file lacks, or that has another type or value in the other one.
struct MetadataChange {
    std::string key;
    const Value *a = nullptr, *b = nullptr;  // in the Files; null: the file lacks the key
    // Of two arrays of one element type, or two strings:
    uint64_t first_difference = 0;  // element or byte; the shorter one's length when it is the
                                    // beginning of the other
    uint64_t n_different = 0;  // elements or bytes, those that only the longer one has included
};

/// A tensor that one file lacks, or that has another type, shape or other weights in the other one.
struct TensorChange {
    std::string name;
    const TensorInfo *a = nullptr, *b = nullptr;  // in the Files; null: the file lacks the tensor
    bool type = false, shape = false;             // another one
    bool weights = false;                         // of one type and shape, with other bytes
    // Of equal shapes, with Weights::numbers, where both types can be decoded:
    std::optional<double> relative_error;  // ||b - a|| / ||a||; NaN when a number is none
    double largest_difference = 0;         // of one weight
};

/// How weights are compared.
enum class Weights : uint8_t { ignored, bytes, numbers };

struct FileDiff {
    std::vector<MetadataChange> metadata;  // by key
    std::vector<TensorChange> tensors;     // by name
    uint64_t n_equal_keys = 0, n_equal_tensors = 0;
    bool equal() const { return metadata.empty() && tensors.empty(); }
};

/// Both files must outlive the result. Errors: io, out_of_memory.
Result<FileDiff> diff(const File& a, const File& b, Weights weights);

/// Element i of an array as a value of its own.
Value array_element(const Array& array, uint64_t i);

}  // namespace m2w::gguf
