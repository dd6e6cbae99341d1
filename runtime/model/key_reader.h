// key_reader.h — `<arch>.*` keys of one file, range-checked, and which of them nobody read. Knows
// no meaning of any key.
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/file.h"
#include "gguf/result.h"

namespace m2w {

/// An error about a key's value; key with its prefix.
Error bad_key(const std::string& key, const std::string& detail);

/// Reads keys of one architecture and remembers them. Names are without the prefix `<arch>.`.
class KeyReader {
  public:
    KeyReader(const gguf::File& file, const std::string& architecture)
        : file_(file), prefix_(architecture + ".") {}

    /// Errors of these: wrong_metadata_type, hyperparameter (out of range), missing_metadata (get).
    Result<std::optional<uint32_t>> find_u32(std::string_view name, uint32_t lo, uint32_t hi,
                                             Category otherwise = Category::hyperparameter);
    Result<uint32_t> get_u32(std::string_view name, uint32_t lo, uint32_t hi);
    /// Finite and above 0.
    Result<std::optional<float>> find_positive(std::string_view name);
    Result<float> get_positive(std::string_view name);
    Result<std::optional<bool>> find_bool(std::string_view name);
    Result<std::string> find_string(std::string_view name, std::string_view fallback);
    Result<std::optional<std::vector<uint32_t>>> find_u32s(std::string_view name);
    const gguf::Value* find(std::string_view name);

    /// The name with its prefix, as in the file.
    std::string key(std::string_view name) const { return prefix_ + std::string(name); }

    /// Keys that nothing read, apart from those that change nothing here.
    std::vector<std::string> unread() const;

  private:
    std::string note(std::string_view name);

    const gguf::File& file_;
    std::string prefix_;
    std::set<std::string> read_;
};

}  // namespace m2w
