// splitter.h — cuts text into words with PCRE2 patterns. Does not know where patterns come from.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "gguf/result.h"

struct pcre2_real_code_8;

namespace m2w::tokenizer {

/// Compiled patterns. Immutable; share it freely between threads.
class Splitter {
  public:
    /// In the patterns \s and \S mean Unicode's White_Space, as in the regex engines that models
    /// are trained with; PCRE2's own \s also takes U+180E. Errors: internal (a pattern of ours does
    /// not compile).
    static Result<Splitter> compile(std::span<const std::string_view> patterns);

    /// Cuts a text: matches and the gaps between them are pieces, and every pattern cuts the pieces
    /// of the one before. text: valid UTF-8, at most 4 GiB. Returns the end offset of each piece,
    /// ascending; the last is the text's size. Stack use does not grow with the text. Errors:
    /// resource_limit (a pattern backtracks without end), out_of_memory.
    Result<std::vector<uint32_t>> split(std::string_view text) const;

  private:
    struct FreeCode {
        void operator()(pcre2_real_code_8* code) const;
    };
    std::vector<std::unique_ptr<pcre2_real_code_8, FreeCode>> codes_;
};

}  // namespace m2w::tokenizer
