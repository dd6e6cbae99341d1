// pins.h — m2w.lock: which bytes a name stands for, so that tomorrow's are today's. Fetches
// nothing.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/fetch/limits.h"
#include "gguf/fetch/remote_file.h"
#include "gguf/result.h"

namespace m2w::fetch {

/// Name -> its files, part by part, each with url, size, sha256 and, where the server told one,
/// revision.
using Pins = std::map<std::string, std::vector<RemoteIdentity>>;

/// Errors: cache, with what is wrong; every file must have url, size and sha256.
Result<Pins> parse_pins(std::string_view json);
/// One text for the same pins, whatever order they came in.
std::string print_pins(const Pins& pins);

/// What a pin says of a file that was pulled: for a hub's name its address at the revision that it
/// had, so that it stays reachable when the branch moves on.
RemoteIdentity pin_of(std::string_view name, RemoteIdentity identity);

}  // namespace m2w::fetch
