// editable_file.h — a model file taken apart, for mutators that change it as a structure: counts,
// lengths and offsets stay consistent. Chooses no changes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "gguf/write.h"

namespace m2w::gguf::fuzz {

using Random = std::minstd_rand;
inline uint32_t below(Random& random, size_t n) {
    return uint32_t(random() % n);
}

struct EditableTensor {
    TensorSpec spec;
    std::string data;  // as in the file that was taken apart; none for tensors that are new
};

struct EditableFile {
    std::vector<KeyValue> metadata;
    std::vector<EditableTensor> tensors;

    /// Empty for bytes that are no model file.
    static EditableFile of(const uint8_t* data, size_t size);

    /// A valid file, or nothing if it cannot be written or is larger than max_bytes. Data that has
    /// become too short is repeated; new tensors get random bytes.
    std::string bytes(Random& random, size_t max_bytes) const;
};

}  // namespace m2w::gguf::fuzz
