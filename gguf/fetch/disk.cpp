// disk.cpp — POSIX files. Every call that can be interrupted or be short is repeated here.
#include "gguf/fetch/disk.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <system_error>

namespace m2w::fetch {
namespace {

constexpr mode_t kFileMode = 0600, kFolderMode = 0700;

}  // namespace

Error disk_error(const std::filesystem::path& path, int error_number) {
    // Not strerror: it is not thread-safe.
    const std::string what = path.string() + ": " + std::generic_category().message(error_number);
    switch (error_number) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
            return {Category::disk_full, what + "; what is complete is kept"};
        case EACCES:
        case EPERM:
        case EROFS:
        case ENOTDIR:
        case ELOOP:
            return {Category::cache, what + "; M2W_CACHE names another folder for the cache"};
        case ENOMEM:
            return {Category::out_of_memory, what};
        default:
            return {Category::io, what};
    }
}

Result<Descriptor> open_file(const std::filesystem::path& path, int flags) {
    Descriptor fd;
    do {
        fd = Descriptor(
            ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, kFileMode));
    } while (!fd && errno == EINTR);
    if (!fd) return disk_error(path, errno);
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) return disk_error(path, errno);
    if (!S_ISREG(info.st_mode))
        return Error{Category::cache, path.string() + ": is no regular file"};
    return fd;
}

Result<void> make_folders(const std::filesystem::path& path) {
    if (::mkdir(path.c_str(), kFolderMode) == 0) return {};
    if (errno == ENOENT && path.has_parent_path() && path.parent_path() != path) {
        TRY(make_folders(path.parent_path()));
        if (::mkdir(path.c_str(), kFolderMode) == 0) return {};
    }
    const int error_number = errno;
    std::error_code ignored;
    if (error_number == EEXIST && std::filesystem::is_directory(path, ignored)) return {};
    return disk_error(path, error_number == EEXIST ? ENOTDIR : error_number);
}

Result<void> read_at(const Descriptor& fd, const std::filesystem::path& path, uint64_t offset_bytes,
                     std::span<std::byte> out) {
    while (!out.empty()) {
        const ssize_t n = ::pread(fd.get(), out.data(), out.size(), off_t(offset_bytes));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return disk_error(path, errno);
        if (n == 0)
            return Error{Category::io, fmt::format("{}: ends before byte {}", path.string(),
                                                   offset_bytes + out.size())};
        offset_bytes += uint64_t(n);
        out = out.subspan(size_t(n));
    }
    return {};
}

Result<void> write_at(const Descriptor& fd, const std::filesystem::path& path,
                      uint64_t offset_bytes, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::pwrite(fd.get(), bytes.data(), bytes.size(), off_t(offset_bytes));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return disk_error(path, errno);
        offset_bytes += uint64_t(n);
        bytes = bytes.subspan(size_t(n));
    }
    return {};
}

Result<uint64_t> size_of(const Descriptor& fd, const std::filesystem::path& path) {
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) return disk_error(path, errno);
    return uint64_t(info.st_size);
}

bool is_same_file(const Descriptor& fd, const std::filesystem::path& path) {
    struct stat open_one {
    }, named{};
    return ::fstat(fd.get(), &open_one) == 0 && ::lstat(path.c_str(), &named) == 0 &&
           open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev;
}

Result<std::string> read_file(const std::filesystem::path& path, uint64_t max_bytes) {
    TRY(const Descriptor fd, open_file(path, O_RDONLY));
    TRY(const uint64_t size, size_of(fd, path));
    if (size > max_bytes)
        return Error{Category::cache,
                     fmt::format("{}: {} bytes, the limit is {}", path.string(), size, max_bytes)};
    std::string text(size_t(size), '\0');
    TRY(read_at(fd, path, 0, std::as_writable_bytes(std::span(text))));
    return text;
}

Result<void> replace_file(const std::filesystem::path& path, std::string_view text) {
    const std::filesystem::path temporary =
        path.string() + fmt::format(".tmp-{:08x}", std::random_device{}());
    Result<void> written = [&]() -> Result<void> {
        TRY(Descriptor fd, open_file(temporary, O_WRONLY | O_CREAT | O_EXCL));
        TRY(write_at(fd, temporary, 0, std::as_bytes(std::span(text))));
        if (!fd.close() || ::rename(temporary.c_str(), path.c_str()) != 0)
            return disk_error(path, errno);
        return {};
    }();
    if (!written) ::unlink(temporary.c_str());
    return written;
}

Result<void> require_room(const std::filesystem::path& folder, uint64_t need_bytes) {
    struct statvfs info {};
    if (::statvfs(folder.c_str(), &info) != 0) return disk_error(folder, errno);
    const uint64_t left_bytes = uint64_t(info.f_bavail) * info.f_frsize;
    if (need_bytes <= left_bytes) return {};
    return Error{Category::disk_full, fmt::format("{}: {} bytes are missing, the disk has {} left",
                                                  folder.string(), need_bytes, left_bytes)};
}

FileLock FileLock::try_lock(const Descriptor& fd) {
    FileLock lock;
    int result;
    do {
        result = ::flock(fd.get(), LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    if (result == 0) lock.fd_ = fd.get();
    return lock;
}

FileLock::~FileLock() {
    if (fd_ >= 0) ::flock(fd_, LOCK_UN);
}

}  // namespace m2w::fetch
