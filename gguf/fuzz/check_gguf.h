// check_gguf.h — what must hold for any bytes given to the parser. Shared by the fuzz target and
// the tests; a violation aborts.
#pragma once
#include <cstddef>
#include <span>

namespace m2w::gguf::fuzz {

/// Parses the bytes as a model file (and what follows a second "GGUF" in them as its second part)
/// and checks: the same outcome for windows of 1 byte, 7 bytes and 64 KiB; a refusal has a category
/// for refused files; an accepted file keeps every promise of file.h, and writing and parsing it
/// again gives the same.
void check_gguf(std::span<const std::byte> bytes);

}  // namespace m2w::gguf::fuzz
