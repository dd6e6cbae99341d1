// file.cpp — access to an opened file: typed metadata, tensors, their bytes. Parses nothing.
#include "gguf/file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <iterator>
#include <limits>
#include <type_traits>

#include "gguf/name_index.h"
#include "gguf/parser.h"
#include "gguf/pieces.h"

namespace m2w::gguf {

using namespace detail;

namespace {

constexpr std::string_view kTypeNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                           "bool", "string", "array", "u64", "i64", "f64"};
static_assert(std::size(kTypeNames) == size_t(ValueType::f64) + 1);

std::string describe(const Value& value) {
    if (value.type != ValueType::array) return std::string(value_type_name(value.type));
    return fmt::format("array of {}", value_type_name(std::get<Array>(value.data).element));
}

Error wrong_type(std::string_view key, const Value& value, std::string_view expected) {
    return Error{Category::wrong_metadata_type,
                 fmt::format("{} is {}, expected {}", key, describe(value), expected)};
}

Error missing(std::string_view key, const std::string& file) {
    return Error{Category::missing_metadata, fmt::format("{} is missing ({})", key, file)};
}

template <class To, class From>
Result<To> to_integer(From value, std::string_view key) {
    if (!std::in_range<To>(value))
        return Error{Category::hyperparameter,
                     fmt::format("{} is {}, expected a number in [{}, {}]", key, value,
                                 std::numeric_limits<To>::min(), std::numeric_limits<To>::max())};
    return To(value);
}

/// Calls fn with an element value of the C++ type that an integer or float array holds.
template <class Fn>
auto with_number_type(ValueType element, Fn fn) {
    switch (element) {
        case ValueType::u8:
            return fn(uint8_t{});
        case ValueType::i8:
            return fn(int8_t{});
        case ValueType::u16:
            return fn(uint16_t{});
        case ValueType::i16:
            return fn(int16_t{});
        case ValueType::u32:
            return fn(uint32_t{});
        case ValueType::i32:
            return fn(int32_t{});
        case ValueType::u64:
            return fn(uint64_t{});
        case ValueType::i64:
            return fn(int64_t{});
        case ValueType::f32:
            return fn(float{});
        case ValueType::f64:
            return fn(double{});
        default:
            return fn(nullptr);
    }
}

/// The elements of a number array as To. Integers need integers, floats need floats.
template <class To>
Result<std::vector<To>> to_numbers(const Value& value, std::string_view key) {
    constexpr std::string_view kExpected =
        std::is_integral_v<To> ? "an array of integers" : "an array of floats";
    if (value.type != ValueType::array) return wrong_type(key, value, kExpected);
    const Array& array = std::get<Array>(value.data);
    return with_number_type(array.element, [&](auto sample) -> Result<std::vector<To>> {
        using Raw = decltype(sample);
        if constexpr (std::is_same_v<Raw, std::nullptr_t> ||
                      std::is_integral_v<Raw> != std::is_integral_v<To>) {
            return wrong_type(key, value, kExpected);
        } else {
            std::vector<To> out(size_t(array.count));
            for (size_t i = 0; i < out.size(); i++) {
                Raw raw;
                std::memcpy(&raw, array.scalars.data() + i * sizeof(Raw), sizeof(Raw));
                if constexpr (std::is_integral_v<To>) {
                    if (!std::in_range<To>(raw))
                        return to_integer<To>(raw, fmt::format("{}[{}]", key, i)).error();
                }
                out[i] = To(raw);
            }
            return out;
        }
    });
}

template <class To>
Result<std::optional<std::vector<To>>> find_numbers(const File& file, std::string_view key) {
    const Value* value = file.find(key);
    if (!value) return std::optional<std::vector<To>>();
    try {
        TRY(auto numbers, to_numbers<To>(*value, key));
        return std::optional(std::move(numbers));
    } catch (const std::exception&) {
        return Error{Category::out_of_memory, "array too big"};
    }
}

}  // namespace

namespace detail {

Result<uint32_t> value_to_u32(const Value& value, std::string_view key) {
    if (auto* u = std::get_if<uint64_t>(&value.data)) return to_integer<uint32_t>(*u, key);
    if (auto* i = std::get_if<int64_t>(&value.data)) return to_integer<uint32_t>(*i, key);
    return wrong_type(key, value, "an integer");
}

}  // namespace detail

std::string_view value_type_name(ValueType type) {
    return kTypeNames[size_t(type)];
}

const Value* File::find(std::string_view key) const {
    const KeyValue* found =
        find_by_name(std::span<const KeyValue>(metadata_), &KeyValue::key, keys_by_name_, key);
    return found ? &found->value : nullptr;
}

const TensorInfo* File::find_tensor(std::string_view name) const {
    return find_by_name(std::span<const TensorInfo>(tensors_), &TensorInfo::name, tensors_by_name_,
                        name);
}

Result<std::optional<uint32_t>> File::find_u32(std::string_view key) const {
    const Value* value = find(key);
    if (!value) return std::optional<uint32_t>();
    TRY(const uint32_t number, value_to_u32(*value, key));
    return std::optional(number);
}

Result<std::optional<float>> File::find_f32(std::string_view key) const {
    const Value* value = find(key);
    if (!value) return std::optional<float>();
    const double* number = std::get_if<double>(&value->data);
    if (!number) return wrong_type(key, *value, "a float");
    if (!(std::abs(*number) <= double(std::numeric_limits<float>::max())))
        return Error{Category::hyperparameter,
                     fmt::format("{} is {}, expected a finite float", key, *number)};
    return std::optional(float(*number));
}

Result<std::optional<bool>> File::find_bool(std::string_view key) const {
    const Value* value = find(key);
    if (!value) return std::optional<bool>();
    const bool* flag = std::get_if<bool>(&value->data);
    if (!flag) return wrong_type(key, *value, "a bool");
    return std::optional(*flag);
}

Result<std::optional<std::string_view>> File::find_string(std::string_view key) const {
    const Value* value = find(key);
    if (!value) return std::optional<std::string_view>();
    const std::string* text = std::get_if<std::string>(&value->data);
    if (!text) return wrong_type(key, *value, "a string");
    return std::optional<std::string_view>(*text);
}

Result<const std::vector<std::string>*> File::find_strings(std::string_view key) const {
    const Value* value = find(key);
    if (!value) return static_cast<const std::vector<std::string>*>(nullptr);
    const Array* array = std::get_if<Array>(&value->data);
    if (!array || array->element != ValueType::string)
        return wrong_type(key, *value, "an array of strings");
    return &array->strings;
}

Result<std::optional<std::vector<uint32_t>>> File::find_u32s(std::string_view key) const {
    return find_numbers<uint32_t>(*this, key);
}

Result<std::optional<std::vector<int32_t>>> File::find_i32s(std::string_view key) const {
    return find_numbers<int32_t>(*this, key);
}

Result<std::optional<std::vector<float>>> File::find_f32s(std::string_view key) const {
    return find_numbers<float>(*this, key);
}

Result<uint32_t> File::get_u32(std::string_view key) const {
    TRY(auto value, find_u32(key));
    if (!value) return missing(key, name());
    return *value;
}

Result<float> File::get_f32(std::string_view key) const {
    TRY(auto value, find_f32(key));
    if (!value) return missing(key, name());
    return *value;
}

Result<std::string_view> File::get_string(std::string_view key) const {
    TRY(auto value, find_string(key));
    if (!value) return missing(key, name());
    return *value;
}

Result<void> File::read(const TensorInfo& tensor, uint64_t offset_bytes,
                        std::span<std::byte> out) const {
    if (offset_bytes > tensor.size_bytes || out.size() > tensor.size_bytes - offset_bytes)
        return Error{Category::tensor_bounds,
                     fmt::format("{}: bytes {}+{} of {} ({})", tensor.name, offset_bytes,
                                 out.size(), tensor.size_bytes, source(tensor).name())};
    return source(tensor).read(tensor.offset_bytes + offset_bytes, out);
}

Result<std::vector<float>> File::decode(const TensorInfo& tensor) const {
    const DTypeInfo& dtype = dtype_info(tensor.dtype);
    if (!dtype.decode)
        return Error{Category::unsupported, fmt::format("{}: no decoder for {} ({})", tensor.name,
                                                        dtype.name, source(tensor).name())};
    std::vector<float> out;
    try {
        out.resize(size_t(tensor.size_bytes / dtype.block_bytes * dtype.block_elems));
    } catch (const std::exception&) {  // bad_alloc or length_error
        return Error{Category::out_of_memory, "tensor too big"};
    }
    TRY(for_each_piece(*this, tensor,
                       [&](const std::byte* blocks, uint64_t first, uint64_t n) -> Result<void> {
                           dtype.decode(blocks, size_t(n), out.data() + first * dtype.block_elems);
                           return {};
                       }));
    return out;
}

}  // namespace m2w::gguf
