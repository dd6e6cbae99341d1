// text_matcher.h — finds many texts at once, in one pass. Does not decide which of them count.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace m2w::tokenizer {

/// An automaton after Aho and Corasick, "Efficient string matching: an aid to bibliographic search"
/// (1975). It reads forward or, for texts that are to be found by their beginnings, backward.
/// Every step() is constant time on average over a text, whatever the texts. Immutable.
class TextMatcher {
  public:
    enum class Direction : uint8_t { forward, backward };
    struct Text {
        std::string_view text;
        uint32_t id;
    };
    using State = uint32_t;
    static constexpr State kStart = 0;

    /// texts: different, none empty.
    TextMatcher(std::vector<Text> texts, Direction direction);

    bool empty() const { return bytes_.size() == 1; }
    /// The state after one more byte, in the direction of reading.
    State step(State state, char byte) const {
        while (true) {
            if (state == kStart) return root_[uint8_t(byte)];
            if (const State next = child(state, uint8_t(byte)); next != kStart) return next;
            state = nodes_[state].fallback;
        }
    }
    /// The state of one more byte of a text, without falling back: kStart if no text goes on so.
    State child_of(State state, char byte) const {
        return state == kStart ? root_[uint8_t(byte)] : child(state, uint8_t(byte));
    }
    /// How many of the last bytes read begin (in the direction of reading) a text: the longest such
    /// run of bytes. The next shorter one is that of fallback(state).
    uint32_t depth(State state) const { return nodes_[state].depth; }
    State fallback(State state) const { return nodes_[state].fallback; }

    /// The longest text that the last bytes read complete; length 0 if there is none.
    struct Found {
        uint32_t length;
        uint32_t id;
    };
    Found found(State state) const { return {nodes_[state].found_length, nodes_[state].found_id}; }

  private:
    // Nodes are numbered breadth first: the children of one are a range, in the order of their
    // bytes, and every fallback has a smaller number.
    struct Node {
        uint32_t depth = 0;
        State fallback = kStart;  // the longest proper suffix that is a node as well
        State first_child = 0;    // up to the next node's first_child
        uint32_t found_length = 0;
        uint32_t found_id = 0;
    };

    State child(State state, uint8_t byte) const {
        for (State i = nodes_[state].first_child; i < nodes_[state + 1].first_child; i++) {
            if (bytes_[i] == byte) return i;
        }
        return kStart;
    }
    void grow(const std::vector<Text>& texts, Direction direction);
    void link();

    std::vector<Node> nodes_;     // [nodes + 1], the last one only ends a range
    std::vector<uint8_t> bytes_;  // [nodes] the byte that leads to the node
    std::array<State, 256> root_{};
};

}  // namespace m2w::tokenizer
