// check_manifest.h — what must hold for any bytes given as a manifest. Shared by the fuzz target
// and the tests; a violation aborts.
#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace m2w::shards::fuzz {

/// The text with the digest that it should have, if it has the member for one.
std::string sign_manifest(std::string text);

/// Parses the bytes as a manifest, signed anew, and checks: an accepted one has clean names, ranges
/// inside of shards and parts that fill them without overlap, and is the same after printing and
/// parsing; opening it over shards of zeros, of the right sizes and of wrong ones, gives a model or
/// an error.
void check_manifest(std::span<const std::byte> bytes);

}  // namespace m2w::shards::fuzz
