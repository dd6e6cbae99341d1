// value_memory.h — where the values of a Plan live in one activation buffer: values whose lives do
// not meet share bytes.
#pragma once
#include <cstdint>
#include <vector>

#include "runtime/model/plan.h"

namespace m2w {

struct ValueMemory {
    std::vector<uint64_t> offset_bytes;  // [n_values], multiples of 256
    uint64_t size_bytes = 0;
};

/// Places every value for batches of up to n_tok tokens and n_out logits rows. A value lives from
/// the Step that writes it (or from the start when none does) to the last Step that reads it;
/// logits live to the end; a value that no Step touches takes no bytes. The Steps of a short cut
/// are one moment. With keep_all nothing is shared and everything has its place.
ValueMemory place_values(const Plan& plan, uint32_t n_tok, uint32_t n_out, bool keep_all);

}  // namespace m2w
