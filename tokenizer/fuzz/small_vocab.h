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
    std::vector<gguf::KeyValue> more;  // further keys; one that is above replaces it

    SmallVocab() {
        for (int byte = 0; byte < 256; byte++) add(tokenizer::byte_letter(uint8_t(byte)), kNormal);
    }
    uint32_t add(std::string_view text, int32_t type) {
        tokens.emplace_back(text);
        types.push_back(type);
        return uint32_t(tokens.size() - 1);
    }
    /// Adds a rule and the token that it makes.
    uint32_t merge(const std::string& left, const std::string& right) {
        merges.push_back(left + " " + right);
        return add(left + right, kNormal);
    }
    template <class T>
    void set(std::string_view key, T value) {
        more.push_back({"tokenizer.ggml." + std::string(key), gguf::make_value(std::move(value))});
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
        put("merges", gguf::make_array(merges));
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

}  // namespace m2w::test
