// algorithm.h — the seam between Tokenizer and the ways to encode text. One file an algorithm.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "gguf/file.h"
#include "gguf/result.h"
#include "tokenizer/string_pool.h"
#include "tokenizer/vocabulary.h"

namespace m2w::tokenizer {

/// What goes around the text.
struct AlgorithmTraits {
    bool add_bos = false;           // texts begin with the bos token, where the file does not say
    bool add_eos = false;           // texts end with the eos token, where the file does not say
    bool add_sep = false;           // texts end with the separator token
    bool space_prefix = false;      // a text is encoded with a space in front of it
    bool marks_are_spaces = false;  // U+2581 in a text is a space
};

/// Encodes the text between special tokens. Immutable, shared between threads; owns all it needs.
class Algorithm {
  public:
    virtual ~Algorithm() = default;
    /// Appends the ids of a text: any bytes, none of which belong to a special token. Errors:
    /// resource_limit, out_of_memory.
    virtual Result<void> encode(std::string_view text, std::vector<uint32_t>& ids) const = 0;
    virtual std::string_view name() const = 0;
    virtual AlgorithmTraits traits() const = 0;
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

/// BPE by the file's merges, over bytes or characters as the pre-tokenizer says
/// (tokenizer.ggml.model "gpt2", "gemma4"). Errors: missing_metadata, wrong_metadata_type,
/// vocab, merges, unsupported (the pre-tokenizer's name is unknown).
Result<MadeAlgorithm> make_byte_bpe(const AlgorithmInput& input);

/// SentencePiece's BPE ("llama"). Errors: missing_metadata, wrong_metadata_type, resource_limit.
Result<MadeAlgorithm> make_spm_bpe(const AlgorithmInput& input);

/// BERT's WordPiece ("bert"). Errors: missing_metadata, wrong_metadata_type.
Result<MadeAlgorithm> make_wordpiece(const AlgorithmInput& input);

/// SentencePiece's Unigram ("t5"). Errors: missing_metadata, wrong_metadata_type, vocab,
/// resource_limit.
Result<MadeAlgorithm> make_unigram(const AlgorithmInput& input);

using AlgorithmMaker = Result<MadeAlgorithm> (*)(const AlgorithmInput&);

/// One value of tokenizer.ggml.model. Without a maker: known, but not built.
struct TokenizerModel {
    std::string_view name;
    AlgorithmMaker make;
    std::string_view summary;
};
std::span<const TokenizerModel> tokenizer_models();

/// Errors: vocab (there is no such model), unsupported (there is, but not in this build).
Result<AlgorithmMaker> find_algorithm(std::string_view model);

}  // namespace m2w::tokenizer
