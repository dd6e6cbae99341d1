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
    // dtype           name      id  elems bytes floats                 decode          repack          planes, grid
    {DType::f32,     "F32",      0,   1,   4, {f32, 0, 1},           decode_f32,     repack_f32,     {{"w", 4}}},
    {DType::f16,     "F16",      1,   1,   2, {f16, 0, 1},           decode_f16,     repack_f16,     {{"w", 2}}},
    {DType::bf16,    "BF16",    30,   1,   2, {bf16, 0, 1},          decode_bf16,    repack_f16,     {{"w", 2}}},
    {DType::q8_0,    "Q8_0",     8,  32,  34, {f16, 0, 1},           decode_q8_0,    repack_q8_0,    {{"qs", 32}, {"d", 2}}},
    {DType::q4_0,    "Q4_0",     2,  32,  18, {f16, 0, 1},           decode_q4_0,    repack_q4_0,    {{"qs", 16}, {"d", 2}}},
    {DType::q4_1,    "Q4_1",     3,  32,  20, {f16, 0, 2},           decode_q4_1,    repack_q4_1,    {{"qs", 16}, {"dm", 4}}},
    {DType::q5_0,    "Q5_0",     6,  32,  22, {f16, 0, 1},           decode_q5_0,    repack_q5_0,    {{"qs", 16}, {"qh", 4}, {"d", 2}}},
    {DType::q5_1,    "Q5_1",     7,  32,  24, {f16, 0, 2},           decode_q5_1,    repack_q5_1,    {{"qs", 16}, {"qh", 4}, {"dm", 4}}},
    {DType::q4_k,    "Q4_K",    12, 256, 144, {f16, 0, 2},           decode_q4_k,    repack_q4_k,    {{"qs", 128}, {"hd", 16}}},
    {DType::q5_k,    "Q5_K",    13, 256, 176, {f16, 0, 2},           decode_q5_k,    repack_q5_k,    {{"qs", 128}, {"qh", 32}, {"hd", 16}}},
    {DType::q6_k,    "Q6_K",    14, 256, 210, {f16, 208, 1},         decode_q6_k,    repack_q6_k,    {{"ql", 128}, {"qh", 64}, {"sc", 16}, {"d", 2}}},
    {DType::q2_k,    "Q2_K",    10, 256,  84, {f16, 80, 2},          decode_q2_k,    repack_q2_k,    {{"qs", 64}, {"sc", 16}, {"dm", 4}}},
    {DType::q3_k,    "Q3_K",    11, 256, 110, {f16, 108, 1},         decode_q3_k,    repack_q3_k,    {{"qs", 64}, {"qh", 32}, {"sc", 12}, {"d", 2}}},
    {DType::iq4_nl,  "IQ4_NL",  20,  32,  18, {f16, 0, 1},           decode_iq4_nl,  repack_q4_0,    {{"qs", 16}, {"d", 2}}},
    {DType::iq4_xs,  "IQ4_XS",  23, 256, 136, {f16, 0, 1},           decode_iq4_xs,  repack_iq4_xs,  {{"qs", 128}, {"hd", 8}}},
    {DType::iq3_s,   "IQ3_S",   21, 256, 110, {f16, 0, 1},           decode_iq3_s,   repack_iq3_s,   {{"qs_qh", 72}, {"signs_sc", 36}, {"d", 2}}, kIq3SGrid},
    {DType::iq3_xxs, "IQ3_XXS", 18, 256,  98, {f16, 0, 1},           decode_iq3_xxs, repack_iq3_xxs, {{"qs", 64}, {"signs_sc", 32}, {"d", 2}}, kIq3XxsGrid},
    {DType::iq2_s,   "IQ2_S",   22, 256,  82, {f16, 0, 1},           decode_iq2_s,   repack_iq2_s,   {{"qs_signs", 64}, {"qh_sc", 16}, {"d", 2}}, kIq2SGrid},
    {DType::iq2_xs,  "IQ2_XS",  17, 256,  74, {f16, 0, 1},           decode_iq2_xs,  repack_iq2_xs,  {{"qs", 64}, {"sc", 8}, {"d", 2}}, kIq2XsGrid},
    {DType::iq2_xxs, "IQ2_XXS", 16, 256,  66, {f16, 0, 1},           decode_iq2_xxs, repack_iq2_xxs, {{"qs", 64}, {"d", 2}}, kIq2XxsGrid},
    {DType::iq1_s,   "IQ1_S",   19, 256,  50, {f16, 0, 1},           decode_iq1_s,   repack_iq1_s,   {{"qs", 32}, {"qh", 16}, {"d", 2}}, kIq1Grid},
    {DType::iq1_m,   "IQ1_M",   29, 256,  56, {f16_quarters, 48, 1}, decode_iq1_m,   repack_iq1_m,   {{"qs", 32}, {"qh", 16}, {"sc", 8}}, kIq1Grid},
    {DType::mxfp4,   "MXFP4",   39,  32,  17, {e8m0, 0, 1},          decode_mxfp4,   repack_mxfp4,   {{"qs", 16}, {"e", 1}}},
    {DType::nvfp4,   "NVFP4",   40,  64,  36, {e4m3, 0, 4},          decode_nvfp4,   repack_nvfp4,   {{"qs", 32}, {"d", 4}}},
    {DType::tq1_0,   "TQ1_0",   34, 256,  54, {f16, 52, 1},          decode_tq1_0,   repack_tq1_0,   {{"qs", 48}, {"qh", 4}, {"d", 2}}},
    {DType::tq2_0,   "TQ2_0",   35, 256,  66, {f16, 64, 1},          decode_tq2_0,   repack_tq2_0,   {{"qs", 64}, {"d", 2}}},
    {DType::q1_0,    "Q1_0",    41, 128,  18, {f16, 0, 1},           decode_q1_0,    repack_q4_0,    {{"qs", 16}, {"d", 2}}},
    {DType::q2_0,    "Q2_0",    42,  64,  18, {f16, 0, 1},           decode_q2_0,    repack_q4_0,    {{"qs", 16}, {"d", 2}}},
    {DType::q8_1,    "Q8_1",     9,  32,  36, {},                    nullptr, nullptr},
    {DType::q8_k,    "Q8_K",    15, 256, 292, {},                    nullptr, nullptr},
    {DType::i8,      "I8",      24,   1,   1, {},                    nullptr, nullptr},
    {DType::i16,     "I16",     25,   1,   2, {},                    nullptr, nullptr},
    {DType::i32,     "I32",     26,   1,   4, {},                    nullptr, nullptr},
    {DType::i64,     "I64",     27,   1,   8, {},                    nullptr, nullptr},
    {DType::f64,     "F64",     28,   1,   8, {f64, 0, 1},           nullptr, nullptr},
}};
// clang-format on

constexpr bool rows_in_enum_order() {
    for (size_t i = 0; i < kDTypes.size(); i++)
        if (kDTypes[i].dtype != DType(i) || kDTypes[i].block_elems == 0) return false;
    return true;
}
static_assert(rows_in_enum_order());

// Planes hold the block exactly and leave room for the grid, or the type has none: it is listed,
// but not supported. (That decoder, repacker and planes come together is a test: g++ cannot compare
// function pointers at compile time under -fsanitize=undefined.)
constexpr bool planes_hold_the_block() {
    for (const DTypeInfo& row : kDTypes) {
        uint32_t sum = 0;
        for (const PlaneInfo& plane : row.planes) sum += plane.bytes_per_block;
        if (sum != 0 && sum != row.block_bytes) return false;
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
