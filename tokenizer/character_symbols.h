// character_symbols.h — characters as the first symbols of merging. Merges nothing.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenizer/hash.h"
#include "tokenizer/merges.h"
#include "tokenizer/unicode_text.h"

namespace m2w::tokenizer {

/// Character -> symbol: a token's id, or a number of its own for a character that has no token but
/// stands inside of tokens.
class CharacterSymbols {
  public:
    CharacterSymbols() { ascii_.fill(kNoToken); }

    /// Gives a character a symbol, if it has none.
    void add(char32_t character, uint32_t symbol) {
        if (character < ascii_.size()) {
            if (ascii_[character] == kNoToken) ascii_[character] = symbol;
            return;
        }
        if (3 * (n_others_ + 1) > 2 * others_.size()) grow();
        Slot& slot = others_[locate(character)];
        if (slot.symbol != kNoToken) return;
        slot = {character, symbol};
        n_others_++;
    }
    /// The symbol of a character; kNoToken if it stands in no token.
    uint32_t find(char32_t character) const {
        if (character < ascii_.size()) return ascii_[character];
        return others_[locate(character)].symbol;
    }

  private:
    struct Slot {
        char32_t character = 0;
        uint32_t symbol = kNoToken;
    };
    size_t locate(char32_t character) const {
        const size_t mask = others_.size() - 1;
        size_t at = size_t(hash_word(character, key_)) & mask;
        while (others_[at].symbol != kNoToken && others_[at].character != character)
            at = (at + 1) & mask;
        return at;
    }
    void grow() {
        std::vector<Slot> old(others_.size() * 2);
        old.swap(others_);
        for (const Slot& slot : old) {
            if (slot.symbol != kNoToken) others_[locate(slot.character)] = slot;
        }
    }

    HashKey key_ = HashKey::of_process();
    std::array<uint32_t, 128> ascii_;
    std::vector<Slot> others_ = std::vector<Slot>(64);  // [power of two], at most two thirds full
    size_t n_others_ = 0;
};

/// Pairs of neighbouring symbols, some more than were added: for "certainly not one of them".
class PairFilter {
  public:
    /// n_pairs: how many will be added, about.
    explicit PairFilter(size_t n_pairs) {
        size_t n_words = 64;
        while (n_words * 8 < n_pairs) n_words *= 2;
        bits_.resize(n_words);
    }
    void add(uint32_t left, uint32_t right) {
        const uint64_t hash = hash_of(left, right);
        bits_[size_t(hash >> 6) & (bits_.size() - 1)] |= uint64_t{1} << (hash & 63);
    }
    bool may_contain(uint32_t left, uint32_t right) const {
        const uint64_t hash = hash_of(left, right);
        return bits_[size_t(hash >> 6) & (bits_.size() - 1)] >> (hash & 63) & 1;
    }

  private:
    uint64_t hash_of(uint32_t left, uint32_t right) const {
        return hash_word(uint64_t(left) << 32 | right, key_);
    }

    HashKey key_ = HashKey::of_process();
    std::vector<uint64_t> bits_;  // [power of two], at least 8 bits a pair
};

}  // namespace m2w::tokenizer
