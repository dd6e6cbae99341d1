// turns.h — RoPE's fractions of a turn by the formula that gives them, where there is one.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace m2w::web {

/// Arguments for turns() of dispatches.ts, "pairs, base" or "pairs, base, factor", which gives
/// these words (u32 [pairs][2], low and high, as runtime/model/rope_turns.h has them) up to 2^-52
/// of a turn: less than what a table of f32 keeps at any position below 2^24. None where turns are
/// scaled each in its own way.
std::optional<std::string> turns_arguments(std::span<const uint32_t> words);

}  // namespace m2w::web
