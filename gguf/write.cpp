// write.cpp — GGUF version 3 bytes. Has no rules of its own: what it wrote is parsed once, so the
// parser's checks decide what is a valid file.
#include "gguf/write.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <exception>

#include "gguf/parser.h"

namespace m2w::gguf {
namespace {

constexpr uint32_t kWrittenVersion = 3;
constexpr uint64_t kMaxFileBytes = uint64_t(1) << 62;  // so that sums of two sizes cannot wrap

class Out {
  public:
    template <class T>
    void put(T value) {
        static_assert(std::is_arithmetic_v<T>);
        bytes.append(reinterpret_cast<const char*>(&value), sizeof(T));
    }
    void put_string(std::string_view text) {
        put(uint64_t(text.size()));
        bytes += text;
    }
    void put_array(const Array& array) {
        put(uint32_t(array.element));
        put(array.count);
        if (array.element == ValueType::string) {
            M2W_ASSERT(array.strings.size() == array.count);
            for (const std::string& s : array.strings) put_string(s);
        } else if (array.element == ValueType::array) {
            M2W_ASSERT(array.arrays.size() == array.count);
            for (const Array& inner : array.arrays) put_array(inner);
        } else {
            M2W_ASSERT(array.scalars.size() == array.count * detail::scalar_bytes(array.element));
            bytes.append(reinterpret_cast<const char*>(array.scalars.data()), array.scalars.size());
        }
    }
    void put_value(const Value& value) {
        switch (value.type) {
            case ValueType::u8:
                return put(uint8_t(std::get<uint64_t>(value.data)));
            case ValueType::u16:
                return put(uint16_t(std::get<uint64_t>(value.data)));
            case ValueType::u32:
                return put(uint32_t(std::get<uint64_t>(value.data)));
            case ValueType::u64:
                return put(std::get<uint64_t>(value.data));
            case ValueType::i8:
                return put(int8_t(std::get<int64_t>(value.data)));
            case ValueType::i16:
                return put(int16_t(std::get<int64_t>(value.data)));
            case ValueType::i32:
                return put(int32_t(std::get<int64_t>(value.data)));
            case ValueType::i64:
                return put(std::get<int64_t>(value.data));
            case ValueType::f32:
                return put(float(std::get<double>(value.data)));
            case ValueType::f64:
                return put(std::get<double>(value.data));
            case ValueType::boolean:
                return put(uint8_t(std::get<bool>(value.data)));
            case ValueType::string:
                return put_string(std::get<std::string>(value.data));
            case ValueType::array:
                return put_array(std::get<Array>(value.data));
        }
        M2W_ASSERT(false && "a ValueType outside the enum");
    }

    std::string bytes;
};

/// A source with a file's header and the promise of its data, for the parser to check.
class HeaderOnlySource final : public Source {
  public:
    explicit HeaderOnlySource(const Header& header) : header_(header) {}

    uint64_t size_bytes() const override { return header_.file_bytes; }
    const std::string& name() const override { return name_; }
    Result<void> read(uint64_t offset_bytes, std::span<std::byte> out) const override {
        M2W_ASSERT(offset_bytes <= header_.bytes.size() && !out.empty());
        // A window may reach past the header; the parser looks at header bytes only.
        const uint64_t n = std::min<uint64_t>(out.size(), header_.bytes.size() - offset_bytes);
        std::memcpy(out.data(), header_.bytes.data() + offset_bytes, n);
        std::memset(out.data() + n, 0, out.size() - n);
        return {};
    }
    std::span<const std::byte> view(uint64_t, uint64_t) const override { return {}; }
    void done_with(uint64_t, uint64_t) const override {}

  private:
    const Header& header_;
    std::string name_ = "file to be written";
};

/// The alignment that the metadata asks for. A wrong type or number is left to the parser.
uint64_t alignment_of(std::span<const KeyValue> metadata) {
    for (const KeyValue& kv : metadata) {
        const uint64_t* value = std::get_if<uint64_t>(&kv.value.data);
        if (kv.key == "general.alignment" && value && *value > 0 && *value <= kMaxAlignment)
            return *value;
    }
    return kDefaultAlignment;
}

/// n rounded up; n must leave room for it.
uint64_t align_up(uint64_t n, uint64_t alignment) {
    return n + (alignment - n % alignment) % alignment;
}

/// Sizes, and offsets from the start of the data section. Returns the bytes of that section.
Result<uint64_t> lay_out(std::span<const TensorSpec> tensors, uint64_t alignment, Header& header) {
    uint64_t data_bytes = 0;
    for (const TensorSpec& tensor : tensors) {
        auto size = detail::tensor_size_bytes(dtype_info(tensor.dtype), tensor.dims);
        if (!size)
            return Error{size.error().category,
                         fmt::format("{}: {}", tensor.name, size.error().message)};
        header.offset_bytes.push_back(data_bytes);
        header.size_bytes.push_back(*size);
        data_bytes = align_up(data_bytes + *size, alignment);  // < 2^62 + 2^63
        if (data_bytes > kMaxFileBytes)
            return Error{Category::tensor_bounds,
                         fmt::format("{}: the file would be larger than {} bytes", tensor.name,
                                     kMaxFileBytes)};
    }
    return data_bytes;
}

Result<Header> build_header(std::span<const KeyValue> metadata,
                            std::span<const TensorSpec> tensors) {
    Header header;
    const uint64_t alignment = alignment_of(metadata);
    TRY(const uint64_t data_bytes, lay_out(tensors, alignment, header));
    Out out;
    out.bytes = "GGUF";
    out.put(kWrittenVersion);
    out.put(uint64_t(tensors.size()));
    out.put(uint64_t(metadata.size()));
    for (const KeyValue& kv : metadata) {
        out.put_string(kv.key);
        out.put(uint32_t(kv.value.type));
        out.put_value(kv.value);
    }
    for (size_t i = 0; i < tensors.size(); i++) {
        out.put_string(tensors[i].name);
        out.put(uint32_t(tensors[i].dims.size()));
        for (const uint64_t dim : tensors[i].dims) out.put(dim);
        out.put(dtype_info(tensors[i].dtype).gguf_id);
        out.put(header.offset_bytes[i]);
    }
    out.bytes.resize(size_t(align_up(out.bytes.size(), alignment)), '\0');
    header.bytes = std::move(out.bytes);
    header.file_bytes = header.bytes.size() + data_bytes;
    for (uint64_t& offset : header.offset_bytes) offset += header.bytes.size();
    TRY(detail::parse_part(HeaderOnlySource(header), {}));
    return header;
}

}  // namespace

Value make_array(std::vector<std::string> strings) {
    Array array;
    array.element = ValueType::string;
    array.count = strings.size();
    array.strings = std::move(strings);
    return {ValueType::array, std::move(array)};
}

Result<Header> write_header(std::span<const KeyValue> metadata,
                            std::span<const TensorSpec> tensors) {
    try {
        return build_header(metadata, tensors);
    } catch (const std::exception&) {
        return Error{Category::out_of_memory, "header too big"};
    }
}

Result<std::string> write_file(std::span<const KeyValue> metadata,
                               std::span<const TensorSpec> tensors,
                               std::span<const std::span<const std::byte>> data) {
    M2W_ASSERT(tensors.size() == data.size());
    TRY(auto header, write_header(metadata, tensors));
    for (size_t i = 0; i < data.size(); i++)
        if (data[i].size() != header.size_bytes[i])
            return Error{Category::tensor_bounds,
                         fmt::format("{}: {} bytes of data, expected {}", tensors[i].name,
                                     data[i].size(), header.size_bytes[i])};
    try {
        std::string file = std::move(header.bytes);
        file.resize(size_t(header.file_bytes), '\0');
        for (size_t i = 0; i < data.size(); i++)
            if (!data[i].empty())
                std::memcpy(file.data() + header.offset_bytes[i], data[i].data(), data[i].size());
        return file;
    } catch (const std::exception&) {
        return Error{Category::out_of_memory, "file too big"};
    }
}

}  // namespace m2w::gguf
