// parser.h — reads the header of one GGUF file: metadata and tensor directory, checked up to the
// tensor bounds. Private to gguf; opens nothing, knows no split models.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "gguf/file.h"
#include "gguf/header_reader.h"
#include "gguf/result.h"
#include "gguf/source.h"

namespace m2w::gguf::detail {

struct PartHeader {
    uint32_t version = 0;
    uint32_t alignment = kDefaultAlignment;
    std::vector<KeyValue> metadata;
    std::vector<uint32_t> keys_by_name;
    std::vector<TensorInfo> tensors;  // offsets from the start of the source
    uint64_t data_offset_bytes = 0;
};

/// Reads and checks a whole header. Errors: every category of a refused file, io.
Result<PartHeader> parse_part(const Source& source, const ParseOptions& options);

/// One metadata value of the given type id (value.cpp).
Result<Value> read_value(HeaderReader& reader, uint32_t type_id, const std::string& key);

/// An integer of any type as u32. Errors: wrong_metadata_type, hyperparameter (out of range).
Result<uint32_t> value_to_u32(const Value& value, std::string_view key);

/// Bytes of a scalar type; 0 for string and array.
uint32_t scalar_bytes(ValueType type);

/// The byte size of a tensor, with the rules for its dimensions. Errors: tensor_dims.
Result<uint64_t> tensor_size_bytes(const DTypeInfo& dtype, std::span<const uint64_t> dims);

/// Adds the start of the data section to the offsets and checks that every tensor lies inside the
/// source and overlaps no other (tensor_bounds, tensor_overlap, truncated).
Result<void> place_tensors(const Source& source, uint64_t header_bytes, PartHeader& part);

}  // namespace m2w::gguf::detail
