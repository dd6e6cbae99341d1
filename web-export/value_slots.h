// value_slots.h — which values of a Plan share a buffer. Knows no device and no batch size.
#pragma once
#include <cstdint>
#include <vector>

#include "runtime/model/plan.h"

namespace m2w::web {

/// Buffers of f32 [rows][width]. WebGPU refuses a dispatch that reads and writes one buffer, so a
/// Step's outputs never lie where any of its inputs does, nor those of a short cut's Steps.
struct ValueSlots {
    static constexpr uint32_t kNone = UINT32_MAX;  // of values that no Step touches

    struct Slot {
        Rows rows = Rows::n_tok;
        uint32_t width = 0;
    };
    std::vector<Slot> slots;
    std::vector<uint32_t> slot_of;  // [values]
};

/// Linear scan in order of birth, into the free slot that fits best. The logits stay to the end.
ValueSlots place_in_slots(const Plan& plan);

}  // namespace m2w::web
