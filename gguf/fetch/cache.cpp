// cache.cpp — the cache's folders: opening, completing and remembering. Listing is in
// cache_entries.cpp.
#include "gguf/fetch/cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <random>
#include <system_error>

#include "gguf/json_value.h"

namespace m2w::fetch {
namespace {

namespace fs = std::filesystem;

const char* find_variable(const char* name) {
    const char* value = std::getenv(name);
    return value && *value ? value : nullptr;
}

bool can_be_told_apart(const RemoteIdentity& identity) {
    return !identity.sha256.empty() || !identity.etag.empty();
}

/// Where a file that has just been used stands in the order of prune.
void touch(const fs::path& path) {
    ::utimensat(AT_FDCWD, path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);  // a read-only cache: never
}

std::optional<Ref> parse_ref(const std::string& text) {
    const auto json = parse_json(text, {.depth = 8, .values = 1u << 16});
    if (!json) return std::nullopt;
    const JsonValue *name = json->find("name"), *parts = json->find("parts");
    if (!name || name->kind != JsonValue::Kind::text || !parts ||
        parts->kind != JsonValue::Kind::array)
        return std::nullopt;
    Ref ref{name->text, {}};
    for (const JsonValue& part : parts->items) {
        auto identity = identity_of(part);
        if (!identity) return std::nullopt;
        ref.parts.push_back(*std::move(identity));
    }
    if (ref.parts.empty()) return std::nullopt;
    return ref;
}

}  // namespace

Result<fs::path> Cache::default_root() {
    if (const char* root = find_variable("M2W_CACHE")) return fs::path(root);
    if (const char* root = find_variable("XDG_CACHE_HOME")) return fs::path(root) / "m2w";
    if (const char* home = find_variable("HOME")) return fs::path(home) / ".cache" / "m2w";
    return Error{Category::cache, "no folder for the cache: set M2W_CACHE, XDG_CACHE_HOME or HOME"};
}

ChunkFile::Paths Cache::complete_paths(const std::string& sha256) const {
    return {root_ / "blobs" / sha256, root_ / "blobs" / (sha256 + ".journal")};
}

ChunkFile::Paths Cache::partial_paths(const std::string& key) const {
    return {root_ / "partial" / key / "data", root_ / "partial" / key / "journal"};
}

fs::path Cache::ref_path(std::string_view name) const {
    return root_ / "refs" / (sha256_hex(name) + ".json");
}

bool Cache::has_complete(const std::string& sha256) const {
    std::error_code ignored;
    return is_sha256_hex(sha256) && fs::is_regular_file(complete_paths(sha256).data, ignored);
}

bool Cache::has_any(const std::string& url) const {
    std::error_code ignored;
    return fs::exists(partial_paths(sha256_hex(url)).data, ignored) ||
           fs::exists(ref_path(url), ignored);
}

std::optional<Ref> Cache::read_ref(const fs::path& path) {
    const auto text = read_file(path, kMaxRefBytes);
    return text ? parse_ref(*text) : std::nullopt;
}

std::optional<Ref> Cache::find_ref(std::string_view name) const {
    auto ref = read_ref(ref_path(name));
    if (!ref || ref->name != name) return std::nullopt;
    return ref;
}

Result<void> Cache::write_ref(const Ref& ref) const {
    if (const auto there = find_ref(ref.name); there && there->parts == ref.parts) return {};
    std::string parts;
    for (const RemoteIdentity& part : ref.parts)
        parts += (parts.empty() ? "\n  " : ",\n  ") + identity_to_json(part);
    TRY(make_folders(root_ / "refs"));
    return replace_file(ref_path(ref.name), fmt::format("{{\"name\":{},\n\"parts\":[{}]}}\n",
                                                        json_text(ref.name), parts));
}

Result<std::shared_ptr<CachedFile>> Cache::open(const RemoteIdentity& identity,
                                                const CachedFileOptions& options) const {
    RemoteIdentity known = identity;
    const auto learn_sha256 = [&] {
        const auto ref = find_ref(identity.url);
        if (known.sha256.empty() && ref && is_same_content(ref->parts.front(), identity))
            known.sha256 = ref->parts.front().sha256;
        return has_complete(known.sha256);
    };
    if (learn_sha256()) {
        auto file = open_complete(known, options);
        if (file || file.error().category != Category::checksum) return file;
        if (options.note) options.note(file.error().message + "; it is downloaded again");
        const auto paths = complete_paths(known.sha256);
        std::error_code ignored;
        fs::remove(paths.data, ignored);
        fs::remove(paths.journal, ignored);
    }
    // What cannot be told apart from another version is never resumed: a place of its own.
    CachedFileOptions mine = options;
    mine.temporary = !can_be_told_apart(identity);
    std::string key = sha256_hex(identity.url);
    if (mine.temporary) key += fmt::format("-{:08x}", std::random_device{}());
    TRY(ChunkFile file, ChunkFile::open_or_begin(partial_paths(key), identity, options.patience));
    // Another process may have completed it between the two looks.
    if (file.recorded_bytes() == 0 && learn_sha256()) {
        if (const FileLock lock = file.try_lock()) file.remove();
        return open_complete(known, options);
    }
    return std::make_shared<CachedFile>(std::move(file), false, std::move(mine));
}

Result<std::shared_ptr<CachedFile>> Cache::find(const RemoteIdentity& identity,
                                                const CachedFileOptions& options) const {
    if (has_complete(identity.sha256)) return open_complete(identity, options);
    const auto paths = partial_paths(sha256_hex(identity.url));
    std::error_code ignored;
    if (!fs::exists(paths.data, ignored)) return std::shared_ptr<CachedFile>();
    auto file = ChunkFile::open_existing(paths);
    if (!file || !is_same_content(file->identity(), identity)) return std::shared_ptr<CachedFile>();
    return std::make_shared<CachedFile>(*std::move(file), false, options);
}

Result<std::shared_ptr<CachedFile>> Cache::open_complete(const RemoteIdentity& identity,
                                                         const CachedFileOptions& options) const {
    const ChunkFile::Paths paths = complete_paths(identity.sha256);
    auto file = ChunkFile::open_existing(paths);
    std::error_code ignored;
    if (!file || file->layout().size_bytes != fs::file_size(paths.data, ignored)) {
        TRY(rebuild_journal(identity));
        file = ChunkFile::open_existing(paths);
    }
    if (!file) return file.error();
    touch(paths.journal);
    return std::make_shared<CachedFile>(*std::move(file), true, options);
}

/// The journal of a complete file is gone or no journal: the file's name still says what it is.
Result<void> Cache::rebuild_journal(const RemoteIdentity& identity) const {
    const ChunkFile::Paths paths = complete_paths(identity.sha256);
    TRY(const Descriptor fd, open_file(paths.data, O_RDONLY));
    RemoteIdentity found = identity;
    TRY(found.size_bytes, size_of(fd, paths.data));
    const ChunkLayout layout = ChunkLayout::of(found.size_bytes);
    std::string journal = journal_header(found);
    std::vector<std::byte> buffer(kHashPieceBytes);
    Sha256 whole;
    for (uint64_t chunk = 0; chunk < layout.count(); chunk++) {
        Sha256 hash;
        for (uint64_t at = 0; at < layout.size(chunk);) {
            const auto piece = std::span(buffer).first(
                size_t(std::min<uint64_t>(buffer.size(), layout.size(chunk) - at)));
            TRY(read_at(fd, paths.data, layout.begin(chunk) + at, piece));
            hash.update(piece);
            whole.update(piece);
            at += piece.size();
        }
        journal += journal_line({chunk, layout.size(chunk), hash.digest()});
    }
    if (whole.hex() != identity.sha256)
        return Error{Category::checksum, fmt::format("{}: SHA-256 is {}, its name says otherwise",
                                                     paths.data.string(), whole.hex())};
    return replace_file(paths.journal, journal);
}

Result<void> Cache::complete(CachedFile& file, const std::string& sha256) const {
    RemoteIdentity identity = file.identity();
    identity.sha256 = sha256;
    TRY(make_folders(root_ / "blobs"));
    // The ref first: ended between the two, the next run still finds one of them.
    TRY(write_ref({identity.url, {identity}}));
    return file.complete(complete_paths(sha256), identity);
}

}  // namespace m2w::fetch
