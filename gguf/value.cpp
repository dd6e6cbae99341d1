// value.cpp — reads metadata values. Checks counts against the file before it takes memory.
#include <fmt/format.h>
#include <utf8.h>

#include <algorithm>

#include "gguf/parser.h"

namespace m2w::gguf::detail {
namespace {

/// Memory of the strings of an array that claims more than is believed at once: read once without
/// keeping anything, so that a lie costs time in proportion to the file, and no memory.
Result<void> verify_strings(HeaderReader reader, uint64_t count, const std::string& what) {
    for (uint64_t i = 0; i < count; i++) TRY(reader.skip_string(kMaxStringBytes, what));
    return {};
}

class ValueReader {
  public:
    ValueReader(HeaderReader& reader, const std::string& key)
        : reader_(reader), what_("string in " + key), key_(key) {}

    Result<std::string> string() {
        TRY(auto text, reader_.read_string(kMaxStringBytes, what_));
        if (!utf8::is_valid(text.begin(), text.end()))
            return reader_.error(Category::bad_utf8, fmt::format("{} is not valid UTF-8", what_));
        return text;
    }

    Result<Array> array(uint32_t depth) {
        if (depth >= kMaxArrayDepth)
            return reader_.error(
                Category::resource_limit,
                fmt::format("arrays in {} nest deeper than {}", key_, kMaxArrayDepth));
        TRY(const uint32_t element_id, reader_.read<uint32_t>());
        TRY(const uint64_t count, reader_.read<uint64_t>());
        if (element_id > uint32_t(ValueType::f64))
            return reader_.error(Category::unknown_type,
                                 fmt::format("array {} has element type {}, the last known is {}",
                                             key_, element_id, uint32_t(ValueType::f64)));
        Array array;
        array.element = ValueType(element_id);
        array.count = count;
        TRY(check_count(array));
        if (array.element == ValueType::string) {
            TRY(read_strings(array));
        } else if (array.element == ValueType::array) {
            TRY(read_arrays(array, depth));
        } else {
            TRY(read_scalars(array));
        }
        return array;
    }

  private:
    Result<void> check_count(const Array& array) const {
        // The least that one element takes in the file: a length, or an element type and a count.
        const uint64_t unit = array.element == ValueType::string  ? 8
                              : array.element == ValueType::array ? 12
                                                                  : scalar_bytes(array.element);
        if (array.count > reader_.bytes_left() / unit)
            return reader_.error(Category::array_length,
                                 fmt::format("array {} has {} elements of at least {} bytes, the "
                                             "file has {} bytes left",
                                             key_, array.count, unit, reader_.bytes_left()));
        if (array.count > kMaxArrayElems)
            return reader_.error(Category::resource_limit,
                                 fmt::format("array {} has {} elements, the limit is {}", key_,
                                             array.count, kMaxArrayElems));
        return {};
    }

    Result<void> read_strings(Array& array) {
        if (array.count > kTrustedStrings) TRY(verify_strings(reader_, array.count, what_));
        array.strings.reserve(size_t(array.count));
        for (uint64_t i = 0; i < array.count; i++) {
            TRY(auto text, string());
            array.strings.push_back(std::move(text));
        }
        return {};
    }

    Result<void> read_arrays(Array& array, uint32_t depth) {
        n_nested_ += array.count;  // cannot wrap: every count is at most kMaxArrayElems
        if (n_nested_ > kMaxNestedArrays)
            return reader_.error(
                Category::resource_limit,
                fmt::format("{} has more than {} arrays inside arrays", key_, kMaxNestedArrays));
        for (uint64_t i = 0; i < array.count; i++) {
            TRY(auto inner, this->array(depth + 1));
            array.arrays.push_back(std::move(inner));
        }
        return {};
    }

    Result<void> read_scalars(Array& array) {
        array.scalars.resize(size_t(array.count * scalar_bytes(array.element)));
        TRY(reader_.read_bytes(array.scalars));
        if (array.element == ValueType::boolean &&
            std::any_of(array.scalars.begin(), array.scalars.end(),
                        [](std::byte b) { return b > std::byte{1}; }))
            return reader_.error(Category::wrong_metadata_type,
                                 fmt::format("array {} has a bool that is neither 0 nor 1", key_));
        return {};
    }

    HeaderReader& reader_;
    std::string what_;
    const std::string& key_;
    uint64_t n_nested_ = 0;
};

template <class Stored, class Raw>
Result<Value> scalar(HeaderReader& reader, ValueType type) {
    TRY(const Raw raw, reader.read<Raw>());
    return Value{type, Stored(raw)};
}

}  // namespace

uint32_t scalar_bytes(ValueType type) {
    constexpr uint8_t kBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    static_assert(sizeof(kBytes) == size_t(ValueType::f64) + 1);
    return kBytes[size_t(type)];
}

Result<Value> read_value(HeaderReader& reader, uint32_t type_id, const std::string& key) {
    const ValueType type = ValueType(type_id);
    switch (type) {
        case ValueType::u8:
            return scalar<uint64_t, uint8_t>(reader, type);
        case ValueType::u16:
            return scalar<uint64_t, uint16_t>(reader, type);
        case ValueType::u32:
            return scalar<uint64_t, uint32_t>(reader, type);
        case ValueType::u64:
            return scalar<uint64_t, uint64_t>(reader, type);
        case ValueType::i8:
            return scalar<int64_t, int8_t>(reader, type);
        case ValueType::i16:
            return scalar<int64_t, int16_t>(reader, type);
        case ValueType::i32:
            return scalar<int64_t, int32_t>(reader, type);
        case ValueType::i64:
            return scalar<int64_t, int64_t>(reader, type);
        case ValueType::f32:
            return scalar<double, float>(reader, type);
        case ValueType::f64:
            return scalar<double, double>(reader, type);
        case ValueType::boolean: {
            TRY(const uint8_t raw, reader.read<uint8_t>());
            if (raw > 1)
                return reader.error(Category::wrong_metadata_type,
                                    fmt::format("bool {} is {}, expected 0 or 1", key, raw));
            return Value{type, raw == 1};
        }
        case ValueType::string: {
            TRY(auto text, ValueReader(reader, key).string());
            return Value{type, std::move(text)};
        }
        case ValueType::array: {
            TRY(auto array, ValueReader(reader, key).array(0));
            return Value{type, std::move(array)};
        }
    }
    return reader.error(Category::unknown_type,
                        fmt::format("{} has value type {}, the last known is {}", key, type_id,
                                    uint32_t(ValueType::f64)));
}

}  // namespace m2w::gguf::detail
