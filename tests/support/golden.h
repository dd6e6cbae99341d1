// golden.h — golden data beside its comparisons: relative errors, JSON without exceptions, text
// files that M2W_UPDATE_GOLDENS=1 rewrites.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "tests/support/npy.h"
#include "tests/support/shared.h"

namespace m2w::test {

/// ||x - golden|| / ||golden||; infinite for unequal sizes, NaN when x has one: neither passes a
/// bound.
inline double relative_error(std::span<const float> x, std::span<const float> golden) {
    if (x.size() != golden.size() || x.empty()) return std::numeric_limits<double>::infinity();
    double difference = 0, norm = 0;
    for (size_t i = 0; i < x.size(); ++i) {
        const double d = double(x[i]) - double(golden[i]);
        difference += d * d;
        norm += double(golden[i]) * double(golden[i]);
    }
    return std::sqrt(difference / norm);
}

/// The first of the largest.
inline uint32_t argmax(std::span<const float> x) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < x.size(); ++i)
        if (x[i] > x[best]) best = i;
    return best;
}

/// How far the largest is above the runner-up.
inline float margin(std::span<const float> x) {
    const uint32_t best = argmax(x);
    float second = -std::numeric_limits<float>::infinity();
    for (uint32_t i = 0; i < x.size(); ++i)
        if (i != best) second = std::max(second, x[i]);
    return x[best] - second;
}

/// Parses a JSON file; a failure of the test and null when it is none.
inline nlohmann::json read_json(const std::filesystem::path& path) {
    nlohmann::json json = nlohmann::json::parse(read_text(path), nullptr, false);
    EXPECT_FALSE(json.is_discarded()) << path << " is not JSON";
    return json.is_discarded() ? nlohmann::json() : json;
}

inline bool update_goldens() {
    const char* env = std::getenv("M2W_UPDATE_GOLDENS");
    return env && std::string(env) == "1";
}

/// Compares text with a file of the repository, or writes the file when goldens are updated.
inline void expect_golden(const std::string& text, const std::filesystem::path& path) {
    if (update_goldens()) {
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << text;
        return;
    }
    ASSERT_TRUE(std::filesystem::exists(path))
        << path << " is missing; M2W_UPDATE_GOLDENS=1 writes it";
    EXPECT_EQ(text, read_text(path)) << path << ": M2W_UPDATE_GOLDENS=1 rewrites it";
}

/// What the shared data says about one model of arch/ (see its README).
struct ArchGolden {
    std::vector<uint32_t> prompt_ids, greedy_ids;
    std::vector<float> greedy_margins;
    Npy hidden;  // [layers + 1][tokens][width]
    Npy logits;  // [tokens][vocabulary]
};

inline Result<ArchGolden> read_arch_golden(const std::filesystem::path& folder) {
    ArchGolden golden;
    const nlohmann::json json = read_json(folder / "golden.json");
    golden.prompt_ids = json.value("prompt_ids", std::vector<uint32_t>());
    golden.greedy_ids = json.value("greedy_ids", std::vector<uint32_t>());
    golden.greedy_margins = json.value("greedy_margins", std::vector<float>());
    TRY(golden.hidden, read_npy(folder / "hidden.npy"));
    TRY(golden.logits, read_npy(folder / "logits.npy"));
    if (golden.prompt_ids.empty() || golden.greedy_ids.size() != golden.greedy_margins.size() ||
        golden.hidden.shape.size() != 3 || golden.logits.shape.size() != 2)
        return Error{Category::unsupported, folder.string() + ": not golden data of a model"};
    return golden;
}

}  // namespace m2w::test
