// text_index.h — a hash table from texts to ids that does not own the texts. Fixed capacity.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "tokenizer/hash.h"

namespace m2w::tokenizer {

/// Text -> id. `text_of(id)` gives the text of an id that was inserted.
class TextIndex {
  public:
    TextIndex() = default;
    explicit TextIndex(size_t max_entries) {
        size_t n_slots = 8;
        while (n_slots < 2 * max_entries) n_slots *= 2;
        slots_.resize(n_slots);
    }

    /// Adds a text; false (and nothing added) if an equal one is there.
    template <class TextOf>
    bool insert(std::string_view text, uint32_t id, TextOf&& text_of) {
        const uint64_t hash = hash_text(text, HashKey::of_process());
        Slot& slot = slots_[locate(text, hash, text_of)];
        if (slot.id != kNone) return false;
        slot = {uint32_t(hash >> 32), id};
        return true;
    }

    template <class TextOf>
    std::optional<uint32_t> find(std::string_view text, TextOf&& text_of) const {
        const uint64_t hash = hash_text(text, HashKey::of_process());
        const Slot& slot = slots_[locate(text, hash, text_of)];
        if (slot.id == kNone) return std::nullopt;
        return slot.id;
    }

  private:
    static constexpr uint32_t kNone = UINT32_MAX;
    struct Slot {
        uint32_t tag = 0;  // upper half of the hash: spares most comparisons of texts
        uint32_t id = kNone;
    };

    template <class TextOf>
    size_t locate(std::string_view text, uint64_t hash, TextOf&& text_of) const {
        const size_t mask = slots_.size() - 1;
        size_t at = size_t(hash) & mask;
        while (slots_[at].id != kNone &&
               (slots_[at].tag != uint32_t(hash >> 32) || text_of(slots_[at].id) != text))
            at = (at + 1) & mask;
        return at;
    }

    std::vector<Slot> slots_ = std::vector<Slot>(8);  // [power of two], at most half full
};

}  // namespace m2w::tokenizer
