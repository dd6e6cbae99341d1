// nbits_test.cpp — sizes of n-bit codes, rows worked out by hand, and ONNX Runtime's golden cases.
#include "gguf/nbits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "tests/support/nbits_cases.h"

namespace m2w {
namespace {

using Zero = NBits::Zero;

TEST(nbits, rows_end_inside_a_block_and_zero_points_on_a_byte) {
    const NBits format{.bits = 2, .block = 64, .zero = Zero::codes};
    EXPECT_EQ(format.blocks(200), 4u);
    EXPECT_EQ(format.code_bytes(200), 64u);
    EXPECT_EQ(format.scale_bytes(200), 16u);
    EXPECT_EQ(format.zero_bytes(200), 1u);
    EXPECT_EQ(format.zero_bytes(5 * 64), 2u);
    EXPECT_EQ((NBits{.bits = 4, .zero = Zero::floats, .halves = true}).zero_bytes(80), 6u);
    EXPECT_EQ(NBits{}.zero_bytes(80), 0u);
}

TEST(nbits, planes_start_on_16_bytes_and_absent_ones_are_empty) {
    const NBits format{.bits = 4, .block = 32, .zero = Zero::floats};
    const PlaneLayout layout = nbits_layout(format, 3, 33);
    ASSERT_EQ(layout.count, 4u);
    const std::array<uint64_t, 4> expected{0, 96, 128, 128};  // 3 x 32, 3 x 8, none, 3 x 8
    EXPECT_EQ(layout.offset_bytes, expected);
    EXPECT_EQ(layout.size_bytes, 160u);
}

TEST(nbits, refuses_other_formats_and_sizes) {
    const auto verdict = [](NBits format, uint64_t codes, uint64_t scales, uint64_t zeros) {
        const auto result = check_nbits(format, 2, 64, codes, scales, zeros);
        return result ? "ok" : result.error().str();
    };
    EXPECT_EQ(verdict({}, 64, 16, 0), "ok");
    EXPECT_EQ(
        verdict({.bits = 3}, 48, 16, 0),
        "error[unsupported] codes of 3 bits in blocks of 32; 2, 4 and 8 bits in blocks of 16, "
        "32, 64, 128 and 256 are supported");
    for (const uint32_t block : {0u, 8u, 48u, 512u})
        EXPECT_NE(verdict({.block = block}, 64, 16, 0), "ok") << block;
    EXPECT_EQ(verdict({}, 63, 16, 0),
              "error[shape_mismatch] codes of n-bit codes take 63 bytes, expected 64");
    EXPECT_EQ(verdict({}, 64, 8, 0),
              "error[shape_mismatch] scales of n-bit codes take 8 bytes, expected 16");
    EXPECT_EQ(verdict({.zero = Zero::codes}, 64, 16, 0),
              "error[shape_mismatch] zero points of n-bit codes take 0 bytes, expected 2");
}

/// Two rows of 20 weights in blocks of 16; the second row is looked at.
TEST(nbits, decodes_codes_from_the_lowest_bit_on) {
    const NBits format{.bits = 4, .block = 16, .zero = Zero::codes};
    const PlaneLayout layout = nbits_layout(format, 2, 20);
    std::vector<std::byte> planes(layout.size_bytes);
    const float scales[] = {9, 9, 0.5f, 2};
    std::memcpy(&planes[layout.offset_bytes[1]], scales, sizeof(scales));
    planes[16] = std::byte{0xa3};                          // weights 0 and 1 of row 1
    planes[16 + 9] = std::byte{0x0f};                      // weights 18 and 19
    planes[layout.offset_bytes[2] + 1] = std::byte{0x71};  // 1 in block 0, 7 in block 1
    std::vector<float> row(21, 77);
    decode_nbits_row(format, planes.data(), layout, 20, 1, row.data());
    EXPECT_EQ(row[0], (3 - 1) * 0.5f);
    EXPECT_EQ(row[1], (10 - 1) * 0.5f);
    EXPECT_EQ(row[2], (0 - 1) * 0.5f);
    EXPECT_EQ(row[18], (15 - 7) * 2.0f);
    EXPECT_EQ(row[19], (0 - 7) * 2.0f);
    EXPECT_EQ(row[20], 77);
}

/// Three rows of three 2-bit codes, packed over the whole, by row, and as two's complement.
TEST(code_packing, rows_begin_on_bytes_of_their_own) {
    const std::byte whole[] = {std::byte{0b11100100}, std::byte{0b00011011}, std::byte{0b10}};
    const std::vector<std::byte> rows{std::byte{0b100100}, std::byte{0},        std::byte{0b101111},
                                      std::byte{0},        std::byte{0b100001}, std::byte{0}};
    EXPECT_EQ(unsigned_rows({.bits = 2}, whole, 3, 3, 2), rows);
    const std::byte by_row[] = {rows[0], rows[2] | std::byte{0b01000000}, rows[4]};
    EXPECT_EQ(unsigned_rows({.bits = 2, .by_row = true}, by_row, 3, 3, 2), rows);
    const std::byte negative[] = {std::byte{0xf8}};  // -8, -1
    EXPECT_EQ(unsigned_rows({.is_signed = true}, negative, 1, 2, 1)[0], std::byte{0x70});
}

/// Codes, scales and zero points of a case as planes.
struct Matrix {
    NBits format;
    uint64_t cols;
    PlaneLayout layout;
    test::Bytes planes;

    std::vector<float> row(uint64_t index) const {
        std::vector<float> out(cols);
        decode_nbits_row(format, planes.data(), layout, cols, index, out.data());
        return out;
    }
};

Matrix matrix_of(const NBits& format, uint64_t rows, uint64_t cols, const test::Bytes& codes,
                 const test::Bytes& scales, const test::Bytes& zeros) {
    const auto checked = check_nbits(format, rows, cols, codes.size(), scales.size(), zeros.size());
    EXPECT_TRUE(checked) << checked.error().str();
    Matrix out{format, cols, nbits_layout(format, rows, cols), {}};
    out.planes.resize(out.layout.size_bytes);
    const uint32_t zero_plane = format.zero == Zero::codes ? kZeroCodesPlane : kZeroFloatsPlane;
    for (const auto& [plane, bytes] :
         {std::pair(0u, &codes), std::pair(1u, &scales), std::pair(zero_plane, &zeros)})
        std::copy(bytes->begin(), bytes->end(),
                  out.planes.begin() + ptrdiff_t(out.layout.offset_bytes[plane]));
    return out;
}

TEST(nbits, every_matmul_of_onnx_runtime_agrees) {
    M2W_SHARED(folder, "nbits");
    const auto cases = test::read_nbits_cases(folder, "MatMulNBits");
    EXPECT_EQ(cases.size(), 29u);
    for (const auto& golden : cases) {
        const test::Blob *zeros = golden.find("zero_points"), *bias = golden.find("bias");
        const uint32_t k = golden.attr("K"), n = golden.attr("N");
        const Matrix w =
            matrix_of(test::format_of(golden), n, k, golden.tensors.at("B").bytes,
                      golden.tensors.at("scales").bytes, zeros ? zeros->bytes : test::Bytes());
        const auto x = golden.tensors.at("A").floats();
        std::vector<float> y(x.size() / k * n);
        for (uint32_t i = 0; i < n; i++) {
            const auto row = w.row(i);
            for (size_t r = 0; r < x.size() / k; r++) {
                double sum = bias ? double(bias->floats()[i]) : 0;
                for (uint32_t j = 0; j < k; j++) sum += double(row[j]) * double(x[r * k + j]);
                y[r * n + i] = float(sum);
            }
        }
        EXPECT_LE(test::relative_error(y, golden.tensors.at("Y_f64").floats()), 2e-7)
            << golden.name;
    }
}

TEST(nbits, every_gather_of_onnx_runtime_agrees) {
    M2W_SHARED(folder, "nbits");
    const auto cases = test::read_nbits_cases(folder, "GatherBlockQuantized");
    EXPECT_EQ(cases.size(), 11u);
    for (const auto& golden : cases) {
        const test::Blob& expected = golden.tensors.at("Y");
        const test::GatherTable table = test::gather_table(golden);
        const Matrix w =
            matrix_of(table.format, table.rows, table.cols, table.codes, table.scales, table.zeros);
        std::vector<float> y;
        for (const uint32_t row : test::gathered_rows(golden))
            for (const float value : w.row(row))
                y.push_back(expected.dtype == "float16" ? f16_to_f32(f32_to_f16(value)) : value);
        EXPECT_LE(test::relative_error(y, expected.floats()), 2e-7) << golden.name;
    }
}

}  // namespace
}  // namespace m2w
