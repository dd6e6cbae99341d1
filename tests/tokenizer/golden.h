// golden.h — reads the golden tokenizer data (its README defines the fields) and opens
// vocabularies. Checks nothing.
#pragma once
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/shared.h"
#include "tokenizer/tokenizer.h"

namespace m2w::test {

using Json = nlohmann::json;

/// The vocabularies whose tokenizers are supported.
inline constexpr std::string_view kVocabs[] = {
    "gpt-2",          "llama-bpe",   "qwen2-mini",       "falcon",
    "deepseek-coder", "mpt",         "deepseek-v3-mini", "command-r-mini",
    "gpt-4o-mini",    "tekken-mini", "llama-spm",        "phi-3",
    "gemma3-mini",    "gemma4-mini", "bert-bge",         "ugm-synth"};

std::filesystem::path vocab_path(std::string_view vocab);
/// Opens a golden vocabulary, once a process. Fails the test and returns nullptr if that fails.
std::shared_ptr<const Tokenizer> open_vocab(std::string_view vocab);
std::shared_ptr<const Tokenizer> open_tokenizer(const std::filesystem::path& path);

/// The rows of a .jsonl file.
std::vector<Json> read_rows(const std::filesystem::path& path);
/// The text of a row: `text`, `hex` or `text_rle`; nothing if it has none (`same_text`).
std::optional<std::string> row_text(const Json& row);
/// The settings that a row holds for: {add_special, parse_special}.
std::vector<EncodeOptions> row_options(const Json& row);

std::string from_hex(std::string_view hex);
std::string to_hex(std::string_view bytes);
std::string sha256_hex(std::string_view bytes);
/// "1,2,3"
std::string join(std::span<const uint32_t> ids);
/// The ids of a text that must be encodable; fails the test and returns nothing if it is not.
std::vector<uint32_t> must_encode(const Tokenizer& tokenizer, std::string_view text,
                                  EncodeOptions options);
/// The bytes of all tokens, special ones as text.
std::string all_bytes(const Tokenizer& tokenizer, std::span<const uint32_t> ids);

}  // namespace m2w::test
