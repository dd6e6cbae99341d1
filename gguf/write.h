// write.h — puts GGUF version 3 files together: metadata, tensor directory, data layout. Writes to
// memory only; opens no file and chooses no weights.
#pragma once
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "gguf/dtype.h"
#include "gguf/file.h"
#include "gguf/result.h"

namespace m2w::gguf {

/// The value type that holds a C++ type as it is: uint32_t gives u32.
template <class T>
constexpr ValueType value_type_of() {
    if constexpr (std::is_same_v<T, bool>) return ValueType::boolean;
    if constexpr (std::is_same_v<T, float>) return ValueType::f32;
    if constexpr (std::is_same_v<T, double>) return ValueType::f64;
    if constexpr (std::is_same_v<T, std::string>) return ValueType::string;
    if constexpr (std::is_same_v<T, uint8_t>) return ValueType::u8;
    if constexpr (std::is_same_v<T, int8_t>) return ValueType::i8;
    if constexpr (std::is_same_v<T, uint16_t>) return ValueType::u16;
    if constexpr (std::is_same_v<T, int16_t>) return ValueType::i16;
    if constexpr (std::is_same_v<T, uint32_t>) return ValueType::u32;
    if constexpr (std::is_same_v<T, int32_t>) return ValueType::i32;
    if constexpr (std::is_same_v<T, uint64_t>) return ValueType::u64;
    if constexpr (std::is_same_v<T, int64_t>) return ValueType::i64;
    return ValueType::array;
}

/// A value with the type that its C++ type says. T: bool, std::string or a number of fixed width.
template <class T>
Value make_value(T x) {
    static_assert(value_type_of<T>() != ValueType::array, "no GGUF type for this C++ type");
    if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::string>)
        return {value_type_of<T>(), std::move(x)};
    else if constexpr (std::is_floating_point_v<T>)
        return {value_type_of<T>(), double(x)};
    else if constexpr (std::is_signed_v<T>)
        return {value_type_of<T>(), int64_t(x)};
    else
        return {value_type_of<T>(), uint64_t(x)};
}

/// An array of strings.
Value make_array(std::vector<std::string> strings);

/// An array of numbers of fixed width, from a span, vector, array, ...
template <std::ranges::contiguous_range Numbers>
requires std::is_arithmetic_v<std::ranges::range_value_t<Numbers>> Value
make_array(const Numbers& numbers) {
    using T = std::ranges::range_value_t<Numbers>;
    static_assert(!std::is_same_v<T, bool> && value_type_of<T>() != ValueType::array);
    const auto bytes =
        std::as_bytes(std::span<const T>(std::ranges::data(numbers), std::ranges::size(numbers)));
    Array array;
    array.element = value_type_of<T>();
    array.count = std::ranges::size(numbers);
    array.scalars.assign(bytes.begin(), bytes.end());
    return {ValueType::array, std::move(array)};
}

struct TensorSpec {
    std::string name;
    DType dtype = DType::f32;
    std::vector<uint64_t> dims;  // fastest first, as in the file
};

/// The bytes before the data section, padding included, and where each tensor's data belongs. Gaps
/// between tensors and after the last one are zeros.
struct Header {
    std::string bytes;
    std::vector<uint64_t> offset_bytes;  // [tensors], from the start of the file
    std::vector<uint64_t> size_bytes;    // [tensors]
    uint64_t file_bytes = 0;
};

/// The header of a file with these tensors in this order. The alignment is the metadata's
/// general.alignment, or 32. What the parser would refuse is refused here, with its categories.
Result<Header> write_header(std::span<const KeyValue> metadata,
                            std::span<const TensorSpec> tensors);

/// A whole file. data[i] holds tensor i's bytes. Errors: those of write_header, tensor_bounds (data
/// of another size than the dimensions say), out_of_memory.
Result<std::string> write_file(std::span<const KeyValue> metadata,
                               std::span<const TensorSpec> tensors,
                               std::span<const std::span<const std::byte>> data);

}  // namespace m2w::gguf
