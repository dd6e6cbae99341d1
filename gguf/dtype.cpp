// dtype.cpp — the table of weight types. Knows no tensor and no arithmetic.
#include "gguf/dtype.h"

#include <array>

#include "gguf/dtype_impl.h"
#include "gguf/grids.h"

namespace m2w {
namespace {

using namespace detail;
using enum FloatFormat;

// Ids, block sizes and layouts: GGUF's ggml_type list and the block structs of ggml-common.h
// (ggml-org/ggml). Ids 4, 5, 31-33 and 36-38 were removed from the format.
// clang-format off
constexpr std::array<DTypeInfo, size_t(DType::count)> kDTypes{{
    // dtype           name      id  elems bytes floats                 decode          planes (name, bytes, offset in the block), grid
    {DType::f32,     "F32",      0,   1,   4, {f32, 0, 1},           decode_f32,     {{"w", 4, 0}}},
    {DType::f16,     "F16",      1,   1,   2, {f16, 0, 1},           decode_f16,     {{"w", 2, 0}}},
    {DType::bf16,    "BF16",    30,   1,   2, {bf16, 0, 1},          decode_bf16,    {{"w", 2, 0}}},
    {DType::q8_0,    "Q8_0",     8,  32,  34, {f16, 0, 1},           decode_q8_0,    {{"qs", 32, 2}, {"d", 2, 0}}},
    {DType::q4_0,    "Q4_0",     2,  32,  18, {f16, 0, 1},           decode_q4_0,    {{"qs", 16, 2}, {"d", 2, 0}}},
    {DType::q4_1,    "Q4_1",     3,  32,  20, {f16, 0, 2},           decode_q4_1,    {{"qs", 16, 4}, {"dm", 4, 0}}},
    {DType::q5_0,    "Q5_0",     6,  32,  22, {f16, 0, 1},           decode_q5_0,    {{"qs", 16, 6}, {"qh", 4, 2}, {"d", 2, 0}}},
    {DType::q5_1,    "Q5_1",     7,  32,  24, {f16, 0, 2},           decode_q5_1,    {{"qs", 16, 8}, {"qh", 4, 4}, {"dm", 4, 0}}},
    {DType::q4_k,    "Q4_K",    12, 256, 144, {f16, 0, 2},           decode_q4_k,    {{"qs", 128, 16}, {"hd", 16, 0}}},
    {DType::q5_k,    "Q5_K",    13, 256, 176, {f16, 0, 2},           decode_q5_k,    {{"qs", 128, 48}, {"qh", 32, 16}, {"hd", 16, 0}}},
    {DType::q6_k,    "Q6_K",    14, 256, 210, {f16, 208, 1},         decode_q6_k,    {{"ql", 128, 0}, {"qh", 64, 128}, {"sc", 16, 192}, {"d", 2, 208}}},
    {DType::q2_k,    "Q2_K",    10, 256,  84, {f16, 80, 2},          decode_q2_k,    {{"qs", 64, 16}, {"sc", 16, 0}, {"dm", 4, 80}}},
    {DType::q3_k,    "Q3_K",    11, 256, 110, {f16, 108, 1},         decode_q3_k,    {{"qs", 64, 32}, {"qh", 32, 0}, {"sc", 12, 96}, {"d", 2, 108}}},
    {DType::iq4_nl,  "IQ4_NL",  20,  32,  18, {f16, 0, 1},           decode_iq4_nl,  {{"qs", 16, 2}, {"d", 2, 0}}},
    {DType::iq4_xs,  "IQ4_XS",  23, 256, 136, {f16, 0, 1},           decode_iq4_xs,  {{"qs", 128, 8}, {"hd", 8, 0}}},
    {DType::iq3_s,   "IQ3_S",   21, 256, 110, {f16, 0, 1},           decode_iq3_s,   {{"qs_qh", 72, 2}, {"signs_sc", 36, 74}, {"d", 2, 0}}, kIq3SGrid},
    {DType::iq3_xxs, "IQ3_XXS", 18, 256,  98, {f16, 0, 1},           decode_iq3_xxs, {{"qs", 64, 2}, {"signs_sc", 32, 66}, {"d", 2, 0}}, kIq3XxsGrid},
    {DType::iq2_s,   "IQ2_S",   22, 256,  82, {f16, 0, 1},           decode_iq2_s,   {{"qs_signs", 64, 2}, {"qh_sc", 16, 66}, {"d", 2, 0}}, kIq2SGrid},
    {DType::iq2_xs,  "IQ2_XS",  17, 256,  74, {f16, 0, 1},           decode_iq2_xs,  {{"qs", 64, 2}, {"sc", 8, 66}, {"d", 2, 0}}, kIq2XsGrid},
    {DType::iq2_xxs, "IQ2_XXS", 16, 256,  66, {f16, 0, 1},           decode_iq2_xxs, {{"qs", 64, 2}, {"d", 2, 0}}, kIq2XxsGrid},
    {DType::iq1_s,   "IQ1_S",   19, 256,  50, {f16, 0, 1},           decode_iq1_s,   {{"qs", 32, 2}, {"qh", 16, 34}, {"d", 2, 0}}, kIq1Grid},
    {DType::iq1_m,   "IQ1_M",   29, 256,  56, {f16_quarters, 48, 1}, decode_iq1_m,   {{"qs", 32, 0}, {"qh", 16, 32}, {"sc", 8, 48}}, kIq1Grid},
    {DType::mxfp4,   "MXFP4",   39,  32,  17, {e8m0, 0, 1},          decode_mxfp4,   {{"qs", 16, 1}, {"e", 1, 0}}},
    {DType::nvfp4,   "NVFP4",   40,  64,  36, {e4m3, 0, 4},          decode_nvfp4,   {{"qs", 32, 4}, {"d", 4, 0}}},
    {DType::tq1_0,   "TQ1_0",   34, 256,  54, {f16, 52, 1},          decode_tq1_0,   {{"qs", 48, 0}, {"qh", 4, 48}, {"d", 2, 52}}},
    {DType::tq2_0,   "TQ2_0",   35, 256,  66, {f16, 64, 1},          decode_tq2_0,   {{"qs", 64, 0}, {"d", 2, 64}}},
    {DType::q1_0,    "Q1_0",    41, 128,  18, {f16, 0, 1},           decode_q1_0,    {{"qs", 16, 2}, {"d", 2, 0}}},
    {DType::q2_0,    "Q2_0",    42,  64,  18, {f16, 0, 1},           decode_q2_0,    {{"qs", 16, 2}, {"d", 2, 0}}},
    {DType::q8_1,    "Q8_1",     9,  32,  36, {},                    nullptr},
    {DType::q8_k,    "Q8_K",    15, 256, 292, {},                    nullptr},
    {DType::i8,      "I8",      24,   1,   1, {},                    nullptr},
    {DType::i16,     "I16",     25,   1,   2, {},                    nullptr},
    {DType::i32,     "I32",     26,   1,   4, {},                    nullptr},
    {DType::i64,     "I64",     27,   1,   8, {},                    nullptr},
    {DType::f64,     "F64",     28,   1,   8, {f64, 0, 1},           nullptr},
}};
// clang-format on

constexpr bool rows_in_enum_order() {
    for (size_t i = 0; i < kDTypes.size(); i++)
        if (kDTypes[i].dtype != DType(i) || kDTypes[i].block_elems == 0) return false;
    return true;
}
static_assert(rows_in_enum_order());

// Planes hold every byte of the block once and leave room for the grid, or the type has none: it is
// listed, but not supported. (That decoder and planes come together is a test: g++ cannot compare
// function pointers at compile time under -fsanitize=undefined.)
constexpr bool planes_hold_the_block() {
    for (const DTypeInfo& row : kDTypes) {
        if (row.planes[0].bytes_per_block == 0) continue;
        for (uint32_t byte = 0; byte < row.block_bytes; byte++) {
            uint32_t owners = 0;
            for (const PlaneInfo& plane : row.planes)
                owners +=
                    byte >= plane.block_offset && byte < plane.block_offset + plane.bytes_per_block;
            if (owners != 1) return false;
        }
        if (!row.grid.empty() && row.planes[3].bytes_per_block != 0) return false;
    }
    return true;
}
static_assert(planes_hold_the_block());

constexpr uint32_t kIdCount = 43;
constexpr uint8_t kNoRow = 0xff;

constexpr std::array<uint8_t, kIdCount> make_id_index() {
    std::array<uint8_t, kIdCount> index{};
    index.fill(kNoRow);
    for (const DTypeInfo& row : kDTypes) index[row.gguf_id] = uint8_t(row.dtype);
    return index;
}
constexpr std::array<uint8_t, kIdCount> kIdIndex = make_id_index();

}  // namespace

uint32_t DTypeInfo::n_planes() const {
    uint32_t n = 0;
    while (n < std::size(planes) && planes[n].bytes_per_block != 0) n++;
    return n;
}

const DTypeInfo& dtype_info(DType dtype) {
    return kDTypes[size_t(dtype)];
}

const DTypeInfo* dtype_from_gguf_id(uint32_t gguf_id) {
    if (gguf_id >= kIdCount || kIdIndex[gguf_id] == kNoRow) return nullptr;
    return &kDTypes[kIdIndex[gguf_id]];
}

std::span<const DTypeInfo> all_dtypes() {
    return kDTypes;
}

}  // namespace m2w
