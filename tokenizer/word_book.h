// word_book.h — which words are tokens, and which of those merging gives. Merges nothing.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "tokenizer/string_pool.h"
#include "tokenizer/text_index.h"

namespace m2w::tokenizer {

/// Merging nearly always turns the text of a token into that one token, but only merging tells, so
/// it is found out when a token is first seen as a word. Threads may share one.
class WordBook {
  public:
    explicit WordBook(std::shared_ptr<const StringPool> pieces)
        : pieces_(std::move(pieces)), index_(pieces_->size()), whole_(pieces_->size()) {}

    /// Makes a token a word; false if another one has the same piece.
    bool add(uint32_t id) { return index_.insert((*pieces_)[id], id, *pieces_); }

    std::optional<uint32_t> find(std::string_view word) const {
        return index_.find(word, *pieces_);
    }
    /// Whether merging the token's own text is known to give it.
    bool is_whole(uint32_t id) const { return whole_[id].load(std::memory_order_relaxed); }
    /// Threads that race here write the same value.
    void remember_whole(uint32_t id) const { whole_[id].store(true, std::memory_order_relaxed); }

  private:
    std::shared_ptr<const StringPool> pieces_;
    TextIndex index_;                               // piece -> id
    mutable std::vector<std::atomic<bool>> whole_;  // [tokens]
};

}  // namespace m2w::tokenizer
