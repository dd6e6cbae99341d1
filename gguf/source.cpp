// source.cpp — bytes from a mapped file or from memory. Knows nothing of GGUF.
#include "gguf/source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <system_error>
#include <utility>

#include "gguf/descriptor.h"

namespace m2w {
namespace {

Error range_error(const std::string& name, uint64_t offset, uint64_t count, uint64_t size) {
    return Error{Category::truncated, fmt::format("{}: need {} bytes at byte {}, the source has {}",
                                                  name, count, offset, size)};
}

Error io_error(const std::string& name, int error_number) {
    // Not strerror: it is not thread-safe.
    return Error{Category::io, name + ": " + std::generic_category().message(error_number)};
}

bool in_range(uint64_t offset, uint64_t count, uint64_t size) {
    return offset <= size && count <= size - offset;
}

class FileSource final : public Source {
  public:
    FileSource(std::string name, Descriptor fd, uint64_t size)
        : name_(std::move(name)), fd_(std::move(fd)), size_(size) {
        if (size == 0) return;
        void* map = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd_.get(), 0);
        // Without a map (an address space limit, an odd file system) read() still works.
        if (map != MAP_FAILED) map_ = static_cast<std::byte*>(map);
    }
    FileSource(const FileSource&) = delete;
    FileSource& operator=(const FileSource&) = delete;
    ~FileSource() override {
        if (map_) ::munmap(map_, size_);
    }

    uint64_t size_bytes() const override { return size_; }
    const std::string& name() const override { return name_; }

    // pread and not the map: a file that shrinks or a failing disk gives an error, not SIGBUS.
    Result<void> read(uint64_t offset_bytes, std::span<std::byte> out) const override {
        if (!in_range(offset_bytes, out.size(), size_))
            return range_error(name_, offset_bytes, out.size(), size_);
        while (!out.empty()) {
            const ssize_t n = ::pread(fd_.get(), out.data(), out.size(), off_t(offset_bytes));
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return io_error(name_, errno);
            if (n == 0)
                return Error{Category::io,
                             fmt::format("{}: file shrank while in use: {} bytes when opened, no "
                                         "byte {} now",
                                         name_, size_, offset_bytes)};
            offset_bytes += uint64_t(n);
            out = out.subspan(size_t(n));
        }
        return {};
    }

    std::span<const std::byte> view(uint64_t offset_bytes, uint64_t count_bytes) const override {
        if (!map_ || !in_range(offset_bytes, count_bytes, size_)) return {};
        // Pages past the end of a file that shrank raise SIGBUS, so the size is asked again. What
        // remains is a file cut between this check and the use of the span (docs/limits.md).
        struct stat now {};
        if (::fstat(fd_.get(), &now) != 0 || uint64_t(now.st_size) < size_) return {};
        return {map_ + offset_bytes, size_t(count_bytes)};
    }

    void done_with(uint64_t offset_bytes, uint64_t count_bytes) const override {
        if (!map_ || !in_range(offset_bytes, count_bytes, size_)) return;
        const uint64_t page = uint64_t(::sysconf(_SC_PAGESIZE));
        const uint64_t first = (offset_bytes + page - 1) / page * page;
        const uint64_t end = (offset_bytes + count_bytes) / page * page;
        if (first < end) ::madvise(map_ + first, size_t(end - first), MADV_DONTNEED);
    }

  private:
    std::string name_;
    Descriptor fd_;
    uint64_t size_;
    std::byte* map_ = nullptr;
};

class MemorySource final : public Source {
  public:
    MemorySource(std::string name, std::string bytes)
        : name_(std::move(name)), bytes_(std::move(bytes)) {}

    uint64_t size_bytes() const override { return bytes_.size(); }
    const std::string& name() const override { return name_; }

    Result<void> read(uint64_t offset_bytes, std::span<std::byte> out) const override {
        if (!in_range(offset_bytes, out.size(), bytes_.size()))
            return range_error(name_, offset_bytes, out.size(), bytes_.size());
        if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset_bytes, out.size());
        return {};
    }

    std::span<const std::byte> view(uint64_t offset_bytes, uint64_t count_bytes) const override {
        if (!in_range(offset_bytes, count_bytes, bytes_.size())) return {};
        return std::as_bytes(std::span(bytes_)).subspan(offset_bytes, count_bytes);
    }

    void done_with(uint64_t, uint64_t) const override {}

  private:
    std::string name_, bytes_;
};

Result<std::shared_ptr<const Source>> open_regular_file(std::string path) {
    // O_NONBLOCK: opening a FIFO without a writer must not hang; regular files ignore it.
    Descriptor fd;
    do {
        fd = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    } while (!fd && errno == EINTR);
    struct stat info {};
    if (!fd || ::fstat(fd.get(), &info) != 0) return io_error(path, errno);
    if (!S_ISREG(info.st_mode))
        return Error{Category::io, path + (S_ISDIR(info.st_mode) ? ": is a directory"
                                                                 : ": is not a regular file")};
    return std::shared_ptr<const Source>(
        std::make_shared<FileSource>(std::move(path), std::move(fd), uint64_t(info.st_size)));
}

}  // namespace

Result<std::shared_ptr<const Source>> open_file_source(const std::filesystem::path& path) {
    try {
        return open_regular_file(path.string());
    } catch (const std::exception&) {
        return Error{Category::out_of_memory, "opening"};
    }
}

std::shared_ptr<const Source> make_memory_source(std::string name, std::string bytes) {
    return std::make_shared<MemorySource>(std::move(name), std::move(bytes));
}

}  // namespace m2w
