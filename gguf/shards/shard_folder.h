// shard_folder.h — where a writer puts shards: files that appear whole or not at all. Knows no
// tensor.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "gguf/result.h"
#include "gguf/source.h"

namespace m2w::shards {

/// Takes one file at a time, which gets its name when its content is known, and keeps notes for a
/// run after this one, should this one not come to its end. One thread. Errors of all: io,
/// disk_full.
class ShardSink {
  public:
    virtual ~ShardSink() = default;

    /// A file that is there under this name; null if there is none. Errors also: io when something
    /// else has the name, a symbolic link for one.
    virtual Result<std::shared_ptr<const Source>> find(const std::string& file) = 0;

    /// A file of so many zeros, without a name.
    virtual Result<void> begin(uint64_t size_bytes) = 0;
    /// Instead: the file that was begun last and got no name, by this run or an earlier one. False:
    /// there is none of this size. What is in it is anyone's guess.
    virtual Result<bool> resume(uint64_t size_bytes) = 0;
    virtual Result<void> write(uint64_t offset_bytes, std::span<const std::byte> bytes) = 0;
    /// What is in the file now.
    virtual Result<void> read(uint64_t offset_bytes, std::span<std::byte> out) = 0;
    /// Gives it its name, in the place of what has it. It is on the disk before the name is.
    virtual Result<void> commit(const std::string& file) = 0;
    /// Without it a file that got no name stays for resume(), as long as there are notes.
    virtual void discard() = 0;

    /// Lines that earlier runs noted and this one.
    virtual const std::string& notes() const = 0;
    virtual Result<void> note(std::string_view line) = 0;
    /// Forgets all notes: before the first of another run, or because all is done.
    virtual Result<void> clear_notes() = 0;
};

/// A folder, made if it is not there. Only one run at a time gets it. Errors: io.
Result<std::unique_ptr<ShardSink>> open_shard_folder(const std::filesystem::path& folder);

}  // namespace m2w::shards
