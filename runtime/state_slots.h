// state_slots.h — which slot holds the recurrent states of which position: the current ones, and a
// bounded number of earlier ones to go back to. Knows no executor.
#pragma once
#include <cstdint>
#include <vector>

namespace m2w {

/// Caches can be cut at any position, recurrent states cannot: they are kept where someone may want
/// to go back to. Batches read one slot and write another, so keeping copies nothing. Position 0
/// needs no slot: its states are zero.
class StateSlots {
  public:
    /// n_kept: how many earlier positions can be kept.
    explicit StateSlots(uint32_t n_kept) : n_kept_(n_kept) {}

    /// Slots that an executor needs for it: the kept ones, the current one, the one that is
    /// written.
    static uint32_t n_slots(uint32_t n_kept) { return n_kept + 2; }

    /// Tokens that the current states have seen.
    uint32_t position() const { return current_.position; }

    struct Batch {
        uint32_t past_slot, state_slot;
    };
    /// Where the next batch reads and writes.
    Batch next() const;
    /// That batch ran, with n_tok tokens.
    void advance(uint32_t n_tok);

    /// Keeps the current states. When there is no room, those are dropped first that the fewest
    /// tokens can bring back from the ones kept before them.
    void keep();
    /// Forgets what saw more than `position` tokens; the current states are then the latest kept
    /// ones, or those of position 0.
    void cut(uint32_t position);

    /// The kept positions, ascending.
    std::vector<uint32_t> kept() const;

  private:
    struct States {
        uint32_t position = 0;
        uint32_t slot = 0;  // of no meaning at position 0
    };
    bool is_free(uint32_t slot) const;

    uint32_t n_kept_;
    States current_;
    std::vector<States> kept_;  // by position
};

}  // namespace m2w
