// shard_size.cpp — the table of hosts, and units.
#include "tools/shard_size.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

namespace m2w::tools {
namespace {

constexpr uint64_t kLeastShardBytes = 4096;

/// Largest files of hosts, each a little below: where a host means MiB, MB fit too.
struct Preset {
    std::string_view name;
    uint64_t bytes;
};
constexpr Preset kPresets[] = {
    {"cloudflare", 25'000'000},  // Pages: 25 MiB
    {"jsdelivr", 50'000'000},    // a package: 50 MB
    {"github", 100'000'000},     // a file in a repository: 100 MiB
};

struct Unit {
    std::string_view name;
    uint64_t bytes;
};
constexpr Unit kUnits[] = {
    {"", 1},           {"KB", 1'000},     {"MB", 1'000'000}, {"GB", 1'000'000'000},
    {"KiB", 1u << 10}, {"MiB", 1u << 20}, {"GiB", 1u << 30}};

}  // namespace

Result<uint64_t> parse_shard_size(const std::string& text) {
    for (const Preset& preset : kPresets)
        if (preset.name == text) return preset.bytes;
    uint64_t number = 0, bytes = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(parsed.ptr, size_t(text.data() + text.size() - parsed.ptr));
    if (parsed.ec == std::errc())
        for (const Unit& known : kUnits)
            if (known.name == unit && !__builtin_mul_overflow(number, known.bytes, &bytes) &&
                bytes >= kLeastShardBytes && bytes <= uint64_t(INT64_MAX))
                return bytes;
    return Error{Category::usage,
                 fmt::format("--max-size: expected bytes (at least {}), as 25MB or 24MiB, or "
                             "cloudflare, jsdelivr or github; got \"{}\"",
                             kLeastShardBytes, text)};
}

}  // namespace m2w::tools
