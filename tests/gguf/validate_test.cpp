// validate_test.cpp — NaN and infinity in weights are found, and named.
#include "gguf/validate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "gguf/repack.h"
#include "gguf/write.h"

namespace m2w::gguf {
namespace {

TEST(check_finite, finds_nan_and_infinity_in_every_float_of_every_decoded_type) {
    for (const DTypeInfo& info : all_dtypes()) {
        if (!info.decode) continue;
        constexpr size_t kBlocks = 5000, kBad = 4321;
        std::vector<std::byte> blocks(kBlocks * info.block_bytes);
        EXPECT_EQ(find_non_finite_block(info.dtype, blocks.data(), kBlocks), kBlocks) << info.name;
        // Which fields are floats is read off the decoder: put an infinity at each place, or where
        // scales are bytes what is NaN there.
        const uint16_t word = info.dtype == DType::f32 || info.dtype == DType::bf16 ? 0x7f80
                              : info.dtype == DType::mxfp4                          ? 0x01ff
                              : info.dtype == DType::nvfp4                          ? 0x017f
                                                                                    : 0x7c00;
        std::vector<float> out(info.block_elems);
        int n_float_fields = 0;
        for (uint32_t at = 0; at + 2 <= info.block_bytes; at += 2) {
            std::byte* block = blocks.data() + kBad * info.block_bytes;
            std::memcpy(block + at, &word, 2);
            info.decode(block, 1, out.data());
            bool finite = true;
            for (const float x : out) finite = finite && std::isfinite(x);
            n_float_fields += !finite;
            EXPECT_EQ(find_non_finite_block(info.dtype, blocks.data(), kBlocks),
                      finite ? kBlocks : kBad)
                << info.name << " byte " << at;
            std::memset(block, 0, info.block_bytes);
        }
        const bool scattered = info.dtype == DType::iq1_m;  // see below
        EXPECT_GE(n_float_fields, scattered ? 0 : 1) << info.name;
    }
}

/// Random bytes have both, often enough to differ in where the first one is.
TEST(check_finite, planes_give_the_same_as_their_blocks) {
    std::mt19937 random(3);
    for (const DTypeInfo& info : all_dtypes()) {
        if (!info.decode) continue;
        for (size_t round = 0; round < 50; round++) {
            const size_t n = 1 + random() % 40;
            std::vector<std::byte> blocks(n * info.block_bytes), buffer(blocks.size());
            for (std::byte& b : blocks) b = std::byte(random() % (round % 2 ? 256 : 120));
            std::byte* planes[4] = {};
            for (uint32_t p = 0, at = 0; p < info.n_planes(); p++) {
                planes[p] = buffer.data() + at;
                at += uint32_t(n * info.planes[p].bytes_per_block);
            }
            repack(info, blocks.data(), n, planes);
            EXPECT_EQ(find_non_finite_in_planes(info.dtype, planes, n),
                      find_non_finite_block(info.dtype, blocks.data(), n))
                << info.name << " " << round;
        }
    }
}

/// The half of an IQ1_M block is in the top nibbles of its last four words.
TEST(check_finite, finds_infinity_in_the_scattered_half_of_iq1_m) {
    const DTypeInfo& info = dtype_info(DType::iq1_m);
    std::vector<std::byte> blocks(3 * info.block_bytes);
    std::vector<float> out(info.block_elems);
    int n_bad = 0;
    for (uint32_t half = 0; half < 0x10000; half += 0x33) {
        for (uint32_t quarter = 0; quarter < 4; quarter++)
            blocks[2 * info.block_bytes + 49 + 2 * quarter] =
                std::byte(((half >> (4 * quarter)) & 15) << 4);
        info.decode(blocks.data() + 2 * info.block_bytes, 1, out.data());
        const bool finite = std::isfinite(out[0]);
        n_bad += !finite;
        EXPECT_EQ(find_non_finite_block(DType::iq1_m, blocks.data(), 3), finite ? 3u : 2u) << half;
    }
    EXPECT_GT(n_bad, 10);
}

/// 2^126 times 6 is no float any more.
TEST(check_finite, finds_exponents_that_overflow_in_mxfp4) {
    for (int e = 0; e < 256; e++) {
        std::vector<std::byte> block(17, std::byte{0x77});
        block[0] = std::byte(e);
        std::vector<float> out(32);
        dtype_info(DType::mxfp4).decode(block.data(), 1, out.data());
        EXPECT_EQ(find_non_finite_block(DType::mxfp4, block.data(), 1) == 1, std::isfinite(out[0]))
            << e;
    }
}

TEST(check_finite, names_tensor_block_and_file) {
    std::vector<float> values(70, 1.0f);
    values[69] = std::numeric_limits<float>::quiet_NaN();
    const TensorSpec specs[] = {{"norm", DType::f32, {70}}};
    const std::span<const std::byte> data[] = {std::as_bytes(std::span(values))};
    const auto bytes = write_file({}, specs, data);
    ASSERT_TRUE(bytes);
    const auto file = File::parse(make_memory_source("n.gguf", *bytes));
    ASSERT_TRUE(file);
    const auto result = check_finite(**file, (*file)->tensors()[0]);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().str(),
              "error[nan_scale] norm: NaN or infinity in F32 block 69, weights 69 and on (n.gguf)");
}

}  // namespace
}  // namespace m2w::gguf
