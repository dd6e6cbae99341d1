// file.h — a GGUF file, opened and validated: metadata, tensor directory, split parts. Reads no
// weights, knows no model.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gguf/dtype.h"
#include "gguf/limits.h"
#include "gguf/result.h"
#include "gguf/source.h"

namespace m2w::gguf {

/// Metadata value types with GGUF's own numbers.
enum class ValueType : uint32_t {
    u8,
    i8,
    u16,
    i16,
    u32,
    i32,
    f32,
    boolean,
    string,
    array,
    u64,
    i64,
    f64
};

/// The type's name in messages and listings: "u32", "bool", "array".
std::string_view value_type_name(ValueType type);

struct Value;

/// An array value. Scalars are kept as the file's little-endian bytes and read through typed
/// accessors.
struct Array {
    ValueType element = ValueType::u8;
    uint64_t count = 0;
    std::vector<std::byte> scalars;    // [count][element size], for number and bool elements
    std::vector<std::string> strings;  // [count], for string elements
    std::vector<Array> arrays;         // [count], for nested arrays
};

/// One metadata value with the type that the file gave it.
struct Value {
    ValueType type = ValueType::u8;
    std::variant<uint64_t, int64_t, double, bool, std::string, Array> data;
};

struct KeyValue {
    std::string key;
    Value value;
};

/// One row of the tensor directory. Every tensor's bytes lie inside its source and overlap no
/// other's.
struct TensorInfo {
    std::string name;
    DType dtype = DType::f32;
    uint32_t n_dims = 0;
    std::array<uint64_t, 4> dims{1, 1, 1, 1};  // fastest first, as in the file; unused ones are 1
    uint64_t offset_bytes = 0;                 // from the start of the part
    uint64_t size_bytes = 0;
    uint32_t part = 0;  // which split file

    uint64_t row_elems() const { return dims[0]; }
    uint64_t rows() const { return dims[1] * dims[2] * dims[3]; }
};

/// How a header is read. The defaults suit files; the result does not depend on the windows.
struct ParseOptions {
    uint64_t first_window_bytes = kFirstWindowBytes;
    uint64_t max_window_bytes = kMaxWindowBytes;
    /// Opens part i (1..count-1) of a split model whose first part is being parsed; `name` is that
    /// part's name, made from the first one's. Empty: split models are refused.
    std::function<Result<std::shared_ptr<const Source>>(const std::string& name)> open_part;
};

/// An opened model file (all parts of a split one). Immutable after open; share it freely between
/// threads. Limits: docs/limits.md. Memory: a small multiple of the header, whatever the header
/// claims.
class File {
  public:
    /// Opens a path and, for "-00001-of-0000N", its sister parts beside it. Errors: io and every
    /// category of a refused file.
    static Result<std::shared_ptr<const File>> open(const std::filesystem::path& path);
    /// Parses one file from any source; a split one if the options say how to open its parts.
    static Result<std::shared_ptr<const File>> parse(std::shared_ptr<const Source> source,
                                                     const ParseOptions& options = {});

    uint32_t version() const { return version_; }
    uint32_t alignment() const { return alignment_; }  // of the first part
    const std::string& name() const { return parts_.front()->name(); }

    /// Metadata in file order.
    std::span<const KeyValue> metadata() const { return metadata_; }
    /// The value of a key, or nullptr.
    const Value* find(std::string_view key) const;

    // Typed accessors. Optional ones give nullopt for a missing key. Integers accept any integer
    // type whose value fits. Errors: missing_metadata, wrong_metadata_type, hyperparameter (an
    // integer out of range or a float that is not finite).
    Result<std::optional<uint32_t>> find_u32(std::string_view key) const;
    Result<std::optional<float>> find_f32(std::string_view key) const;
    Result<std::optional<bool>> find_bool(std::string_view key) const;
    Result<std::optional<std::string_view>> find_string(std::string_view key) const;
    /// nullptr for a missing key; the array outlives nothing but the File.
    Result<const std::vector<std::string>*> find_strings(std::string_view key) const;
    /// Array of numbers converted element by element with range checks; nullopt for a missing key.
    /// Floats may be NaN or infinite here: the caller knows what that means for the field.
    Result<std::optional<std::vector<uint32_t>>> find_u32s(std::string_view key) const;
    Result<std::optional<std::vector<int32_t>>> find_i32s(std::string_view key) const;
    Result<std::optional<std::vector<float>>> find_f32s(std::string_view key) const;
    Result<uint32_t> get_u32(std::string_view key) const;
    Result<float> get_f32(std::string_view key) const;
    Result<std::string_view> get_string(std::string_view key) const;

    /// The tensor directory in file order, all parts.
    std::span<const TensorInfo> tensors() const { return tensors_; }
    const TensorInfo* find_tensor(std::string_view name) const;

    /// The files of the model, in the order of TensorInfo::part.
    std::span<const std::shared_ptr<const Source>> parts() const { return parts_; }
    /// [parts]: where each part's header ends and its data begins, in bytes.
    std::span<const uint64_t> data_offsets() const { return data_offsets_; }
    /// The source that holds a tensor's bytes.
    const Source& source(const TensorInfo& tensor) const { return *parts_[tensor.part]; }
    /// Reads bytes [offset, offset + out.size()) of a tensor's data. Errors: io, tensor_bounds.
    Result<void> read(const TensorInfo& tensor, uint64_t offset_bytes,
                      std::span<std::byte> out) const;
    /// Decodes a whole tensor: f32 [rows][row_elems]. Errors: unsupported (no decoder), io,
    /// out_of_memory.
    Result<std::vector<float>> decode(const TensorInfo& tensor) const;

  private:
    friend class Assembler;  // open.cpp
    std::vector<std::shared_ptr<const Source>> parts_;
    std::vector<uint64_t> data_offsets_;  // [parts]
    uint32_t version_ = 0;
    uint32_t alignment_ = 32;
    std::vector<KeyValue> metadata_;
    std::vector<TensorInfo> tensors_;
    // Indices of the above in name order: lookups and duplicate checks that no choice of names can
    // make slow, as it could with a hash table.
    std::vector<uint32_t> keys_by_name_, tensors_by_name_;
};

}  // namespace m2w::gguf
