// limits_test.cpp — every limit of docs/limits.md at its value and one above it.
#include "gguf/limits.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/gguf/raw_gguf.h"
#include "tests/support/shared.h"

namespace m2w::gguf {
namespace {

using test::category_of;
using test::Raw;

std::string with_commas(uint64_t n) {
    if (n < 1000) return std::to_string(n);
    return fmt::format("{},{:03}", with_commas(n / 1000), n % 1000);
}

TEST(limits, limits_md_lists_the_constants) {
    const std::string page =
        test::read_text(std::filesystem::path(M2W_SOURCE_DIR) / "docs/limits.md");
    const std::pair<const char*, uint64_t> rows[] = {
        {"metadata entries", kMaxKeyValues},
        {"tensors, all parts together", kMaxTensors},
        {"key, bytes", kMaxKeyBytes},
        {"tensor name, bytes", kMaxTensorNameBytes},
        {"string, bytes", kMaxStringBytes},
        {"array, elements", kMaxArrayElems},
        {"array nesting, levels", kMaxArrayDepth},
        {"arrays inside arrays, for one key", kMaxNestedArrays},
        {"dimensions of a tensor", kMaxDims},
        {"smallest alignment", kMinAlignment},
        {"largest alignment", kMaxAlignment},
        {"parts of a split model", kMaxParts},
    };
    for (const auto& [name, value] : rows) {
        const std::string row = fmt::format("| {} | {} |", name, with_commas(value));
        EXPECT_NE(page.find(row), std::string::npos) << "docs/limits.md has no row " << row;
    }
}

Raw one_key_value() {
    Raw raw;
    raw.header(0, 1);
    return raw;
}

TEST(limits, metadata_entries) {
    const auto file = [](uint64_t n) {
        Raw raw;
        raw.header(0, n);
        for (uint64_t i = 0; i < n; i++)
            raw.key(fmt::format("k{}", i), ValueType::u8).put(uint8_t(1));
        return raw;
    };
    EXPECT_EQ(category_of(file(kMaxKeyValues)), "ok");
    EXPECT_EQ(category_of(file(kMaxKeyValues + 1)), "resource_limit");
}

TEST(limits, tensors) {
    const auto file = [](uint64_t n) {
        Raw raw;
        raw.header(n, 0);
        for (uint64_t i = 0; i < n; i++) raw.tensor(fmt::format("t{}", i), {8}, 0, 32 * i);
        raw.pad().zeros(n * 32);
        return raw;
    };
    EXPECT_EQ(category_of(file(kMaxTensors)), "ok");
    EXPECT_EQ(category_of(file(kMaxTensors + 1)), "resource_limit");
}

TEST(limits, key_length) {
    const auto file = [](uint64_t n) {
        return one_key_value().key(std::string(n, 'k'), ValueType::u8).put(uint8_t(1)).pad();
    };
    EXPECT_EQ(category_of(file(1)), "ok");
    EXPECT_EQ(category_of(file(kMaxKeyBytes)), "ok");
    EXPECT_EQ(category_of(file(kMaxKeyBytes + 1)), "string_length");
    EXPECT_EQ(category_of(file(0)), "string_length");
}

TEST(limits, tensor_name_length) {
    const auto file = [](uint64_t n) {
        Raw raw;
        raw.header(1, 0).tensor(std::string(n, 't'), {8}, 0, 0).pad().zeros(32);
        return raw;
    };
    EXPECT_EQ(category_of(file(kMaxTensorNameBytes)), "ok");
    EXPECT_EQ(category_of(file(kMaxTensorNameBytes + 1)), "string_length");
    EXPECT_EQ(category_of(file(0)), "string_length");
}

TEST(limits, string_length) {
    const auto file = [](uint64_t n) {
        return one_key_value().key("k", ValueType::string).text(std::string(n, 's'));
    };
    EXPECT_EQ(category_of(file(0)), "ok");
    EXPECT_EQ(category_of(file(kMaxStringBytes)), "ok");
    EXPECT_EQ(category_of(file(kMaxStringBytes + 1)), "string_length");
}

TEST(limits, array_length) {
    const auto file = [](uint64_t n) {
        return one_key_value().key("k", ValueType::array).array(ValueType::u8, n).zeros(n);
    };
    EXPECT_EQ(category_of(file(0)), "ok");
    EXPECT_EQ(category_of(file(kMaxArrayElems)), "ok");
    EXPECT_EQ(category_of(file(kMaxArrayElems + 1)), "resource_limit");
}

TEST(limits, array_nesting) {
    const auto file = [](uint32_t levels) {
        Raw raw = one_key_value().key("k", ValueType::array);
        for (uint32_t i = 1; i < levels; i++) raw.array(ValueType::array, 1);
        return raw.array(ValueType::u8, 1).put(uint8_t(1));
    };
    EXPECT_EQ(category_of(file(kMaxArrayDepth)), "ok");
    EXPECT_EQ(category_of(file(kMaxArrayDepth + 1)), "resource_limit");
}

TEST(limits, arrays_inside_arrays) {
    // Two levels, so that the limit holds for the sum and not for each array.
    const auto file = [](uint64_t outer, uint64_t inner_total) {
        Raw raw = one_key_value().key("k", ValueType::array).array(ValueType::array, outer);
        for (uint64_t i = 0; i < outer; i++) {
            const uint64_t inner = i == 0 ? inner_total : 0;
            raw.array(ValueType::array, inner);
            for (uint64_t j = 0; j < inner; j++) raw.array(ValueType::u8, 0);
        }
        return raw;
    };
    EXPECT_EQ(category_of(file(2, kMaxNestedArrays - 2)), "ok");
    EXPECT_EQ(category_of(file(2, kMaxNestedArrays - 1)), "resource_limit");
}

TEST(limits, dimensions) {
    const auto file = [](std::initializer_list<uint64_t> dims) {
        Raw raw;
        raw.header(1, 0).tensor("t", dims, 0, 0).pad().zeros(32);
        return raw;
    };
    EXPECT_EQ(category_of(file({})), "ok");
    EXPECT_EQ(category_of(file({2, 2, 2, 1})), "ok");
    EXPECT_EQ(category_of(file({2, 2, 2, 1, 1})), "tensor_dims");
}

TEST(limits, alignment) {
    const auto file = [](uint32_t alignment) {
        Raw raw;
        raw.header(1, 1).key("general.alignment", ValueType::u32).put(alignment);
        return raw.tensor("t", {8}, 0, 0).pad(alignment ? alignment : 1).zeros(32);
    };
    for (uint32_t a = kMinAlignment; a <= kMaxAlignment; a *= 2)
        EXPECT_EQ(category_of(file(a)), "ok") << a;
    for (const uint32_t a : {0u, 1u, 2u, 4u, 7u, 9u, 12u, 33u, 96u, kMaxAlignment - 8,
                             kMaxAlignment + 8, kMaxAlignment * 2})
        EXPECT_EQ(category_of(file(a)), "alignment") << a;
}

TEST(limits, parts) {
    const auto file = [](uint32_t count) {
        Raw raw;
        raw.header(0, 2).key("split.count", ValueType::u32).put(count);
        raw.key("split.no", ValueType::u16).put(uint16_t(0));
        return raw;
    };
    // At the limit the name is looked at next, above it the number is refused.
    const auto at = test::parse(file(kMaxParts)), above = test::parse(file(kMaxParts + 1));
    ASSERT_FALSE(at);
    ASSERT_FALSE(above);
    EXPECT_NE(at.error().message.find("name must end in"), std::string::npos);
    EXPECT_NE(above.error().message.find("limit is 1024"), std::string::npos);
    EXPECT_EQ(above.error().category, Category::hyperparameter);
}

}  // namespace
}  // namespace m2w::gguf
