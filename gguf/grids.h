// grids.h — the code books of the IQ types: what an index of a block stands for. Private to gguf;
// kernels read the same numbers from a plane behind the blocks (gguf/repack.h).
#pragma once
#include <cstdint>

namespace m2w::detail {

// An entry is the magnitudes of eight weights as two-bit codes (IQ1, IQ2), or of four weights as
// three-bit codes in nibbles (IQ3); the first weight in the lowest bits. Entries ascend.
extern const uint16_t kIq2XxsGrid[256];
extern const uint16_t kIq2XsGrid[512];
extern const uint16_t kIq2SGrid[1024];
extern const uint16_t kIq3XxsGrid[256];
extern const uint16_t kIq3SGrid[512];
extern const uint16_t kIq1Grid[2048];

// What a code stands for. Code 3 of two bits is in no entry.
constexpr float kIq1Values[4] = {-1, 0, 1, 0};
constexpr float kIq2Values[4] = {8, 25, 43, 0};
constexpr float kIq3XxsValues[8] = {4, 12, 20, 28, 36, 44, 52, 62};
constexpr float kIq3SValues[8] = {1, 3, 5, 7, 9, 11, 13, 15};
/// All weights of a group of IQ1 are moved by this, up or down.
constexpr float kIq1Delta = 0.125f;

}  // namespace m2w::detail
