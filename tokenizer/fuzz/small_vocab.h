// small_vocab.h — makes model files with a small byte-level vocabulary, right or wrong. Checks
// nothing.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "gguf/file.h"
#include "gguf/write.h"
#include "tokenizer/byte_letters.h"
#include "tokenizer/tokenizer.h"

namespace m2w::test {

// GGUF's token types.
inline constexpr int32_t kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5,
                         kByte = 6;

/// A vocabulary of the 256 byte tokens (ids 0..255 are the bytes) and what is added to it.
struct SmallVocab {
    std::string model = "gpt2";
    std::string pre = "gpt-2";  // empty: no key
    std::vector<std::string> tokens;
    std::vector<int32_t> types;
    std::vector<std::string> merges;
    std::vector<float> scores;         // [tokens], or empty: there are merges instead
    std::vector<gguf::KeyValue> more;  // further keys; one that is above replaces it

    struct Empty {};
    explicit SmallVocab(Empty) {}
    SmallVocab() {
        for (int byte = 0; byte < 256; byte++) add(tokenizer::byte_letter(uint8_t(byte)), kNormal);
    }
    uint32_t add(std::string_view text, int32_t type, float score) {
        scores.resize(tokens.size());
        scores.push_back(score);
        return add(text, type);
    }
    uint32_t add(std::string_view text, int32_t type) {
        tokens.emplace_back(text);
        types.push_back(type);
        return uint32_t(tokens.size() - 1);
    }
    /// Adds a token for one byte, "<0x0A>".
    uint32_t add_byte(uint8_t byte) {
        constexpr char kDigits[] = "0123456789ABCDEF";
        return add(std::string("<0x") + kDigits[byte >> 4] + kDigits[byte & 15] + ">", kByte);
    }
    /// Adds a rule and the token that it makes.
    uint32_t merge(const std::string& left, const std::string& right) {
        merges.push_back(left + " " + right);
        return add(left + right, kNormal);
    }
    template <class T>
    void set(std::string_view key, T value) {
        set_value(key, gguf::make_value(std::move(value)));
    }

    void set_value(std::string_view key, gguf::Value value) {
        const std::string name = "tokenizer.ggml." + std::string(key);
        std::erase_if(more, [&](const gguf::KeyValue& entry) { return entry.key == name; });
        more.push_back({name, std::move(value)});
    }

    std::shared_ptr<const gguf::File> file() const {
        std::vector<gguf::KeyValue> all;
        const auto put = [&](std::string_view key, gguf::Value value) {
            const std::string name = "tokenizer.ggml." + std::string(key);
            for (const gguf::KeyValue& entry : more)
                if (entry.key == name) return;
            all.push_back({name, std::move(value)});
        };
        put("model", gguf::make_value(model));
        if (!pre.empty()) put("pre", gguf::make_value(pre));
        put("tokens", gguf::make_array(tokens));
        put("token_type", gguf::make_array(types));
        if (scores.empty())
            put("merges", gguf::make_array(merges));
        else
            put("scores", gguf::make_array(scores));
        all.insert(all.end(), more.begin(), more.end());
        auto bytes = gguf::write_file(all, {}, {});
        if (!bytes) return nullptr;
        auto parsed = gguf::File::parse(make_memory_source("small.gguf", *std::move(bytes)));
        return parsed ? *parsed : nullptr;
    }
    Result<std::shared_ptr<const Tokenizer>> open() const {
        const auto made = file();
        if (!made) return Error{Category::internal, "the test's file cannot be made"};
        return Tokenizer::from(*made);
    }
};

/// A SentencePiece vocabulary: <unk>, <s>, </s>, and from id 3 on a token for each byte.
struct SpmVocab : SmallVocab {
    SpmVocab() : SmallVocab(Empty{}) {
        model = "llama";
        add("<unk>", kUnknown, 0);
        add("<s>", kControl, 0);
        add("</s>", kControl, 0);
        for (int byte = 0; byte < 256; byte++) add_byte(uint8_t(byte));
        scores.resize(tokens.size());
    }
};

/// A Unigram vocabulary of <pad>, </s> and <unk>, with spaces as T5 has them.
struct UnigramVocab : SmallVocab {
    UnigramVocab() : SmallVocab(Empty{}) {
        model = "t5";
        add("<pad>", kControl, 0);
        add("</s>", kControl, 0);
        add("<unk>", kUnknown, 0);
        set("add_space_prefix", true);
        set("remove_extra_whitespaces", true);
    }
};

/// A WordPiece vocabulary of [UNK], [CLS] and [SEP].
struct WordPieceVocab : SmallVocab {
    WordPieceVocab() : SmallVocab(Empty{}) {
        model = "bert";
        set("unknown_token_id", add("[UNK]", kControl));
        set("cls_token_id", add("[CLS]", kControl));
        set("seperator_token_id", add("[SEP]", kControl));
    }
};

}  // namespace m2w::test
