// turns_test.cpp — constants of RoPE as the formula that gives them.
#include "web-export/turns.h"

#include <gtest/gtest.h>

#include <vector>

#include "runtime/model/rope_turns.h"

namespace m2w::web {
namespace {

std::optional<std::string> printed(const RopeHparams& rope, std::span<const float> factors = {}) {
    return turns_arguments(rope_turns(rope, factors));
}

TEST(Turns, AreAFormulaWhereAllPairsFollowIt) {
    RopeHparams rope;
    rope.dimension_count = 64;
    rope.freq_base = 10000;
    EXPECT_EQ(printed(rope), "32, 10000");
    rope.dimension_count = 256;
    rope.freq_base = 1e6f;
    rope.scaling_factor = 8;
    EXPECT_EQ(printed(rope), "128, 1000000, 8");
    rope.freq_base = 12345.678f;
    EXPECT_EQ(printed(rope), "128, 12345.678, 8");
}

TEST(Turns, AreWordsWhereOnePairIsAnother) {
    RopeHparams rope;
    rope.dimension_count = 16;
    rope.freq_base = 10000;
    const std::vector<float> factors{1, 1, 1, 1.001f, 1, 1, 1, 1};
    EXPECT_EQ(printed(rope, factors), std::nullopt);
    std::vector<uint32_t> words = rope_turns(rope, {});
    words[6] ^= 1u << 20;
    EXPECT_EQ(turns_arguments(words), std::nullopt);
    EXPECT_EQ(turns_arguments(std::vector<uint32_t>{1, 2, 3}), std::nullopt);
    EXPECT_EQ(turns_arguments(std::vector<uint32_t>(8, 0)), std::nullopt);
}

}  // namespace
}  // namespace m2w::web
