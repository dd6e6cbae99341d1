// shard_notes.cpp — "INDEX SHA256 FILE" for a shard, "piece INDEX NUMBER SHA256" for a part of one.
#include "gguf/shards/shard_notes.h"

#include <fmt/format.h>

#include <charconv>

#include "gguf/sha256.h"

namespace m2w::shards {
namespace {

constexpr std::string_view kPiece = "piece";

/// Takes the text up to the separator, and the separator.
std::string_view take(std::string_view& text, char separator) {
    const size_t end = text.find(separator);
    const std::string_view taken = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    return taken;
}

template <class Number>
bool parse_number(std::string_view text, Number& out) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
    return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

void add_piece(std::string_view line, ShardNotes& notes) {
    uint32_t index = 0;
    uint64_t number = 0;
    if (!parse_number(take(line, ' '), index) || !parse_number(take(line, ' '), number) ||
        !is_sha256_hex(line))
        return;
    if (index != notes.index_under_way) notes.pieces.clear();
    notes.index_under_way = index;
    notes.pieces[number] = std::string(line);
}

void add_shard(std::string_view line, ShardNotes& notes) {
    uint32_t index = 0;
    if (!parse_number(take(line, ' '), index)) return;
    const std::string_view sha256 = take(line, ' ');
    if (!is_sha256_hex(sha256)) return;
    notes.finished[index] = {std::string(sha256), std::string(line)};
}

}  // namespace

std::string print_shard_note(uint32_t index, const Shard& shard) {
    return fmt::format("{} {} {}", index, shard.sha256, shard.file);
}

std::string print_piece_note(uint32_t index, uint64_t piece, const std::string& sha256) {
    return fmt::format("{} {} {} {}", kPiece, index, piece, sha256);
}

std::string_view ShardNotes::piece(uint32_t index, uint64_t number) const {
    const auto at = index == index_under_way ? pieces.find(number) : pieces.end();
    return at == pieces.end() ? std::string_view() : at->second;
}

ShardNotes parse_shard_notes(std::string_view text, std::string_view identity) {
    ShardNotes notes;
    notes.same_run = take(text, '\n') == identity;
    while (notes.same_run && !text.empty()) {
        std::string_view line = take(text, '\n');
        if (line.starts_with(kPiece)) {
            take(line, ' ');
            add_piece(line, notes);
        } else {
            add_shard(line, notes);
        }
    }
    return notes;
}

}  // namespace m2w::shards
