// parser.cpp — the header of one GGUF file, in file order: magic, version, counts, metadata,
// tensor directory. Takes memory only for what it has read.
#include "gguf/parser.h"

#include <fmt/format.h>
#include <utf8.h>

#include <algorithm>
#include <limits>

#include "gguf/name_index.h"

namespace m2w::gguf::detail {
namespace {

// The least that one entry takes in the file. Metadata: key length, one byte of key, type, one byte
// of value. Tensor: name length, one byte of name, n_dims, type, offset.
constexpr uint64_t kMinKeyValueBytes = 8 + 1 + 4 + 1;
constexpr uint64_t kMinTensorBytes = 8 + 1 + 4 + 4 + 8;

/// What a file that is no GGUF probably is; empty if there is no guess.
std::string_view guess_file_kind(std::string_view start) {
    struct Guess {
        std::string_view prefix, kind;
    };
    constexpr Guess kGuesses[] = {
        {"version https://git-lfs", "a git-lfs pointer: run `git lfs pull` to get the file itself"},
        {"\x1f\x8b", "gzip-compressed: unpack it first"},
        {"PK\x03\x04", "a zip archive (perhaps a PyTorch checkpoint): convert it to GGUF first"},
        {"\x28\xb5\x2f\xfd", "zstd-compressed: unpack it first"},
        {"FUGG", "a byte-swapped GGUF file: convert it to little-endian"},
        {"tjgg", "a GGJT file, older than GGUF: convert it first"},
        {"ggjt", "a GGJT file, older than GGUF: convert it first"},
        {"lmgg", "a GGML file, older than GGUF: convert it first"},
        {"fmgg", "a GGMF file, older than GGUF: convert it first"},
        {"algg", "a GGLA adapter, older than GGUF: convert it first"},
        {std::string_view("\0\0\0\0", 4), "zeros: probably an unfinished download"},
    };
    for (const Guess& guess : kGuesses)
        if (start.starts_with(guess.prefix)) return guess.kind;
    const size_t text = start.find_first_not_of(" \t\r\n");
    if (text != start.npos && start[text] == '<')
        return "an HTML or XML page: the download gave a web page instead of the file";
    if (start.size() > 8 && start[8] == '{') return "a safetensors file: convert it to GGUF first";
    return "";
}

Result<void> check_magic(HeaderReader& reader) {
    constexpr std::string_view kMagic = "GGUF";
    constexpr uint64_t kGuessBytes = 64;
    const uint64_t file_bytes = reader.bytes_left();
    if (file_bytes < kMagic.size())
        return reader.error(Category::truncated,
                            fmt::format("a file of {} bytes cannot be GGUF", file_bytes));
    const HeaderReader at_start = reader;
    std::string start(kMagic.size(), '\0');
    TRY(reader.read_bytes(std::as_writable_bytes(std::span(start))));
    if (start == kMagic) return {};
    start.resize(size_t(std::min(file_bytes, kGuessBytes)));
    TRY(reader.read_bytes(std::as_writable_bytes(std::span(start)).subspan(kMagic.size())));
    const std::string_view kind = guess_file_kind(start);
    return at_start.error(Category::magic, kind.empty()
                                               ? "not a GGUF file: it does not start with \"GGUF\""
                                               : fmt::format("not a GGUF file, but {}", kind));
}

Result<uint32_t> read_version(HeaderReader& reader) {
    TRY(const uint32_t version, reader.read<uint32_t>());
    if (version == 2 || version == 3) return version;
    const char* hint = "";
    if (version == 1) hint = ": convert the file to version 3";
    if (version != 0 && (version & 0xffff) == 0) hint = ": probably a big-endian file";
    return reader.error(Category::version,
                        fmt::format("GGUF version {}, expected 2 or 3{}", version, hint));
}

struct Counts {
    uint64_t tensors, key_values;
};

Result<Counts> read_counts(HeaderReader& reader) {
    TRY(const uint64_t n_tensors, reader.read<uint64_t>());
    TRY(const uint64_t n_kv, reader.read<uint64_t>());
    struct Check {
        const char* what;
        uint64_t count, min_bytes, limit;
    };
    for (const Check& c : {Check{"metadata entries", n_kv, kMinKeyValueBytes, kMaxKeyValues},
                           Check{"tensors", n_tensors, kMinTensorBytes, kMaxTensors}}) {
        if (c.count > reader.bytes_left() / c.min_bytes)
            return reader.error(Category::count_overflow,
                                fmt::format("{} {} of at least {} bytes, the file has {} left",
                                            c.count, c.what, c.min_bytes, reader.bytes_left()));
        if (c.count > c.limit)
            return reader.error(Category::resource_limit,
                                fmt::format("{} {}, the limit is {}", c.count, c.what, c.limit));
    }
    return Counts{n_tensors, n_kv};
}

Result<std::string> read_key(HeaderReader& reader) {
    TRY(auto key, reader.read_string(kMaxKeyBytes, "key"));
    if (key.empty()) return reader.error(Category::string_length, "empty key");
    if (key.find('\0') != key.npos)
        return reader.error(Category::string_length,
                            fmt::format("key {} contains NUL", shortened(key)));
    if (std::any_of(key.begin(), key.end(), [](char c) { return (c & 0x80) != 0; }))
        return reader.error(Category::bad_utf8, "a key is not ASCII");
    return key;
}

Result<void> read_metadata(HeaderReader& reader, uint64_t count, PartHeader& part) {
    for (uint64_t i = 0; i < count; i++) {
        TRY(auto key, read_key(reader));
        TRY(const uint32_t type_id, reader.read<uint32_t>());
        TRY(auto value, read_value(reader, type_id, shortened(key)));
        part.metadata.push_back({std::move(key), std::move(value)});
    }
    const std::span<const KeyValue> items = part.metadata;
    part.keys_by_name = sort_by_name(items, &KeyValue::key);
    if (auto twice = find_duplicate(items, &KeyValue::key, part.keys_by_name))
        return reader.error(Category::duplicate_key,
                            fmt::format("key {} appears twice", shortened(items[*twice].key)));
    return {};
}

Result<void> read_alignment(HeaderReader& reader, PartHeader& part) {
    const KeyValue* found = find_by_name(std::span<const KeyValue>(part.metadata), &KeyValue::key,
                                         part.keys_by_name, "general.alignment");
    if (!found) return {};
    if (found->value.type != ValueType::u32)
        return reader.error(Category::wrong_metadata_type,
                            fmt::format("general.alignment has value type {}, expected {} (u32)",
                                        uint32_t(found->value.type), uint32_t(ValueType::u32)));
    const uint64_t alignment = std::get<uint64_t>(found->value.data);
    if (alignment < kMinAlignment || alignment > kMaxAlignment || !std::has_single_bit(alignment))
        return reader.error(Category::alignment,
                            fmt::format("general.alignment is {}, expected a power of two in "
                                        "[{}, {}]",
                                        alignment, kMinAlignment, kMaxAlignment));
    part.alignment = uint32_t(alignment);
    return {};
}

Result<std::string> read_tensor_name(HeaderReader& reader) {
    TRY(auto name, reader.read_string(kMaxTensorNameBytes, "tensor name"));
    if (name.empty()) return reader.error(Category::string_length, "empty tensor name");
    if (name.find('\0') != name.npos)
        return reader.error(Category::string_length,
                            fmt::format("tensor name {} contains NUL", name));
    if (!utf8::is_valid(name.begin(), name.end()))
        return reader.error(Category::bad_utf8, "a tensor name is not valid UTF-8");
    return name;
}

Result<TensorInfo> read_tensor(HeaderReader& reader, uint32_t alignment) {
    TensorInfo tensor;
    TRY(tensor.name, read_tensor_name(reader));
    TRY(tensor.n_dims, reader.read<uint32_t>());
    if (tensor.n_dims > kMaxDims)
        return reader.error(Category::tensor_dims,
                            fmt::format("{}: {} dimensions, the limit is {}", tensor.name,
                                        tensor.n_dims, kMaxDims));
    for (uint32_t i = 0; i < tensor.n_dims; i++) {
        TRY(tensor.dims[i], reader.read<uint64_t>());
    }
    TRY(const uint32_t type_id, reader.read<uint32_t>());
    TRY(tensor.offset_bytes, reader.read<uint64_t>());
    const DTypeInfo* dtype = dtype_from_gguf_id(type_id);
    if (!dtype)
        return reader.error(Category::unknown_type,
                            fmt::format("{}: tensor type {} is unknown or was removed from the "
                                        "format",
                                        tensor.name, type_id));
    tensor.dtype = dtype->dtype;
    auto size = tensor_size_bytes(*dtype, std::span(tensor.dims).first(tensor.n_dims));
    if (!size)
        return reader.error(size.error().category,
                            fmt::format("{}: {}", tensor.name, size.error().message));
    tensor.size_bytes = *size;
    if (tensor.offset_bytes % alignment != 0)
        return reader.error(Category::tensor_offset,
                            fmt::format("{}: offset {} is no multiple of the alignment {}",
                                        tensor.name, tensor.offset_bytes, alignment));
    return tensor;
}

Result<void> read_tensors(HeaderReader& reader, uint64_t count, PartHeader& part) {
    for (uint64_t i = 0; i < count; i++) {
        TRY(auto tensor, read_tensor(reader, part.alignment));
        part.tensors.push_back(std::move(tensor));
    }
    const std::span<const TensorInfo> items = part.tensors;
    const auto order = sort_by_name(items, &TensorInfo::name);
    if (auto twice = find_duplicate(items, &TensorInfo::name, order))
        return reader.error(Category::duplicate_tensor,
                            fmt::format("tensor {} appears twice", items[*twice].name));
    return {};
}

}  // namespace

Result<uint64_t> tensor_size_bytes(const DTypeInfo& dtype, std::span<const uint64_t> dims) {
    constexpr uint64_t kMax = uint64_t(std::numeric_limits<int64_t>::max());
    const auto refuse = [&](std::string message) {
        return Error{Category::tensor_dims,
                     fmt::format("{} (shape [{}], {})", message,
                                 fmt::join(dims.rbegin(), dims.rend(), "]["), dtype.name)};
    };
    const uint64_t row_elems = dims.empty() ? 1 : dims[0];
    // Whole blocks first: no product of elements can then wrap before it is divided.
    if (row_elems == 0 || row_elems % dtype.block_elems != 0)
        return refuse(fmt::format("row length {} is no positive multiple of {}", row_elems,
                                  dtype.block_elems));
    uint64_t elems = row_elems, bytes = 0;
    if (elems > kMax) return refuse("dimension too large");
    for (size_t i = 1; i < dims.size(); i++) {
        if (dims[i] == 0) return refuse("dimension 0");
        if (__builtin_mul_overflow(elems, dims[i], &elems) || elems > kMax)
            return refuse("too many elements");
    }
    if (__builtin_mul_overflow(elems / dtype.block_elems, uint64_t(dtype.block_bytes), &bytes) ||
        bytes > kMax - kMaxAlignment)
        return refuse("too many bytes");
    return bytes;
}

Result<void> place_tensors(const Source& source, uint64_t header_bytes, PartHeader& part) {
    const uint64_t file_bytes = source.size_bytes();
    const uint64_t padding = (part.alignment - header_bytes % part.alignment) % part.alignment;
    const auto refuse = [&](Category category, std::string message) {
        return Error{category, fmt::format("{} ({})", message, source.name())};
    };
    if (part.tensors.empty()) {
        part.data_offset_bytes = header_bytes + std::min(padding, file_bytes - header_bytes);
        return {};
    }
    if (padding > file_bytes - header_bytes)
        return refuse(Category::truncated,
                      fmt::format("the file ends at byte {}, before its data", file_bytes));
    part.data_offset_bytes = header_bytes + padding;
    const uint64_t data_bytes = file_bytes - part.data_offset_bytes;
    std::vector<uint32_t> by_offset(part.tensors.size());
    for (uint32_t i = 0; i < by_offset.size(); i++) by_offset[i] = i;
    std::sort(by_offset.begin(), by_offset.end(), [&](uint32_t a, uint32_t b) {
        const TensorInfo &x = part.tensors[a], &y = part.tensors[b];
        return x.offset_bytes != y.offset_bytes ? x.offset_bytes < y.offset_bytes : a < b;
    });
    const TensorInfo* before = nullptr;
    for (uint32_t i : by_offset) {
        TensorInfo& tensor = part.tensors[i];
        const uint64_t offset = tensor.offset_bytes;
        if (offset > data_bytes || tensor.size_bytes > data_bytes - offset)
            return refuse(Category::tensor_bounds,
                          fmt::format("{}: {} bytes at {} of the data section, which has {}",
                                      tensor.name, tensor.size_bytes, offset, data_bytes));
        tensor.offset_bytes += part.data_offset_bytes;
        if (before && tensor.offset_bytes < before->offset_bytes + before->size_bytes)
            return refuse(Category::tensor_overlap,
                          fmt::format("{} overlaps {}", tensor.name, before->name));
        before = &tensor;
    }
    return {};
}

Result<PartHeader> parse_part(const Source& source, const ParseOptions& options) {
    HeaderReader reader(source, options.first_window_bytes, options.max_window_bytes);
    PartHeader part;
    TRY(check_magic(reader));
    TRY(part.version, read_version(reader));
    TRY(const Counts counts, read_counts(reader));
    TRY(read_metadata(reader, counts.key_values, part));
    TRY(read_alignment(reader, part));
    TRY(read_tensors(reader, counts.tensors, part));
    TRY(place_tensors(source, reader.position(), part));
    return part;
}

}  // namespace m2w::gguf::detail
