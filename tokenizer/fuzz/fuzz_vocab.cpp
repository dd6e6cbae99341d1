// fuzz_vocab.cpp — libFuzzer target: the bytes describe a vocabulary, right or wrong, and a text.
// It is refused with a category for vocabularies, or keeps every promise (check_encoding.h).
#include <algorithm>

#include "tokenizer/fuzz/check_encoding.h"
#include "tokenizer/fuzz/small_vocab.h"
#include "tokenizer/vocabulary.h"

namespace m2w::tokenizer::fuzz {
namespace {

/// Takes the input apart; gives zeros and empty texts at its end.
class Input {
  public:
    Input(const uint8_t* data, size_t size) : left_(reinterpret_cast<const char*>(data), size) {}
    bool empty() const { return left_.empty(); }
    uint8_t byte() {
        if (left_.empty()) return 0;
        const auto byte = uint8_t(left_.front());
        left_.remove_prefix(1);
        return byte;
    }
    std::string_view text(size_t n_bytes) {
        const std::string_view text = left_.substr(0, n_bytes);
        left_.remove_prefix(text.size());
        return text;
    }
    std::string_view rest() const { return left_; }

  private:
    std::string_view left_;
};

test::SmallVocab read_vocab(Input& input) {
    test::SmallVocab vocab;
    const uint8_t options = input.byte();
    constexpr const char* kPres[] = {"gpt-2", "llama-bpe", "qwen2",  "default",
                                     "",      "x",         "llama3", "GPT-2"};
    vocab.pre = kPres[options % 8];
    constexpr const char* kModels[] = {"gpt2",   "llama", "t5", "bert",
                                       "gemma4", "gpt2",  "x",  "gpt2"};
    if (options & 8) vocab.model = kModels[input.byte() % 8];
    if (options & 16) vocab.set("add_bos_token", true);
    if (options & 32) vocab.set("bos_token_id", uint32_t(input.byte()) * 2);
    if (options & 64) vocab.set("eos_token_id", int32_t(input.byte()) * 4 - 4);
    for (uint8_t n = input.byte() % 32; n > 0; n--) {
        const uint8_t head = input.byte();
        vocab.add(input.text(head / 8), head % 8 == 7 ? -1 : head % 8);
    }
    const auto token = [&](uint8_t i) -> const std::string& {
        // Most rules are about letters and what was added.
        return i < 128 ? vocab.tokens[i] : vocab.tokens[vocab.tokens.size() - 1 - i % 32];
    };
    for (uint8_t n = input.byte() % 32; n > 0; n--) {
        const uint8_t left = input.byte(), right = input.byte();
        if (token(left).size() + token(right).size() > 2 * kMaxTokenBytes) continue;
        if (left == 255)
            vocab.merges.emplace_back(input.text(right % 8));
        else if (right % 2 == 0)
            vocab.merge(token(left), token(right));
        else
            vocab.merges.push_back(token(left) + " " + token(right));
    }
    if (vocab.model == "llama" || vocab.model == "t5") {
        for (size_t id = 0; id < vocab.tokens.size(); id++)
            vocab.scores.push_back(id < 200 ? float(id % 7) : float(input.byte()) / 8);
    }
    if (vocab.model == "t5") {
        std::vector<uint8_t> map{8, 0, 0, 0};
        for (uint8_t n = input.byte() % 64; n > 0; n--) map.push_back(input.byte());
        map.push_back(0);
        vocab.set_value("precompiled_charsmap", gguf::make_array(map));
        vocab.set("remove_extra_whitespaces", (options & 16) != 0);
        vocab.set("add_space_prefix", (options & 32) != 0);
    }
    if (vocab.model == "bert") vocab.set("unknown_token_id", uint32_t(input.byte()));
    if (options & 128) {  // spoil an entry
        const uint8_t i = input.byte();
        vocab.tokens[i] = input.text(input.byte() % 8);
        vocab.types[input.byte()] = input.byte() % 9;
        if (i % 4 == 0) vocab.types.pop_back();
    }
    return vocab;
}

bool is_refusal(Category category) {
    return category == Category::vocab || category == Category::merges ||
           category == Category::unsupported || category == Category::resource_limit ||
           category == Category::missing_metadata || category == Category::wrong_metadata_type;
}

}  // namespace
}  // namespace m2w::tokenizer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace m2w;
    using namespace m2w::tokenizer::fuzz;
    Input input(data, size);
    const test::SmallVocab vocab = read_vocab(input);
    const auto file = vocab.file();
    if (!file) return 0;  // a text that is not UTF-8: never gets past the file's parser
    const auto tokenizer = Tokenizer::from(*file);
    if (!tokenizer) {
        M2W_ASSERT(is_refusal(tokenizer.error().category));
        return 0;
    }
    // A spoiled vocabulary may have lost a byte, or write one as a special token's text.
    check_encoding(**tokenizer, input.rest().substr(0, 1024), Bytes::some_lost);
    return 0;
}
