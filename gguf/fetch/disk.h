// disk.h — files of the cache: whole reads and writes, replacement at once, and which
// category a failure has. Knows nothing of what the files hold.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "gguf/descriptor.h"
#include "gguf/result.h"

namespace m2w::fetch {

/// What an errno means here: no room is disk_full, no permission is cache, everything else is io.
Error disk_error(const std::filesystem::path& path, int error_number);

/// open(2) with O_CLOEXEC and O_NOFOLLOW; new files are for their owner alone.
Result<Descriptor> open_file(const std::filesystem::path& path, int flags);

/// Creates a folder and those above it, for their owner alone. Errors: those of disk_error.
Result<void> make_folders(const std::filesystem::path& path);

/// Fills `out` from offset_bytes. Errors: io, also when the file ends too early.
Result<void> read_at(const Descriptor& fd, const std::filesystem::path& path, uint64_t offset_bytes,
                     std::span<std::byte> out);
/// Writes all of `bytes`. Errors: those of disk_error.
Result<void> write_at(const Descriptor& fd, const std::filesystem::path& path,
                      uint64_t offset_bytes, std::span<const std::byte> bytes);

Result<uint64_t> size_of(const Descriptor& fd, const std::filesystem::path& path);

/// Whether `path` still names the open file.
bool is_same_file(const Descriptor& fd, const std::filesystem::path& path);

/// A small file whole. Errors: io, cache (longer than max_bytes).
Result<std::string> read_file(const std::filesystem::path& path, uint64_t max_bytes);

/// Puts a file in place at once; not flushed: its reader must know a torn one. Errors: disk_error.
Result<void> replace_file(const std::filesystem::path& path, std::string_view text);

/// Errors: disk_full when the file system of `folder` has less than need_bytes left.
Result<void> require_room(const std::filesystem::path& folder, uint64_t need_bytes);

/// An exclusive flock(2) for as long as it lives. Empty: somebody else has it.
class FileLock {
  public:
    FileLock() = default;
    /// Does not wait. `fd` must outlive the lock.
    static FileLock try_lock(const Descriptor& fd);
    FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FileLock& operator=(FileLock&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~FileLock();
    explicit operator bool() const { return fd_ >= 0; }

  private:
    int fd_ = -1;
};

}  // namespace m2w::fetch
