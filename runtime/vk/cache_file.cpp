// cache_file.cpp — header, checksum, atomic replacement.
#include "runtime/vk/cache_file.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

namespace m2w::vk {
namespace {

namespace fs = std::filesystem;

struct Header {
    char magic[8];
    uint64_t size_bytes;
    uint64_t checksum;
};
constexpr char kMagic[8] = {'m', '2', 'w', 'c', 'a', 'c', 'h', '1'};
constexpr uint64_t kMaxBytes = uint64_t(256) << 20;

/// The folder that a variable names; empty when unset. Relative ones are to be ignored (XDG Base
/// Directory Specification).
fs::path folder(const char* variable) {
    const char* value = std::getenv(variable);
    const fs::path path = value ? value : "";
    return path.is_absolute() ? path : fs::path();
}

}  // namespace

fs::path default_cache_dir() {
    if (const char* own = std::getenv("M2W_CACHE_DIR"); own && *own) return own;
    if (const fs::path xdg = folder("XDG_CACHE_HOME"); !xdg.empty()) return xdg / "m2w";
    if (const fs::path home = folder("HOME"); !home.empty()) return home / ".cache" / "m2w";
    return {};
}

uint64_t checksum(std::span<const std::byte> bytes) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (const std::byte byte : bytes) hash = (hash ^ uint64_t(byte)) * 0x100000001b3u;
    return hash;
}

std::vector<std::byte> read_cache_file(const fs::path& path) {
    std::error_code error;
    const uint64_t file_bytes = fs::file_size(path, error);
    if (error || file_bytes < sizeof(Header) || file_bytes > kMaxBytes) return {};
    std::ifstream in(path, std::ios::binary);
    Header header{};
    in.read(reinterpret_cast<char*>(&header), sizeof header);
    if (!in || std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 ||
        header.size_bytes != file_bytes - sizeof(Header))
        return {};
    std::vector<std::byte> content(header.size_bytes);
    in.read(reinterpret_cast<char*>(content.data()), std::streamsize(content.size()));
    if (!in || checksum(content) != header.checksum) return {};
    return content;
}

bool write_cache_file(const fs::path& path, std::span<const std::byte> content) {
    std::error_code error;
    if (content.size() > kMaxBytes - sizeof(Header)) return false;
    fs::create_directories(path.parent_path(), error);
    const fs::path temporary = path.string() + ".tmp-" + std::to_string(getpid());
    Header header{{}, content.size(), checksum(content)};
    std::memcpy(header.magic, kMagic, sizeof kMagic);
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(&header), sizeof header);
    out.write(reinterpret_cast<const char*>(content.data()), std::streamsize(content.size()));
    out.close();
    if (out) fs::rename(temporary, path, error);
    if (out && !error) return true;
    fs::remove(temporary, error);
    return false;
}

}  // namespace m2w::vk
