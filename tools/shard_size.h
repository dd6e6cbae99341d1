// shard_size.h — the value of --max-size, for all verbs that cut a model.
#pragma once
#include <cstdint>
#include <string>

#include "gguf/result.h"

namespace m2w::tools {

/// For the help of the option.
inline constexpr const char* kShardSizeHelp =
    "largest shard: bytes, as 25MB or 24MiB, or what a host takes: cloudflare, jsdelivr, github";

/// Bytes. Errors: usage.
Result<uint64_t> parse_shard_size(const std::string& text);

}  // namespace m2w::tools
