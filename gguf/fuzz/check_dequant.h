// check_dequant.h — what must hold for the blocks of any weight type. Shared by the fuzz target and
// the tests; a violation aborts.
#pragma once
#include <cstddef>
#include <span>

namespace m2w::fuzz {

/// The first byte chooses a type, the rest are its blocks: the decoder gives what a reference gives
/// that picks out one weight at a time, find_non_finite_block finds exactly the blocks with a
/// weight that is not finite or a scale that is not, and repacking keeps every byte.
void check_dequant(std::span<const std::byte> bytes);

}  // namespace m2w::fuzz
