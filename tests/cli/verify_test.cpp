// verify_test.cpp — m2w verify: what it prints, and its exit status.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/cli/process.h"
#include "tests/support/temporary.h"

namespace m2w::test {
namespace {

RunResult verify(std::vector<std::string> args) {
    args.insert(args.begin(), {m2w_program(), "verify", bundled_model().string()});
    const char* device = std::getenv("M2W_TEST_DEVICE");
    if (device) args.insert(args.end(), {"--device", device});
    return run(args, {.timeout_s = 300});
}

/// Ends the test where there is no Vulkan driver: loudly, and as a failure in CI.
#define M2W_NEEDS_DEVICE(result)                                               \
    if ((result).err.starts_with("error[no_device] ")) {                       \
        if (std::getenv("CI")) FAIL() << (result).err;                         \
        GTEST_SKIP() << "no Vulkan driver, nothing checked: " << (result).err; \
    }

TEST(verify, a_sound_device_is_good) {
    const RunResult text = verify({"--ids", "5,17,3,42", "--greedy", "1"});
    M2W_NEEDS_DEVICE(text);
    EXPECT_EQ(text.status, 0) << text.err << text.out;
    EXPECT_TRUE(contains(text.out, "\n  input   ")) << text.out;
    EXPECT_TRUE(contains(text.out, "\n  7       ")) << text.out;
    EXPECT_TRUE(contains(text.out, "\n  tokens  2 of 2 equal\n  good\n")) << text.out;
}

TEST(verify, what_is_not_within_the_tolerance_is_named_down_to_its_steps) {
    // Nothing computed in f32 is this near.
    const RunResult r = verify(
        {"--prompt", "Hello", "--greedy", "1", "--tolerance", "1e-12", "--cache", "f16", "--json"});
    M2W_NEEDS_DEVICE(r);
    EXPECT_EQ(r.status, 6) << r.err;
    EXPECT_EQ(r.err, "");
    const auto json = nlohmann::json::parse(r.out, nullptr, false);
    ASSERT_FALSE(json.is_discarded()) << r.out;
    EXPECT_EQ(json["tolerance"], 1e-12);
    ASSERT_EQ(json["devices"].size(), 1u);
    const auto& device = json["devices"][0];
    EXPECT_EQ(device["ok"], false);
    EXPECT_EQ(device["layers"].size(), 9u);
    EXPECT_TRUE(device["first_wrong"].is_string());
    EXPECT_GE(device["steps"].size(), 1u);
    for (const auto& step : device["steps"]) EXPECT_TRUE(step["op"].is_string());
}

RunResult verify_kernels(std::vector<std::string> args) {
    args.insert(args.begin(), {m2w_program(), "verify", "--kernels"});
    if (const char* device = std::getenv("M2W_TEST_DEVICE"))
        args.insert(args.end(), {"--device", device});
    return run(args, {.timeout_s = 300});
}

TEST(verify, kernels_of_a_sound_device_are_good_without_a_model) {
    const std::vector<std::string> some{"--op", "add", "--op", "embed", "--type", "Q4_K"};
    const RunResult text = verify_kernels(some);
    M2W_NEEDS_DEVICE(text);
    EXPECT_EQ(text.status, 0) << text.err << text.out;
    EXPECT_TRUE(contains(text.out, "embed         embed_q4_k ")) << text.out;
    EXPECT_TRUE(contains(text.out, "add           add ")) << text.out;
    EXPECT_TRUE(contains(text.out, "\ngood: all 2 kernels on ")) << text.out;
    const size_t last = text.out.rfind('\n', text.out.size() - 2);
    EXPECT_TRUE(contains(text.out.substr(last), ", driver ")) << text.out;

    auto with_json = some;
    with_json.push_back("--json");
    const auto json = nlohmann::json::parse(verify_kernels(with_json).out, nullptr, false);
    ASSERT_FALSE(json.is_discarded());
    const auto& device = json["devices"][0];
    EXPECT_EQ(device["ok"], true);
    EXPECT_NE(device["driver"], "");
    ASSERT_EQ(device["kernels"].size(), 2u);
    EXPECT_EQ(device["kernels"][0]["kernel"], "embed_q4_k");
    EXPECT_EQ(device["kernels"][0]["results"], 5);
    EXPECT_LE(device["kernels"][0]["relative_error"], device["kernels"][0]["tolerance"]);
}

TEST(verify, arguments_are_checked) {
    EXPECT_EQ(verify({"--kernels"}).status, 1) << "a model as well";
    EXPECT_EQ(verify({"--op", "add"}).status, 1) << "without --kernels";
    EXPECT_EQ(verify_kernels({"--op", "frob"}).status, 1);
    EXPECT_EQ(verify_kernels({"--type", "Q8_1"}).status, 1);
    EXPECT_EQ(verify_kernels({"--greedy", "3"}).status, 1);
    EXPECT_EQ(verify({"--ids", "1,x"}).status, 1);
    EXPECT_EQ(verify({"--ids", "1", "--prompt", "x"}).status, 1);
    EXPECT_EQ(run({m2w_program(), "verify"}).status, 1);
    EXPECT_EQ(run({m2w_program(), "verify", "/nonexistent.gguf"}).status, 3);
}

}  // namespace
}  // namespace m2w::test
