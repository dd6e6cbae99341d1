// dtype.cpp — the table of weight types. Knows no tensor and no arithmetic.
#include "gguf/dtype.h"

#include <array>

#include "gguf/dtype_impl.h"

namespace m2w {
namespace {

using namespace detail;

// Ids, block sizes and layouts: GGUF's ggml_type list and the block structs of ggml-common.h
// (ggml-org/ggml). Ids 4, 5, 31-33 and 36-38 were removed from the format.
// clang-format off
constexpr std::array<DTypeInfo, size_t(DType::count)> kDTypes{{
    // dtype          name     id  elems bytes  decode       repack       planes
    {DType::f32,     "F32",     0,   1,   4, decode_f32,  repack_f32,  {{"w", 4}}},
    {DType::f16,     "F16",     1,   1,   2, decode_f16,  repack_f16,  {{"w", 2}}},
    {DType::bf16,    "BF16",   30,   1,   2, decode_bf16, repack_f16,  {{"w", 2}}},
    {DType::q8_0,    "Q8_0",    8,  32,  34, decode_q8_0, repack_q8_0, {{"qs", 32}, {"d", 2}}},
    {DType::q4_0,    "Q4_0",    2,  32,  18, decode_q4_0, repack_q4_0, {{"qs", 16}, {"d", 2}}},
    {DType::q4_1,    "Q4_1",    3,  32,  20, decode_q4_1, repack_q4_1, {{"qs", 16}, {"dm", 4}}},
    {DType::q5_0,    "Q5_0",    6,  32,  22, decode_q5_0, repack_q5_0, {{"qs", 16}, {"qh", 4}, {"d", 2}}},
    {DType::q5_1,    "Q5_1",    7,  32,  24, decode_q5_1, repack_q5_1, {{"qs", 16}, {"qh", 4}, {"dm", 4}}},
    {DType::q4_k,    "Q4_K",   12, 256, 144, decode_q4_k, repack_q4_k, {{"qs", 128}, {"hd", 16}}},
    {DType::q5_k,    "Q5_K",   13, 256, 176, decode_q5_k, repack_q5_k, {{"qs", 128}, {"qh", 32}, {"hd", 16}}},
    {DType::q6_k,    "Q6_K",   14, 256, 210, decode_q6_k, repack_q6_k, {{"ql", 128}, {"qh", 64}, {"sc", 16}, {"d", 2}}},
    {DType::q8_1,    "Q8_1",    9,  32,  36, nullptr, nullptr, {}},
    {DType::q2_k,    "Q2_K",   10, 256,  84, nullptr, nullptr, {}},
    {DType::q3_k,    "Q3_K",   11, 256, 110, nullptr, nullptr, {}},
    {DType::q8_k,    "Q8_K",   15, 256, 292, nullptr, nullptr, {}},
    {DType::iq2_xxs, "IQ2_XXS",16, 256,  66, nullptr, nullptr, {}},
    {DType::iq2_xs,  "IQ2_XS", 17, 256,  74, nullptr, nullptr, {}},
    {DType::iq3_xxs, "IQ3_XXS",18, 256,  98, nullptr, nullptr, {}},
    {DType::iq1_s,   "IQ1_S",  19, 256,  50, nullptr, nullptr, {}},
    {DType::iq4_nl,  "IQ4_NL", 20,  32,  18, nullptr, nullptr, {}},
    {DType::iq3_s,   "IQ3_S",  21, 256, 110, nullptr, nullptr, {}},
    {DType::iq2_s,   "IQ2_S",  22, 256,  82, nullptr, nullptr, {}},
    {DType::iq4_xs,  "IQ4_XS", 23, 256, 136, nullptr, nullptr, {}},
    {DType::iq1_m,   "IQ1_M",  29, 256,  56, nullptr, nullptr, {}},
    {DType::tq1_0,   "TQ1_0",  34, 256,  54, nullptr, nullptr, {}},
    {DType::tq2_0,   "TQ2_0",  35, 256,  66, nullptr, nullptr, {}},
    {DType::mxfp4,   "MXFP4",  39,  32,  17, nullptr, nullptr, {}},
    {DType::nvfp4,   "NVFP4",  40,  64,  36, nullptr, nullptr, {}},
    {DType::q1_0,    "Q1_0",   41, 128,  18, nullptr, nullptr, {}},
    {DType::q2_0,    "Q2_0",   42,  64,  18, nullptr, nullptr, {}},
    {DType::i8,      "I8",     24,   1,   1, nullptr, nullptr, {}},
    {DType::i16,     "I16",    25,   1,   2, nullptr, nullptr, {}},
    {DType::i32,     "I32",    26,   1,   4, nullptr, nullptr, {}},
    {DType::i64,     "I64",    27,   1,   8, nullptr, nullptr, {}},
    {DType::f64,     "F64",    28,   1,   8, nullptr, nullptr, {}},
}};
// clang-format on

constexpr bool rows_in_enum_order() {
    for (size_t i = 0; i < kDTypes.size(); i++)
        if (kDTypes[i].dtype != DType(i) || kDTypes[i].block_elems == 0) return false;
    return true;
}
static_assert(rows_in_enum_order());

// Planes hold the block exactly, or the type has none: it is listed, but not supported. (That
// decoder, repacker and planes come together is a test: g++ cannot compare function pointers at
// compile time under -fsanitize=undefined.)
constexpr bool planes_hold_the_block() {
    for (const DTypeInfo& row : kDTypes) {
        uint32_t sum = 0;
        for (const PlaneInfo& plane : row.planes) sum += plane.bytes_per_block;
        if (sum != 0 && sum != row.block_bytes) return false;
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
