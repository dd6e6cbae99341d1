// fuzz_replay_test.cpp — the fuzz targets' checks on all seeds, the whole corpus and fixed random
// inputs, in every test run. A violation aborts the program.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "gguf/dtype.h"
#include "gguf/fuzz/check_dequant.h"
#include "gguf/fuzz/check_gguf.h"
#include "tests/support/shared.h"

namespace m2w {
namespace {

void replay(const std::filesystem::path& path) {
    SCOPED_TRACE(path);
    const std::string bytes = test::read_text(path);
    gguf::fuzz::check_gguf(std::as_bytes(std::span(bytes)));
}

size_t replay_folder(const std::filesystem::path& folder) {
    size_t n = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        replay(entry.path());
        n++;
    }
    return n;
}

TEST(fuzz_gguf, seeds_keep_the_invariants) {
    M2W_SHARED(seeds, "robust/seeds/gguf");
    EXPECT_GE(replay_folder(seeds), 42u);
}

TEST(fuzz_gguf, corpus_keeps_the_invariants) {
    M2W_SHARED(script, "robust/make_bad_gguf.py");
    EXPECT_GE(replay_folder(std::filesystem::path(M2W_CORPUS_DIR) / "cases"), 365u);
}

TEST(fuzz_gguf, every_cut_of_a_model_keeps_the_invariants) {
    M2W_SHARED(path, "robust/seeds/gguf/tiny_model.gguf");
    const std::string bytes = test::read_text(path);
    for (size_t n = 0; n < bytes.size(); n += 1 + n / 500)
        gguf::fuzz::check_gguf(std::as_bytes(std::span(bytes).first(n)));
}

TEST(fuzz_gguf, every_header_byte_of_a_model_may_be_anything) {
    M2W_SHARED(path, "robust/seeds/gguf/tensor_08.gguf");
    const std::string original = test::read_text(path);
    for (size_t at = 0; at < std::min<size_t>(original.size(), 200); at++)
        for (const int value : {0, 1, 2, 0x20, 0x7f, 0x80, 0xff}) {
            std::string bytes = original;
            bytes[at] = char(value);
            gguf::fuzz::check_gguf(std::as_bytes(std::span(bytes)));
        }
}

TEST(fuzz_dequant, random_blocks_of_every_type_keep_the_invariants) {
    std::mt19937 random(11);
    for (size_t type = 0; type < all_dtypes().size(); type++)
        for (int round = 0; round < 40; round++) {
            const uint32_t block_bytes = all_dtypes()[type].block_bytes;
            std::vector<std::byte> bytes(1 + block_bytes * (round % 5) + random() % block_bytes);
            for (std::byte& b : bytes) b = std::byte(random());
            bytes[0] = std::byte(type);
            fuzz::check_dequant(bytes);
        }
    fuzz::check_dequant({});
}

TEST(fuzz_dequant, special_scales_keep_the_invariants) {
    constexpr uint16_t kWords[] = {0x0000, 0x8000, 0x0001, 0x03ff, 0x7bff,
                                   0xfbff, 0x7c00, 0xfc00, 0x7c01, 0xffff};
    for (size_t type = 0; type < all_dtypes().size(); type++)
        for (const uint16_t word : kWords)
            for (const int fill : {0x00, 0x0f, 0x80, 0xff}) {
                const uint32_t block_bytes = all_dtypes()[type].block_bytes;
                std::vector<std::byte> bytes(1 + block_bytes * 2, std::byte(fill));
                bytes[0] = std::byte(type);
                for (uint32_t at = 0; at + 2 <= block_bytes; at += block_bytes > 4 ? 208 : 2) {
                    std::memcpy(&bytes[1 + block_bytes + at], &word, 2);
                    fuzz::check_dequant(bytes);
                }
            }
}

}  // namespace
}  // namespace m2w
