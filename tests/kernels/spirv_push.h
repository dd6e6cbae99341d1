// spirv_push.h — the push constant block of a SPIR-V module as it was compiled. Reads only what the
// contract test compares.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace m2w::test {

/// type: "u32", "f32", "uvec2", or a buffer's address as "f32 in", "f16 out", "struct in", ...: its
/// elements and what the shader may do with them.
struct PushMember {
    std::string type;
    uint32_t offset_bytes = 0;
    uint32_t size_bytes = 0;

    bool operator==(const PushMember&) const = default;
};

/// The members in order; empty when the module has no push constants or is not SPIR-V.
std::vector<PushMember> push_members(std::span<const uint32_t> words);

}  // namespace m2w::test
