// diff_test.cpp — every way in which two files can differ is found, and nothing else.
#include "gguf/diff.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gguf/float16.h"
#include "gguf/write.h"

namespace m2w::gguf {
namespace {

using FilePtr = std::shared_ptr<const File>;

struct RawTensor {
    TensorSpec spec;
    std::vector<std::byte> bytes;
};

RawTensor floats(std::string name, std::vector<uint64_t> dims, std::vector<float> values) {
    const auto bytes = std::as_bytes(std::span(values));
    return {{std::move(name), DType::f32, std::move(dims)}, {bytes.begin(), bytes.end()}};
}

RawTensor halves(std::string name, std::vector<uint64_t> dims, std::vector<float> values) {
    RawTensor out{{std::move(name), DType::f16, std::move(dims)}, {}};
    for (const float value : values) {
        const uint16_t half = f32_to_f16(value);
        out.bytes.push_back(std::byte(half & 255));
        out.bytes.push_back(std::byte(half >> 8));
    }
    return out;
}

FilePtr file_of(const std::vector<KeyValue>& metadata, const std::vector<RawTensor>& tensors) {
    std::vector<TensorSpec> specs;
    std::vector<std::span<const std::byte>> data;
    for (const RawTensor& t : tensors) {
        specs.push_back(t.spec);
        data.push_back(t.bytes);
    }
    auto bytes = write_file(metadata, specs, data);
    EXPECT_TRUE(bytes) << bytes.error().str();
    auto file = File::parse(make_memory_source("x.gguf", *bytes));
    EXPECT_TRUE(file) << file.error().str();
    return *file;
}

FileDiff diff_of(const FilePtr& a, const FilePtr& b, Weights how = Weights::numbers) {
    auto found = diff(*a, *b, how);
    EXPECT_TRUE(found) << found.error().str();
    return *found;
}

/// "key 3/1": where the first difference is, and how many there are.
std::string metadata_summary(const FileDiff& found) {
    std::string out;
    for (const MetadataChange& c : found.metadata)
        out += (c.a ? c.b ? "~" : "-" : "+") + c.key + " " + std::to_string(c.first_difference) +
               "/" + std::to_string(c.n_different) + ";";
    return out;
}

TEST(diff, order_of_keys_and_tensors_and_nans_make_no_difference) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<KeyValue> kv{{"k.nan", make_value(nan)}, {"k.u", make_value(uint32_t(3))}};
    const std::vector<RawTensor> tensors{floats("x", {2}, {1, 2}), floats("y", {1}, {nan})};
    const auto a = file_of(kv, tensors);
    const auto b = file_of({kv[1], kv[0]}, {tensors[1], tensors[0]});
    const FileDiff found = diff_of(a, b);
    EXPECT_TRUE(found.equal()) << metadata_summary(found);
    EXPECT_EQ(found.n_equal_keys, 2u);
    EXPECT_EQ(found.n_equal_tensors, 2u);
}

TEST(diff, keys_that_one_file_lacks_or_that_changed_are_told_with_the_first_difference) {
    const std::vector<std::string> words{"a", "b", "c", "d"}, others{"a", "x", "c", "y", "z"};
    const std::vector<int32_t> numbers{1, 2, 3}, fewer{1, 2};
    const auto a = file_of({{"k.gone", make_value(true)},
                            {"k.numbers", make_array(numbers)},
                            {"k.same", make_value(1.5f)},
                            {"k.text", make_value(std::string("hello"))},
                            {"k.type", make_value(uint32_t(7))},
                            {"k.words", make_array(words)}},
                           {});
    const auto b = file_of({{"k.new", make_value(false)},
                            {"k.numbers", make_array(fewer)},
                            {"k.same", make_value(1.5f)},
                            {"k.text", make_value(std::string("help"))},
                            {"k.type", make_value(uint64_t(7))},
                            {"k.words", make_array(others)}},
                           {});
    EXPECT_EQ(metadata_summary(diff_of(a, b)),
              "-k.gone 0/0;+k.new 0/0;~k.numbers 2/1;~k.text 3/2;~k.type 0/0;~k.words 1/3;");
}

TEST(diff, nested_arrays_are_compared_to_the_bottom) {
    const auto nested = [](int32_t last) {
        Array outer;
        outer.element = ValueType::array;
        outer.count = 2;
        const std::vector<int32_t> first{1, 2}, second{3, last};
        outer.arrays = {std::get<Array>(make_array(first).data),
                        std::get<Array>(make_array(second).data)};
        return file_of({{"k.nested", {ValueType::array, outer}}}, {});
    };
    EXPECT_TRUE(diff_of(nested(4), nested(4)).equal());
    EXPECT_EQ(metadata_summary(diff_of(nested(4), nested(5))), "~k.nested 1/1;");
}

TEST(diff, elements_of_an_array_are_values_of_its_type) {
    const std::vector<int16_t> numbers{-3, 4};
    const auto array = std::get<Array>(make_array(numbers).data);
    EXPECT_EQ(std::get<int64_t>(array_element(array, 0).data), -3);
    const std::vector<float> floats{0.5f, -2};
    EXPECT_EQ(std::get<double>(array_element(std::get<Array>(make_array(floats).data), 1).data),
              -2);
}

TEST(diff, tensors_that_one_file_lacks_or_that_have_another_shape_or_type_are_told) {
    const auto a =
        file_of({}, {floats("gone", {1}, {1}), floats("shape", {2, 3}, {1, 2, 3, 4, 5, 6}),
                     floats("type", {2}, {1, 2})});
    const auto b =
        file_of({}, {floats("new", {1}, {1}), floats("shape", {3, 2}, {1, 2, 3, 4, 5, 6}),
                     halves("type", {2}, {1, 2})});
    const FileDiff found = diff_of(a, b);
    ASSERT_EQ(found.tensors.size(), 4u);
    EXPECT_TRUE(found.tensors[0].a && !found.tensors[0].b);
    EXPECT_TRUE(!found.tensors[1].a && found.tensors[1].b);
    EXPECT_TRUE(found.tensors[2].shape);
    EXPECT_FALSE(found.tensors[2].relative_error) << "shapes differ: nothing to subtract";
    EXPECT_TRUE(found.tensors[3].type);
    EXPECT_FALSE(found.tensors[3].weights);
    EXPECT_EQ(found.tensors[3].relative_error, 0) << "1 and 2 are halves";
}

TEST(diff, weights_are_compared_as_deep_as_asked_for) {
    // Longer than one piece, with the change in the last.
    std::vector<float> values(600'000, 1.0f), changed = values;
    changed.back() = 4.0f;
    const auto a = file_of({}, {floats("w", {600, 1000}, values)});
    const auto b = file_of({}, {floats("w", {600, 1000}, changed)});
    EXPECT_TRUE(diff_of(a, b, Weights::ignored).equal());
    const FileDiff bytes = diff_of(a, b, Weights::bytes);
    ASSERT_EQ(bytes.tensors.size(), 1u);
    EXPECT_TRUE(bytes.tensors[0].weights);
    EXPECT_FALSE(bytes.tensors[0].relative_error);
    const FileDiff numbers = diff_of(a, b, Weights::numbers);
    ASSERT_EQ(numbers.tensors.size(), 1u);
    ASSERT_TRUE(numbers.tensors[0].relative_error);
    EXPECT_NEAR(*numbers.tensors[0].relative_error, 3 / std::sqrt(600'000.0), 1e-12);
    EXPECT_EQ(numbers.tensors[0].largest_difference, 3);
}

}  // namespace
}  // namespace m2w::gguf
