// shard_folder.cpp — a folder as a sink: a nameless file becomes a shard by rename, after it is on
// the disk. Follows no symbolic links inside of the folder.
#include "gguf/shards/shard_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>

#include "gguf/descriptor.h"

namespace m2w::shards {
namespace {

namespace fs = std::filesystem;

// Both begin with a dot: no web server's listing, no glob has them.
constexpr const char* kUnfinished = ".m2w-shard.tmp";
constexpr const char* kNotes = ".m2w-shard.notes";

class FolderSink final : public ShardSink {
  public:
    explicit FolderSink(fs::path folder) : folder_(std::move(folder)) {}
    ~FolderSink() override {
        // Without notes the folder holds what the manifest names, and nothing else of ours.
        if (!locked_ || !notes_.empty()) return;
        ::unlinkat(dir_.get(), kUnfinished, 0);
        ::unlinkat(dir_.get(), kNotes, 0);
    }

    Result<void> open() {
        std::error_code error;
        fs::create_directories(folder_, error);
        if (error) return Error{Category::io, folder_.string() + ": " + error.message()};
        dir_ = Descriptor(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!dir_) return failure("", errno);
        notes_file_ = Descriptor(
            ::openat(dir_.get(), kNotes, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666));
        if (!notes_file_) return failure(kNotes, errno);
        if (::flock(notes_file_.get(), LOCK_EX | LOCK_NB) != 0)
            return Error{Category::io,
                         folder_.string() + ": another run is writing shards into this folder"};
        locked_ = true;
        return read_notes();
    }

    Result<std::shared_ptr<const Source>> find(const std::string& file) override {
        struct stat info {};
        if (::fstatat(dir_.get(), file.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno == ENOENT) return std::shared_ptr<const Source>();
            return failure(file, errno);
        }
        if (!S_ISREG(info.st_mode))
            return Error{Category::io, (folder_ / file).string() + ": is not a regular file"};
        return open_file_source(folder_ / file);
    }

    Result<void> begin(uint64_t size_bytes) override {
        file_.close();
        // The lock is ours, so what is there without a name is nobody else's.
        if (::unlinkat(dir_.get(), kUnfinished, 0) != 0 && errno != ENOENT)
            return failure(kUnfinished, errno);
        TRY(const uint64_t left_bytes, room_for(size_bytes));
        file_ = Descriptor(::openat(dir_.get(), kUnfinished,
                                    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
        if (!file_) return failure(kUnfinished, errno);
        TRY(reserve(size_bytes, left_bytes));
        if (::ftruncate(file_.get(), off_t(size_bytes)) != 0) return failure(kUnfinished, errno);
        return {};
    }

    Result<bool> resume(uint64_t size_bytes) override {
        // O_NONBLOCK: a pipe that has the name would be waited for.
        file_ = Descriptor(
            ::openat(dir_.get(), kUnfinished, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        struct stat info {};
        if (!file_ || ::fstat(file_.get(), &info) != 0 || !S_ISREG(info.st_mode) ||
            uint64_t(info.st_size) != size_bytes)
            return false;
        const uint64_t here_bytes = uint64_t(info.st_blocks) * 512;  // whatever the file system's
        TRY(const uint64_t left_bytes, room_for(size_bytes - std::min(size_bytes, here_bytes)));
        TRY(reserve(size_bytes, left_bytes));
        return true;
    }

    Result<void> write(uint64_t offset_bytes, std::span<const std::byte> bytes) override {
        while (!bytes.empty()) {
            const ssize_t n =
                ::pwrite(file_.get(), bytes.data(), bytes.size(), off_t(offset_bytes));
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return failure(kUnfinished, n < 0 ? errno : ENOSPC);
            offset_bytes += uint64_t(n);
            bytes = bytes.subspan(size_t(n));
        }
        return {};
    }

    Result<void> read(uint64_t offset_bytes, std::span<std::byte> out) override {
        while (!out.empty()) {
            const ssize_t n = ::pread(file_.get(), out.data(), out.size(), off_t(offset_bytes));
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return failure(kUnfinished, n < 0 ? errno : EIO);
            offset_bytes += uint64_t(n);
            out = out.subspan(size_t(n));
        }
        return {};
    }

    Result<void> commit(const std::string& file) override {
        if (::fsync(file_.get()) != 0) return failure(kUnfinished, errno);
        if (!file_.close()) return failure(kUnfinished, errno);
        if (::renameat(dir_.get(), kUnfinished, dir_.get(), file.c_str()) != 0) {
            const int why = errno;
            ::unlinkat(dir_.get(), kUnfinished, 0);
            return failure(file, why);
        }
        return sync_folder();
    }

    void discard() override {
        if (!file_) return;
        file_.close();
        ::unlinkat(dir_.get(), kUnfinished, 0);
    }

    const std::string& notes() const override { return notes_; }

    Result<void> note(std::string_view line) override {
        const std::string text = std::string(line) + "\n";
        for (size_t done = 0; done < text.size();) {
            const ssize_t n = ::pwrite(notes_file_.get(), text.data() + done, text.size() - done,
                                       off_t(notes_.size() + done));
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return failure(kNotes, n < 0 ? errno : ENOSPC);
            done += size_t(n);
        }
        // Not synced: a lost note costs making a shard again, and finding that it is there.
        notes_ += text;
        return {};
    }

    Result<void> clear_notes() override {
        notes_.clear();
        if (::ftruncate(notes_file_.get(), 0) != 0) return failure(kNotes, errno);
        return {};
    }

  private:
    /// A torn last line is no line.
    Result<void> read_notes() {
        constexpr size_t kMaxNotesBytes = 64u << 20;  // of a model of some 700 GB
        char buffer[4096];
        for (ssize_t n;
             (n = ::pread(notes_file_.get(), buffer, sizeof(buffer), off_t(notes_.size()))) != 0;) {
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return failure(kNotes, errno);
            notes_.append(buffer, size_t(n));
            if (notes_.size() > kMaxNotesBytes) return clear_notes();
        }
        notes_.erase(notes_.rfind('\n') + 1);
        if (::ftruncate(notes_file_.get(), off_t(notes_.size())) != 0)
            return failure(kNotes, errno);
        return {};
    }

    Result<void> sync_folder() {
        // Some file systems cannot sync a folder and say EINVAL.
        if (::fsync(dir_.get()) != 0 && errno != EINVAL) return failure("", errno);
        return {};
    }

    Error failure(const std::string& name, int why) const {
        const bool full = why == ENOSPC || why == EDQUOT || why == EFBIG;
        return Error{full ? Category::disk_full : Category::io,
                     (name.empty() ? folder_ : folder_ / name).string() + ": " +
                         std::generic_category().message(why)};
    }

    Result<uint64_t> free_bytes() const {
        struct statvfs space {};
        if (::fstatvfs(dir_.get(), &space) != 0) return failure("", errno);
        return uint64_t(space.f_bavail) * space.f_frsize;
    }

    /// What is free, if that is enough for all of a file, before any of it is made. fallocate(2)
    /// alone would say so too, but some file systems have it not, and some fill the disk before
    /// they find that it fails.
    Result<uint64_t> room_for(uint64_t size_bytes) const {
        TRY(const uint64_t left_bytes, free_bytes());
        if (size_bytes > left_bytes) return no_room(size_bytes, left_bytes);
        return left_bytes;
    }

    Result<void> reserve(uint64_t size_bytes, uint64_t left_bytes) const {
        if (size_bytes > 0 && ::fallocate(file_.get(), 0, 0, off_t(size_bytes)) != 0 &&
            (errno == ENOSPC || errno == EDQUOT))
            return no_room(size_bytes, left_bytes);
        return {};
    }

    Error no_room(uint64_t size_bytes, uint64_t left_bytes) const {
        return Error{Category::disk_full,
                     fmt::format("{}: the next shard needs {} bytes, {} are free", folder_.string(),
                                 size_bytes, left_bytes)};
    }

    const fs::path folder_;
    Descriptor dir_, notes_file_, file_;
    std::string notes_;
    bool locked_ = false;
};

}  // namespace

Result<std::unique_ptr<ShardSink>> open_shard_folder(const fs::path& folder) {
    try {
        auto sink = std::make_unique<FolderSink>(folder);
        TRY(sink->open());
        return std::unique_ptr<ShardSink>(std::move(sink));
    } catch (const std::exception&) {
        return Error{Category::out_of_memory, "opening"};
    }
}

}  // namespace m2w::shards
