// write_test.cpp — what the writer writes, the parser reads back the same.
#include "gguf/write.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/support/shared.h"

namespace m2w::gguf {
namespace {

std::vector<KeyValue> metadata_of_all_types() {
    std::vector<KeyValue> out;
    const auto number = [&](auto x) {
        using T = decltype(x);
        const T numbers[] = {x, T(0), T(1), std::numeric_limits<T>::lowest(),
                             std::numeric_limits<T>::max()};
        const std::string name(value_type_name(value_type_of<T>()));
        out.push_back({"one." + name, make_value(x)});
        out.push_back({"many." + name, make_array(std::span<const T>(numbers))});
        out.push_back({"none." + name, make_array(std::span<const T>())});
    };
    number(uint8_t(200));
    number(int8_t(-100));
    number(uint16_t(60'000));
    number(int16_t(-30'000));
    number(uint32_t(4'000'000'000));
    number(int32_t(-2'000'000'000));
    number(uint64_t(1) << 63);
    number(int64_t(-1) << 62);
    number(-0.1f);
    number(1e-300);
    out.push_back({"bool.yes", make_value(true)});
    out.push_back({"bool.no", make_value(false)});
    out.push_back({"text", make_value(std::string("zwölf \0 Boxkämpfer", 18))});
    out.push_back({"text.empty", make_value(std::string())});
    out.push_back({"texts", make_array({"a", "", "日本"})});
    Array bools;
    bools.element = ValueType::boolean;
    bools.count = 2;
    bools.scalars = {std::byte{1}, std::byte{0}};
    Array nested;
    nested.element = ValueType::array;
    nested.count = 2;
    nested.arrays = {bools, std::get<Array>(make_array({"x"}).data)};
    out.push_back({"nested", {ValueType::array, nested}});
    return out;
}

void expect_same(const Array& a, const Array& b) {
    EXPECT_EQ(a.element, b.element);
    EXPECT_EQ(a.count, b.count);
    EXPECT_EQ(a.scalars, b.scalars);
    EXPECT_EQ(a.strings, b.strings);
    ASSERT_EQ(a.arrays.size(), b.arrays.size());
    for (size_t i = 0; i < a.arrays.size(); i++) expect_same(a.arrays[i], b.arrays[i]);
}

void expect_same(const KeyValue& a, const KeyValue& b) {
    SCOPED_TRACE(a.key);
    EXPECT_EQ(a.key, b.key);
    EXPECT_EQ(a.value.type, b.value.type);
    ASSERT_EQ(a.value.data.index(), b.value.data.index());
    if (const Array* array = std::get_if<Array>(&a.value.data))
        return expect_same(*array, std::get<Array>(b.value.data));
    std::visit(
        [&](const auto& x) {
            using T = std::decay_t<decltype(x)>;
            if constexpr (!std::is_same_v<T, Array>) {
                EXPECT_EQ(x, std::get<T>(b.value.data));
            }
        },
        a.value.data);
}

TEST(write, all_value_types_and_tensors_survive_the_way_to_bytes_and_back) {
    const auto metadata = metadata_of_all_types();
    std::vector<TensorSpec> specs;
    std::vector<std::vector<std::byte>> blobs;
    for (const DTypeInfo& info : all_dtypes()) {
        specs.push_back({"t." + std::string(info.name), info.dtype, {info.block_elems * 3, 5}});
        blobs.emplace_back(size_t(info.block_bytes) * 15, std::byte(blobs.size() + 1));
    }
    specs.push_back({"scalar", DType::f32, {}});
    blobs.emplace_back(4, std::byte{0x11});
    const std::vector<std::span<const std::byte>> data(blobs.begin(), blobs.end());
    const auto bytes = write_file(metadata, specs, data);
    ASSERT_TRUE(bytes) << bytes.error().str();
    const auto file = File::parse(make_memory_source("w.gguf", *bytes));
    ASSERT_TRUE(file) << file.error().str();
    EXPECT_EQ((*file)->version(), 3u);
    ASSERT_EQ((*file)->metadata().size(), metadata.size());
    for (size_t i = 0; i < metadata.size(); i++) expect_same((*file)->metadata()[i], metadata[i]);
    ASSERT_EQ((*file)->tensors().size(), specs.size());
    for (size_t i = 0; i < specs.size(); i++) {
        const TensorInfo& tensor = (*file)->tensors()[i];
        EXPECT_EQ(tensor.name, specs[i].name);
        EXPECT_EQ(tensor.dtype, specs[i].dtype);
        EXPECT_EQ(tensor.n_dims, specs[i].dims.size());
        for (size_t d = 0; d < 4; d++)
            EXPECT_EQ(tensor.dims[d], d < specs[i].dims.size() ? specs[i].dims[d] : 1u);
        std::vector<std::byte> read(tensor.size_bytes);
        ASSERT_TRUE((*file)->read(tensor, 0, read));
        EXPECT_EQ(read, blobs[i]) << tensor.name;
    }
}

TEST(write, metadata_alignment_places_the_tensors) {
    for (const uint32_t alignment : {8u, 64u, 4096u}) {
        const KeyValue metadata[] = {{"general.alignment", make_value(alignment)}};
        const TensorSpec specs[] = {{"a", DType::f32, {1}}, {"b", DType::f32, {1}}};
        const auto header = write_header(metadata, specs);
        ASSERT_TRUE(header) << header.error().str();
        EXPECT_EQ(header->offset_bytes[0] % alignment, 0u);
        EXPECT_EQ(header->offset_bytes[1], header->offset_bytes[0] + alignment);
        EXPECT_EQ(header->file_bytes, header->offset_bytes[1] + alignment);
    }
}

TEST(write, header_of_a_file_larger_than_memory_is_computed) {
    const TensorSpec specs[] = {{"a", DType::f32, {uint64_t(1) << 40}},
                                {"b", DType::q8_0, {32, uint64_t(1) << 40}}};
    const auto header = write_header({}, specs);
    ASSERT_TRUE(header) << header.error().str();
    EXPECT_EQ(header->offset_bytes[1] - header->offset_bytes[0], uint64_t(1) << 42);
    EXPECT_EQ(header->file_bytes, header->offset_bytes[1] + (uint64_t(34) << 40));
}

std::string refusal(std::span<const KeyValue> metadata, std::span<const TensorSpec> specs) {
    const auto header = write_header(metadata, specs);
    return header ? "ok" : std::string(category_name(header.error().category));
}

TEST(write, what_the_parser_would_refuse_is_not_written) {
    const KeyValue twice[] = {{"a", make_value(1.0f)}, {"a", make_value(1.0f)}};
    const KeyValue empty_key[] = {{"", make_value(1.0f)}};
    const KeyValue bad_text[] = {{"a", make_value(std::string("\xff"))}};
    const KeyValue alignment[] = {{"general.alignment", make_value(uint32_t(7))}};
    const KeyValue alignment_type[] = {{"general.alignment", make_value(uint64_t(32))}};
    const KeyValue alignment_huge[] = {{"general.alignment", make_value(~uint32_t(0))}};
    EXPECT_EQ(refusal(twice, {}), "duplicate_key");
    EXPECT_EQ(refusal(empty_key, {}), "string_length");
    EXPECT_EQ(refusal(bad_text, {}), "bad_utf8");
    EXPECT_EQ(refusal(alignment, {}), "alignment");
    EXPECT_EQ(refusal(alignment_type, {}), "wrong_metadata_type");
    EXPECT_EQ(refusal(alignment_huge, {}), "alignment");
    const TensorSpec same[] = {{"t", DType::f32, {1}}, {"t", DType::f32, {1}}};
    const TensorSpec odd[] = {{"t", DType::q8_0, {33}}};
    const TensorSpec five[] = {{"t", DType::f32, {1, 1, 1, 1, 1}}};
    const TensorSpec zero[] = {{"t", DType::f32, {1, 0}}};
    const TensorSpec huge[] = {{"t", DType::f32, {uint64_t(1) << 62}}};
    const TensorSpec sum[] = {{"t", DType::i8, {uint64_t(1) << 62}},
                              {"u", DType::i8, {uint64_t(1) << 62}}};
    const TensorSpec long_name[] = {{std::string(65, 'n'), DType::f32, {1}}};
    EXPECT_EQ(refusal({}, same), "duplicate_tensor");
    EXPECT_EQ(refusal({}, odd), "tensor_dims");
    EXPECT_EQ(refusal({}, five), "tensor_dims");
    EXPECT_EQ(refusal({}, zero), "tensor_dims");
    EXPECT_EQ(refusal({}, huge), "tensor_dims");
    EXPECT_EQ(refusal({}, sum), "tensor_bounds");
    EXPECT_EQ(refusal({}, long_name), "string_length");
}

TEST(write, data_of_another_size_than_the_dimensions_is_refused) {
    const TensorSpec specs[] = {{"t", DType::f32, {2}}};
    const std::byte bytes[9] = {};
    for (const size_t n : {0, 7, 9}) {
        const std::span<const std::byte> data[] = {std::span(bytes).first(n)};
        const auto file = write_file({}, specs, data);
        ASSERT_FALSE(file);
        EXPECT_EQ(file.error().category, Category::tensor_bounds);
    }
}

TEST(write, shared_model_written_again_has_the_same_content) {
    M2W_SHARED(path, "quant/tiny2l-q4_k_m.gguf");
    const auto file = File::open(path);
    ASSERT_TRUE(file) << file.error().str();
    std::vector<TensorSpec> specs;
    std::vector<std::vector<std::byte>> blobs;
    for (const TensorInfo& tensor : (*file)->tensors()) {
        specs.push_back({tensor.name,
                         tensor.dtype,
                         {tensor.dims.begin(), tensor.dims.begin() + tensor.n_dims}});
        blobs.emplace_back(tensor.size_bytes);
        ASSERT_TRUE((*file)->read(tensor, 0, blobs.back()));
    }
    const std::vector<std::span<const std::byte>> data(blobs.begin(), blobs.end());
    const auto bytes = write_file((*file)->metadata(), specs, data);
    ASSERT_TRUE(bytes) << bytes.error().str();
    // That file is version 3 with tensors in order, so even the bytes are the same.
    EXPECT_EQ(*bytes, test::read_text(path));
}

}  // namespace
}  // namespace m2w::gguf
