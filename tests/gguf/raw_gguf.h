// raw_gguf.h — puts GGUF bytes together field by field, right or wrong. Checks nothing.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "gguf/file.h"

namespace m2w::test {

/// A growing sequence of little-endian fields.
struct Raw {
    std::string bytes;

    template <class T>
    Raw& put(T value) {
        static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>);
        bytes.append(reinterpret_cast<const char*>(&value), sizeof(T));
        return *this;
    }
    Raw& text(std::string_view s) {
        put(uint64_t(s.size()));
        bytes += s;
        return *this;
    }
    Raw& raw(std::string_view s) {
        bytes += s;
        return *this;
    }
    Raw& header(uint64_t n_tensors, uint64_t n_kv, uint32_t version = 3) {
        return raw("GGUF").put(version).put(n_tensors).put(n_kv);
    }
    Raw& key(std::string_view name, gguf::ValueType type) { return text(name).put(type); }
    Raw& array(gguf::ValueType element, uint64_t count) { return put(element).put(count); }
    Raw& tensor(std::string_view name, std::initializer_list<uint64_t> dims, uint32_t type_id,
                uint64_t offset) {
        text(name).put(uint32_t(dims.size()));
        for (const uint64_t dim : dims) put(dim);
        return put(type_id).put(offset);
    }
    Raw& pad(size_t alignment = 32) {
        bytes.resize((bytes.size() + alignment - 1) / alignment * alignment, '\0');
        return *this;
    }
    Raw& zeros(size_t n) {
        bytes.append(n, '\0');
        return *this;
    }
};

inline Result<std::shared_ptr<const gguf::File>> parse(const Raw& raw) {
    return gguf::File::parse(make_memory_source("test.gguf", raw.bytes));
}

/// The name of the category that a file is refused with, "ok" if it is not.
inline std::string category_of(const Raw& raw) {
    const auto file = parse(raw);
    return file ? "ok" : std::string(category_name(file.error().category));
}

}  // namespace m2w::test
