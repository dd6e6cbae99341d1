// stream_decoder_test.cpp — text released token by token.
#include "tokenizer/stream_decoder.h"

#include "tests/tokenizer/golden.h"

namespace m2w::test {

namespace {

/// Releases of a whole sequence as the golden file writes them.
std::pair<std::string, std::string> stream(const Tokenizer& tokenizer,
                                           std::span<const uint32_t> ids) {
    StreamDecoder decoder(tokenizer);
    std::string emitted;
    for (const uint32_t id : ids) {
        if (!emitted.empty()) emitted += ' ';
        const std::string text = decoder.push(id);
        emitted += text.empty() ? "-" : to_hex(text);
    }
    return {emitted, to_hex(decoder.flush())};
}

/// Ids of the single-byte tokens of some bytes.
std::vector<uint32_t> byte_ids(const Tokenizer& tokenizer, std::string_view bytes) {
    std::vector<uint32_t> ids;
    for (const char byte : bytes) {
        const auto id = tokenizer.encode(std::string(1, byte), {false, false});
        ids.push_back(id->at(0));
    }
    return ids;
}

std::string stream_bytes(const Tokenizer& tokenizer, std::string_view bytes) {
    StreamDecoder decoder(tokenizer);
    std::string out;
    for (const uint32_t id : byte_ids(tokenizer, bytes)) out += decoder.push(id) + "|";
    return out + decoder.flush();
}

}  // namespace

TEST(stream_decoder, golden_sequences_release_the_golden_text) {
    M2W_SHARED(path, "tokenizer/streaming.jsonl");
    size_t n_checked = 0;
    for (const Json& row : read_rows(path)) {
        const std::string vocab = row["vocab"];
        const auto tokenizer = open_vocab(vocab);
        ASSERT_TRUE(tokenizer);
        const auto [emitted, flushed] = stream(*tokenizer, row["ids"].get<std::vector<uint32_t>>());
        EXPECT_EQ(emitted, row["emit_hex"].get<std::string>()) << vocab << " " << row["id"];
        EXPECT_EQ(flushed, row["flush_hex"].get<std::string>()) << vocab << " " << row["id"];
        n_checked++;
    }
    EXPECT_EQ(n_checked, 325u);
}

// The examples of maximal subparts in the Unicode Standard, chapter 3, tables 3-8 to 3-11, and the
// borders of every lead byte.
TEST(stream_decoder, invalid_bytes_become_one_replacement_for_each_maximal_part) {
    M2W_SHARED(path, "tokenizer/vocab/ggml-vocab-gpt-2.gguf");
    const auto tokenizer = open_vocab("gpt-2");
    ASSERT_TRUE(tokenizer);
    const std::string bad = "\xEF\xBF\xBD";
    const auto text = [&](std::string_view bytes) {
        std::string out = stream_bytes(*tokenizer, bytes);
        std::erase(out, '|');
        return out;
    };
    const auto times = [&](int n) {
        std::string out;
        while (n-- > 0) out += bad;
        return out;
    };
    EXPECT_EQ(text("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), times(8) + "A");
    EXPECT_EQ(text("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), times(8) + "A");
    EXPECT_EQ(text("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"), times(5) + "A" + times(2) + "B");
    EXPECT_EQ(text("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), times(4) + "A");
    for (const std::string_view valid : {"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
                                         "\xEE\x80\x80", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"})
        EXPECT_EQ(text(valid), valid);
    for (const std::string_view cut : {"\xC2", "\xE0\xA0", "\xF4\x8F\xBF"})
        EXPECT_EQ(text(cut), bad);
}

TEST(stream_decoder, character_is_held_back_until_it_is_complete) {
    M2W_SHARED(path, "tokenizer/vocab/ggml-vocab-gpt-2.gguf");
    const auto tokenizer = open_vocab("gpt-2");
    ASSERT_TRUE(tokenizer);
    EXPECT_EQ(stream_bytes(*tokenizer, "a\xF0\x9F\x98\x80z"), "a||||\xF0\x9F\x98\x80|z|");
    EXPECT_EQ(stream_bytes(*tokenizer, "\xE4\xB8z"), "||\xEF\xBF\xBDz|");
    EXPECT_EQ(stream_bytes(*tokenizer, "\xE4\xB8"), "||\xEF\xBF\xBD");
}

TEST(stream_decoder, flushed_decoder_starts_anew) {
    M2W_SHARED(path, "tokenizer/vocab/ggml-vocab-gpt-2.gguf");
    const auto tokenizer = open_vocab("gpt-2");
    ASSERT_TRUE(tokenizer);
    StreamDecoder decoder(*tokenizer);
    for (const uint32_t id : byte_ids(*tokenizer, "\xE0")) EXPECT_EQ(decoder.push(id), "");
    EXPECT_EQ(decoder.flush(), "\xEF\xBF\xBD");
    EXPECT_EQ(decoder.flush(), "");
    std::string out;
    for (const uint32_t id : byte_ids(*tokenizer, "\xC3\xA9")) out += decoder.push(id);
    EXPECT_EQ(out, "é");
}

TEST(stream_decoder, control_tokens_show_only_on_request_and_user_defined_ones_always) {
    M2W_SHARED(path, "tokenizer/vocab/ggml-vocab-qwen2-mini.gguf");
    const auto tokenizer = open_vocab("qwen2-mini");
    ASSERT_TRUE(tokenizer);
    auto ids = tokenizer->encode("<tool_call>é<|im_end|>", {false, true});
    ASSERT_TRUE(ids);
    StreamDecoder plain(*tokenizer), special(*tokenizer, /*render_special=*/true);
    std::string plain_text, special_text;
    for (const uint32_t id : *ids) {
        plain_text += plain.push(id);
        special_text += special.push(id);
    }
    EXPECT_EQ(plain_text, "<tool_call>é");
    EXPECT_EQ(special_text, "<tool_call>é<|im_end|>");
    EXPECT_EQ(tokenizer->decode(*ids), plain_text);
    EXPECT_EQ(tokenizer->decode(*ids, true), special_text);
}

}  // namespace m2w::test
