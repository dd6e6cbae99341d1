// cache_file.h — a checked file in the user's cache folder. Knows nothing of its content.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace m2w::vk {

/// $M2W_CACHE_DIR, else $XDG_CACHE_HOME/m2w, else ~/.cache/m2w; empty when none of them is set.
std::filesystem::path default_cache_dir();

/// FNV-1a over 64 bits: against damage, not against an attacker.
uint64_t checksum(std::span<const std::byte> bytes);

/// The content, or nothing when the file is missing, unreadable, of another format, shorter or
/// longer than it says, over 256 MiB, or damaged.
std::vector<std::byte> read_cache_file(const std::filesystem::path& path);

/// Replaces the file in one step, making its folder first; readers see the old or the new content.
/// False when that is not possible; nothing is left behind then.
bool write_cache_file(const std::filesystem::path& path, std::span<const std::byte> content);

}  // namespace m2w::vk
