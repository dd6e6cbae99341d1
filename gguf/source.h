// source.h — where bytes come from: a mapped file, memory, later ranged HTTP reads. Knows nothing
// of GGUF.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "gguf/result.h"

namespace m2w {

/// Random access to an immutable sequence of bytes. Thread-safe: reads may run concurrently.
class Source {
  public:
    virtual ~Source() = default;

    /// Total size in bytes.
    virtual uint64_t size_bytes() const = 0;

    /// What to call it in messages: a path or URL.
    virtual const std::string& name() const = 0;

    /// Fills `out` from offset_bytes. Errors: truncated when the range leaves the source, io.
    virtual Result<void> read(uint64_t offset_bytes, std::span<std::byte> out) const = 0;

    /// The bytes in place when the source has them in memory; an empty span when it has not (then
    /// use read). A mapped file may shrink under us: spans are for weight data whose bounds File
    /// checked against size_bytes().
    virtual std::span<const std::byte> view(uint64_t offset_bytes, uint64_t count_bytes) const = 0;

    /// Says that a range will not be needed again, so that mapped pages may leave memory. A hint;
    /// may do nothing.
    virtual void done_with(uint64_t offset_bytes, uint64_t count_bytes) const = 0;
};

/// Maps a file read-only; where it cannot be mapped, there are no views and read() does the work.
/// Errors: io (does not exist, may not be read, is no regular file), out_of_memory.
Result<std::shared_ptr<const Source>> open_file_source(const std::filesystem::path& path);

/// Owns bytes in memory; for tests, fuzzing and generated models.
std::shared_ptr<const Source> make_memory_source(std::string name, std::string bytes);

}  // namespace m2w
