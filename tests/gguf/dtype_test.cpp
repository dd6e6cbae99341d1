// dtype_test.cpp — the type table, the decoders against vectors of an independent implementation,
// and the device planes.
#include "gguf/dtype.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "gguf/file.h"
#include "gguf/repack.h"
#include "tests/support/shared.h"

namespace m2w {
namespace {

std::vector<std::byte> random_bytes(size_t n, uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<std::byte> bytes(n);
    for (std::byte& b : bytes) b = std::byte(random());
    return bytes;
}

TEST(dtype, ids_find_their_rows_and_removed_ids_find_none) {
    const std::set<uint32_t> removed{4, 5, 31, 32, 33, 36, 37, 38};
    for (uint32_t id = 0; id < 43; id++) {
        const DTypeInfo* info = dtype_from_gguf_id(id);
        EXPECT_EQ(info == nullptr, removed.contains(id)) << id;
        if (info) {
            EXPECT_EQ(info->gguf_id, id);
            EXPECT_EQ(&dtype_info(info->dtype), info);
        }
    }
    for (const uint32_t id : {43u, 99u, 255u, 256u, 0x7fffffffu, 0x80000000u, 0xffffffffu})
        EXPECT_EQ(dtype_from_gguf_id(id), nullptr) << id;
    EXPECT_EQ(all_dtypes().size(), size_t(DType::count));
}

TEST(dtype, names_and_ids_are_unique) {
    std::set<std::string_view> names;
    std::set<uint32_t> ids;
    for (const DTypeInfo& info : all_dtypes()) {
        EXPECT_TRUE(names.insert(info.name).second) << info.name;
        EXPECT_TRUE(ids.insert(info.gguf_id).second) << info.name;
    }
}

TEST(dtype, weight_types_have_a_decoder_and_planes_and_the_others_none) {
    std::string decoded;
    for (const DTypeInfo& info : all_dtypes()) {
        EXPECT_EQ(info.decode == nullptr, info.planes[0].bytes_per_block == 0) << info.name;
        if (info.decode) decoded += std::string(info.name) + " ";
    }
    EXPECT_EQ(decoded,
              "F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q4_K Q5_K Q6_K Q2_K Q3_K IQ4_NL IQ4_XS IQ3_S "
              "IQ3_XXS IQ2_S IQ2_XS IQ2_XXS IQ1_S IQ1_M MXFP4 NVFP4 TQ1_0 TQ2_0 Q1_0 Q2_0 ");
}

/// Of what the format's authors published: as many entries as the index can name, ascending, and
/// nothing but codes that have a value.
TEST(dtype, grids_ascend_and_hold_codes_that_stand_for_something) {
    const std::map<DType, std::pair<size_t, int>> kGrids{
        {DType::iq2_xxs, {256, 2}}, {DType::iq2_xs, {512, 2}}, {DType::iq2_s, {1024, 2}},
        {DType::iq3_xxs, {256, 4}}, {DType::iq3_s, {512, 4}},  {DType::iq1_s, {2048, 2}},
        {DType::iq1_m, {2048, 2}},
    };
    for (const DTypeInfo& info : all_dtypes()) {
        EXPECT_EQ(kGrids.contains(info.dtype), !info.grid.empty()) << info.name;
        if (info.grid.empty()) continue;
        const auto [size, width] = kGrids.at(info.dtype);
        EXPECT_EQ(info.grid.size(), size) << info.name;
        for (size_t i = 1; i < info.grid.size(); i++)
            EXPECT_LT(info.grid[i - 1], info.grid[i]) << info.name << " " << i;
        for (const uint16_t entry : info.grid)
            for (int at = 0; at < 16; at += width)
                EXPECT_LT((entry >> at) & ((1 << width) - 1), width == 2 ? 3 : 8) << info.name;
    }
}

/// Files of all 27 quantised kinds, laid out by their own writer without gaps: with a wrong block
/// size a tensor would overlap its neighbour or leave more than padding.
TEST(dtype, block_sizes_fill_the_shared_files_of_all_quantised_types) {
    M2W_SHARED(folder, "quant");
    std::set<std::string_view> seen;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() != ".gguf") continue;
        const auto file = gguf::File::open(entry.path());
        ASSERT_TRUE(file) << file.error().str();
        std::vector<gguf::TensorInfo> tensors((*file)->tensors().begin(), (*file)->tensors().end());
        std::sort(tensors.begin(), tensors.end(),
                  [](auto& a, auto& b) { return a.offset_bytes < b.offset_bytes; });
        for (size_t i = 0; i < tensors.size(); i++) {
            seen.insert(dtype_info(tensors[i].dtype).name);
            const uint64_t next = i + 1 < tensors.size() ? tensors[i + 1].offset_bytes
                                                         : (*file)->source(tensors[i]).size_bytes();
            EXPECT_LT(next - tensors[i].offset_bytes - tensors[i].size_bytes, 32u)
                << entry.path() << " " << tensors[i].name;
        }
    }
    for (const char* name : {"Q1_0", "Q2_0", "MXFP4", "TQ2_0", "IQ1_M", "IQ4_XS", "Q2_K", "Q3_K"})
        EXPECT_TRUE(seen.contains(name)) << name;
}

struct Vectors {
    std::shared_ptr<const gguf::File> file;
    Vectors() {
        auto opened = gguf::File::open(std::filesystem::path(M2W_SOURCE_DIR) /
                                       "tests/gguf/vectors/decode.gguf");
        if (opened) file = *opened;
    }
    std::vector<std::byte> bytes(const std::string& name) const {
        const gguf::TensorInfo* tensor = file->find_tensor(name);
        if (!tensor) return {};
        std::vector<std::byte> out(tensor->size_bytes);
        EXPECT_TRUE(file->read(*tensor, 0, out)) << name;
        return out;
    }
};

std::string vector_name(const DTypeInfo& info) {
    std::string name(info.name);
    std::transform(name.begin(), name.end(), name.begin(), [](char c) { return char(tolower(c)); });
    return name;
}

TEST(decode, every_type_gives_the_bits_of_the_numpy_vectors) {
    const Vectors vectors;
    ASSERT_TRUE(vectors.file);
    int n_types = 0;
    for (const DTypeInfo& info : all_dtypes()) {
        if (!info.decode) continue;
        n_types++;
        const auto blocks = vectors.bytes(vector_name(info) + ".blocks");
        const auto expected_bytes = vectors.bytes(vector_name(info) + ".f32");
        ASSERT_FALSE(blocks.empty()) << info.name;
        const size_t n_blocks = blocks.size() / info.block_bytes;
        ASSERT_EQ(expected_bytes.size(), n_blocks * info.block_elems * sizeof(float));
        std::vector<float> expected(n_blocks * info.block_elems), got(expected.size() + 1, 77.0f);
        std::memcpy(expected.data(), expected_bytes.data(), expected_bytes.size());
        // At an odd address: a file promises no alignment inside a tensor.
        std::vector<std::byte> shifted(blocks.size() + 1);
        std::copy(blocks.begin(), blocks.end(), shifted.begin() + 1);
        info.decode(shifted.data() + 1, n_blocks, got.data());
        for (size_t i = 0; i < expected.size(); i++)
            ASSERT_EQ(std::bit_cast<uint32_t>(got[i]), std::bit_cast<uint32_t>(expected[i]))
                << info.name << " weight " << i << ": " << got[i] << ", expected " << expected[i];
        EXPECT_EQ(got.back(), 77.0f) << info.name << " wrote past its blocks";
    }
    EXPECT_EQ(n_types, 28);
}

TEST(decode, zero_blocks_write_nothing) {
    for (const DTypeInfo& info : all_dtypes()) {
        if (!info.decode) continue;
        float guard = 5.0f;
        info.decode(nullptr, 0, &guard);
        EXPECT_EQ(guard, 5.0f) << info.name;
    }
}

TEST(decode, whole_tensor_of_a_file_equals_its_blocks) {
    const Vectors vectors;
    ASSERT_TRUE(vectors.file);
    const gguf::TensorInfo* tensor = vectors.file->find_tensor("q4_k.blocks");
    ASSERT_TRUE(tensor);
    const auto decoded = vectors.file->decode(*tensor);
    ASSERT_TRUE(decoded) << decoded.error().str();
    const auto expected = vectors.file->decode(*vectors.file->find_tensor("q4_k.f32"));
    ASSERT_TRUE(expected);
    EXPECT_EQ(*decoded, *expected);
}

/// Where each plane's field lies in the file's block, written down a second time from the block
/// structs of ggml-common.h.
struct FieldOf {
    const char* plane;
    uint32_t offset, bytes;
};
const std::map<DType, std::vector<FieldOf>> kFields{
    {DType::f32, {{"w", 0, 4}}},
    {DType::f16, {{"w", 0, 2}}},
    {DType::bf16, {{"w", 0, 2}}},
    {DType::q8_0, {{"qs", 2, 32}, {"d", 0, 2}}},
    {DType::q4_0, {{"qs", 2, 16}, {"d", 0, 2}}},
    {DType::q4_1, {{"qs", 4, 16}, {"dm", 0, 4}}},
    {DType::q5_0, {{"qs", 6, 16}, {"qh", 2, 4}, {"d", 0, 2}}},
    {DType::q5_1, {{"qs", 8, 16}, {"qh", 4, 4}, {"dm", 0, 4}}},
    {DType::q4_k, {{"qs", 16, 128}, {"hd", 0, 16}}},
    {DType::q5_k, {{"qs", 48, 128}, {"qh", 16, 32}, {"hd", 0, 16}}},
    {DType::q6_k, {{"ql", 0, 128}, {"qh", 128, 64}, {"sc", 192, 16}, {"d", 208, 2}}},
    {DType::q2_k, {{"qs", 16, 64}, {"sc", 0, 16}, {"dm", 80, 4}}},
    {DType::q3_k, {{"qs", 32, 64}, {"qh", 0, 32}, {"sc", 96, 12}, {"d", 108, 2}}},
    {DType::iq4_nl, {{"qs", 2, 16}, {"d", 0, 2}}},
    {DType::iq4_xs, {{"qs", 8, 128}, {"hd", 0, 8}}},
    {DType::iq3_s, {{"qs_qh", 2, 72}, {"signs_sc", 74, 36}, {"d", 0, 2}}},
    {DType::iq3_xxs, {{"qs", 2, 64}, {"signs_sc", 66, 32}, {"d", 0, 2}}},
    {DType::iq2_s, {{"qs_signs", 2, 64}, {"qh_sc", 66, 16}, {"d", 0, 2}}},
    {DType::iq2_xs, {{"qs", 2, 64}, {"sc", 66, 8}, {"d", 0, 2}}},
    {DType::iq2_xxs, {{"qs", 2, 64}, {"d", 0, 2}}},
    {DType::iq1_s, {{"qs", 2, 32}, {"qh", 34, 16}, {"d", 0, 2}}},
    {DType::iq1_m, {{"qs", 0, 32}, {"qh", 32, 16}, {"sc", 48, 8}}},
    {DType::mxfp4, {{"qs", 1, 16}, {"e", 0, 1}}},
    {DType::nvfp4, {{"qs", 4, 32}, {"d", 0, 4}}},
    {DType::tq1_0, {{"qs", 0, 48}, {"qh", 48, 4}, {"d", 52, 2}}},
    {DType::tq2_0, {{"qs", 0, 64}, {"d", 64, 2}}},
    {DType::q1_0, {{"qs", 2, 16}, {"d", 0, 2}}},
    {DType::q2_0, {{"qs", 2, 16}, {"d", 0, 2}}},
};

std::vector<std::byte> repacked(const DTypeInfo& info, const std::vector<std::byte>& blocks) {
    const size_t n_blocks = blocks.size() / info.block_bytes;
    const PlaneLayout layout = plane_layout(info.dtype, n_blocks);
    std::vector<std::byte> buffer(layout.size_bytes, std::byte{0xee});
    std::byte* planes[4] = {};
    for (uint32_t p = 0; p < info.n_planes(); p++)
        planes[p] = buffer.data() + layout.offset_bytes[p];
    repack(info, blocks.data(), n_blocks, planes);
    return buffer;
}

std::vector<std::byte> unpacked(const DTypeInfo& info, const std::vector<std::byte>& buffer,
                                size_t n_blocks) {
    const PlaneLayout layout = plane_layout(info.dtype, n_blocks);
    const auto& fields = kFields.at(info.dtype);
    std::vector<std::byte> blocks(n_blocks * info.block_bytes);
    for (uint32_t p = 0; p < info.n_planes(); p++)
        for (size_t i = 0; i < n_blocks; i++)
            std::memcpy(&blocks[i * info.block_bytes + fields[p].offset],
                        &buffer[layout.offset_bytes[p] + i * fields[p].bytes], fields[p].bytes);
    return blocks;
}

TEST(repack, table_names_the_planes_of_every_decoded_type) {
    for (const DTypeInfo& info : all_dtypes()) {
        if (!info.decode) continue;
        const auto& fields = kFields.at(info.dtype);
        ASSERT_EQ(info.n_planes(), fields.size()) << info.name;
        for (size_t p = 0; p < fields.size(); p++) {
            EXPECT_EQ(info.planes[p].name, fields[p].plane) << info.name;
            EXPECT_EQ(info.planes[p].bytes_per_block, fields[p].bytes) << info.name;
            EXPECT_EQ(info.planes[p].block_offset, fields[p].offset) << info.name;
        }
    }
}

TEST(repack, planes_start_on_16_bytes_and_do_not_overlap) {
    for (const DTypeInfo& info : all_dtypes()) {
        if (!info.decode) continue;
        for (const uint64_t n_blocks : {0, 1, 3, 7, 8, 1000, 1 << 30}) {
            const PlaneLayout layout = plane_layout(info.dtype, n_blocks);
            uint64_t end = 0;
            ASSERT_EQ(layout.count, info.n_planes() + (info.grid.empty() ? 0 : 1));
            for (uint32_t p = 0; p < layout.count; p++) {
                EXPECT_EQ(layout.offset_bytes[p] % 16, 0u);
                EXPECT_GE(layout.offset_bytes[p], end);
                EXPECT_LT(layout.offset_bytes[p], end + 16);
                end = layout.offset_bytes[p] + (p < info.n_planes()
                                                    ? n_blocks * info.planes[p].bytes_per_block
                                                    : info.grid.size_bytes());
            }
            EXPECT_EQ(layout.size_bytes, (end + 15) / 16 * 16) << info.name << " " << n_blocks;
        }
    }
}

TEST(repack, planes_hold_every_byte_of_a_block_exactly_once) {
    for (const DTypeInfo& info : all_dtypes()) {
        if (!info.decode) continue;
        std::vector<std::byte> block(info.block_bytes);
        for (uint32_t i = 0; i < info.block_bytes; i++) block[i] = std::byte(i);
        const auto buffer = repacked(info, block);
        const PlaneLayout layout = plane_layout(info.dtype, 1);
        std::vector<int> seen(256, 0);
        for (uint32_t p = 0; p < info.n_planes(); p++)
            for (uint32_t i = 0; i < info.planes[p].bytes_per_block; i++)
                seen.at(size_t(buffer[layout.offset_bytes[p] + i]))++;
        for (int i = 0; i < 256; i++)
            EXPECT_EQ(seen[size_t(i)], i < int(info.block_bytes)) << info.name << " byte " << i;
    }
}

TEST(repack, decode_from_planes_equals_decode_from_blocks) {
    for (const DTypeInfo& info : all_dtypes()) {
        if (!info.decode) continue;
        constexpr size_t kBlocks = 13;
        const auto blocks = random_bytes(kBlocks * info.block_bytes, 5);
        const auto back = unpacked(info, repacked(info, blocks), kBlocks);
        EXPECT_EQ(back, blocks) << info.name;
        std::vector<float> a(kBlocks * info.block_elems), b(a.size());
        info.decode(blocks.data(), kBlocks, a.data());
        info.decode(back.data(), kBlocks, b.data());
        EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0) << info.name;
    }
}

TEST(repack, unrepack_gives_the_blocks_back) {
    for (const DTypeInfo& info : all_dtypes()) {
        if (!info.decode) continue;
        for (const size_t n_blocks : {0, 1, 2, 31, 500}) {
            const auto blocks = random_bytes(n_blocks * info.block_bytes, uint32_t(n_blocks) + 7);
            const auto buffer = repacked(info, blocks);
            const PlaneLayout layout = plane_layout(info.dtype, n_blocks);
            const std::byte* planes[4] = {};
            for (uint32_t p = 0; p < info.n_planes(); p++)
                planes[p] = buffer.data() + layout.offset_bytes[p];
            std::vector<std::byte> back(blocks.size() + 1, std::byte{0x5a});
            unrepack(info, planes, n_blocks, back.data());
            EXPECT_EQ(back.back(), std::byte{0x5a}) << info.name << " wrote past its blocks";
            back.pop_back();
            EXPECT_EQ(back, blocks) << info.name << " " << n_blocks;
        }
    }
}

TEST(repack, pieces_of_blocks_give_the_planes_of_the_whole) {
    for (const DTypeInfo& info : all_dtypes()) {
        if (!info.decode) continue;
        constexpr size_t kBlocks = 9;
        const auto blocks = random_bytes(kBlocks * info.block_bytes, 6);
        const PlaneLayout layout = plane_layout(info.dtype, kBlocks);
        std::vector<std::byte> buffer(layout.size_bytes, std::byte{0xee});
        for (const auto& [first, n] : {std::pair<size_t, size_t>{0, 4}, {4, 0}, {4, 5}}) {
            std::byte* planes[4] = {};
            for (uint32_t p = 0; p < info.n_planes(); p++)
                planes[p] =
                    buffer.data() + layout.offset_bytes[p] + first * info.planes[p].bytes_per_block;
            repack(info, blocks.data() + first * info.block_bytes, n, planes);
        }
        EXPECT_EQ(buffer, repacked(info, blocks)) << info.name;
    }
}

}  // namespace
}  // namespace m2w
