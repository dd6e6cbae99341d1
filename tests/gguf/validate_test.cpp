// validate_test.cpp — NaN and infinity in weights are found, and named.
#include "gguf/validate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "gguf/write.h"

namespace m2w::gguf {
namespace {

TEST(check_finite, finds_nan_and_infinity_in_every_float_of_every_decoded_type) {
    for (const DTypeInfo& info : all_dtypes()) {
        if (!info.decode) continue;
        constexpr size_t kBlocks = 5000, kBad = 4321;
        std::vector<std::byte> blocks(kBlocks * info.block_bytes);
        EXPECT_EQ(find_non_finite_block(info.dtype, blocks.data(), kBlocks), kBlocks) << info.name;
        // Which fields are floats is read off the decoder: put an infinity at each place.
        std::vector<float> out(info.block_elems);
        int n_float_fields = 0;
        for (uint32_t at = 0; at + 2 <= info.block_bytes; at += 2) {
            const bool wide = info.dtype == DType::f32;
            const uint16_t word = wide || info.dtype == DType::bf16 ? 0x7f80 : 0x7c00;
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
        EXPECT_GE(n_float_fields, 1) << info.name;
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
