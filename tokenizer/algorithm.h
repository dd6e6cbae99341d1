// algorithm.h — the seam between Tokenizer and the ways to encode text. One file an algorithm.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "gguf/file.h"
#include "gguf/result.h"
#include "tokenizer/string_pool.h"
#include "tokenizer/vocabulary.h"

namespace m2w::tokenizer {

/// Encodes the text between special tokens. Immutable, shared between threads; owns all it needs.
class Algorithm {
  public:
    virtual ~Algorithm() = default;
    /// Appends the ids of a text: any bytes, none of which belong to a special token. Errors:
    /// resource_limit, out_of_memory.
    virtual Result<void> encode(std::string_view text, std::vector<uint32_t>& ids) const = 0;
    virtual std::string_view name() const = 0;
    /// Whether texts begin with the bos token where the file does not say.
    virtual bool adds_bos() const = 0;
};

struct AlgorithmInput {
    const gguf::File& file;
    const Vocabulary& vocab;
};

/// What a maker returns: the algorithm, and the bytes of every token.
struct MadeAlgorithm {
    std::unique_ptr<const Algorithm> algorithm;
    std::shared_ptr<const StringPool> pieces;  // [tokens]; owners: the Tokenizer and the algorithm
};

/// Byte-level BPE (tokenizer.ggml.model "gpt2"). Errors: missing_metadata, wrong_metadata_type,
/// vocab, merges, unsupported (the pre-tokenizer's name is unknown).
Result<MadeAlgorithm> make_byte_bpe(const AlgorithmInput& input);

}  // namespace m2w::tokenizer
