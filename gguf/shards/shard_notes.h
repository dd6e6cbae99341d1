// shard_notes.h — what a run notes of its shards, for one after it that goes on: finished files,
// and how much of the one under way is there. Lines of text; opens nothing and believes nothing.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "gguf/shards/manifest.h"

namespace m2w::shards {

/// A shard whose content is whole, by its place in the order of writing. Whether it also got its
/// name, the folder says.
std::string print_shard_note(uint32_t index, const Shard& shard);
/// A piece of the shard under way: its number there, and the SHA-256 of the bytes of the model file
/// that it was made from.
std::string print_piece_note(uint32_t index, uint64_t piece, const std::string& sha256);

struct ShardNotes {
    struct Finished {
        std::string sha256, file;
    };
    /// Whether they are of the run that asks; if not, they are empty.
    bool same_run = false;
    std::map<uint32_t, Finished> finished;
    /// Of one shard, the last that was under way: SHA-256 by number.
    uint32_t index_under_way = 0;
    std::map<uint64_t, std::string> pieces;

    /// The digest that a piece had, or empty.
    std::string_view piece(uint32_t index, uint64_t number) const;
    bool has_pieces(uint32_t index) const { return index == index_under_way && !pieces.empty(); }
};

/// The notes behind the line that says what they are of. A line that says nothing is left out.
ShardNotes parse_shard_notes(std::string_view text, std::string_view identity);

}  // namespace m2w::shards
