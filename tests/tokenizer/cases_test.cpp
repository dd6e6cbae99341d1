// cases_test.cpp — every golden case of every supported vocabulary: ids, pieces, text.
#include <iostream>

#include "tests/tokenizer/golden.h"

namespace m2w::test {

namespace {

/// What a row says that the ids are: listed, run-length coded, or as a digest.
void expect_ids(const Json& row, std::span<const uint32_t> ids) {
    if (row.contains("n_ids")) {
        EXPECT_EQ(ids.size(), row["n_ids"].get<size_t>());
    }
    if (row.contains("ids")) {
        EXPECT_EQ(join(ids), join(row["ids"].get<std::vector<uint32_t>>()));
    } else if (row.contains("ids_rle")) {
        std::vector<uint32_t> expected;
        for (const Json& run : row["ids_rle"])
            expected.insert(expected.end(), run[1].get<size_t>(), run[0].get<uint32_t>());
        EXPECT_EQ(join(ids), join(expected));
    } else {
        EXPECT_EQ(sha256_hex(join(ids)), row["ids_sha256"].get<std::string>());
        const auto head = row["ids_head"].get<std::vector<uint32_t>>();
        const auto tail = row["ids_tail"].get<std::vector<uint32_t>>();
        ASSERT_LE(std::max(head.size(), tail.size()), ids.size());
        EXPECT_EQ(join(ids.first(head.size())), join(head));
        EXPECT_EQ(join(ids.last(tail.size())), join(tail));
    }
}

/// Whether the row allows another answer and this is it.
bool is_other_accepted_answer(const Json& row, std::span<const uint32_t> ids) {
    if (row.value("strict", true)) return false;
    for (const char* name : {"hf_ids", "llama_ids"}) {
        if (row.contains(name) && join(ids) == join(row[name].get<std::vector<uint32_t>>()))
            return true;
    }
    return false;
}

std::string pieces_hex(const Tokenizer& tokenizer, std::span<const uint32_t> ids) {
    std::string out;
    for (const uint32_t id : ids) {
        if (!out.empty()) out += ' ';
        const std::string_view piece = tokenizer.piece(id);
        out += piece.empty() ? "-" : to_hex(piece);
    }
    return out;
}

void expect_bytes(const Json& row, const Tokenizer& tokenizer, const std::string& text,
                  std::span<const uint32_t> ids) {
    const std::string bytes = all_bytes(tokenizer, ids), shown = tokenizer.text_of(ids, true);
    if (row.contains("pieces_hex")) {
        EXPECT_EQ(pieces_hex(tokenizer, ids), row["pieces_hex"].get<std::string>());
    }
    if (row.contains("pieces_sha256")) {
        EXPECT_EQ(sha256_hex(bytes), row["pieces_sha256"].get<std::string>());
        EXPECT_EQ(bytes.size(), row["pieces_bytes"].get<size_t>());
    }
    if (row.contains("detok_hex")) {
        EXPECT_EQ(to_hex(shown), row["detok_hex"].get<std::string>());
    } else if (row.contains("detok")) {
        const std::string detok = row["detok"].get<std::string>();
        EXPECT_EQ(shown, detok == "=" ? text : detok);
    }
}

/// WordPiece and Unigram normalise text and have no tokens for bytes.
bool keeps_bytes(const Tokenizer& tokenizer) {
    return tokenizer.model() != "bert" && tokenizer.model() != "t5";
}

/// The bytes of a text that the vocabulary has no token for are lost, in the references too.
std::string without_lost_bytes(const Tokenizer& tokenizer, std::string text) {
    std::string kept;
    // SentencePiece vocabularies write a space so.
    const std::string mark = "\u2581";
    if (tokenizer.model() != "gpt2") {
        for (size_t at; (at = text.find(mark)) != std::string::npos;)
            text.replace(at, mark.size(), " ");
    }
    for (const char byte : text) {
        if (!must_encode(tokenizer, std::string(1, byte), {false, false}).empty()) kept += byte;
    }
    return kept;
}

/// The piece as the reference has it: it writes an error text for tokens that are not in byte
/// letters, as the emoji of Command R are.
std::string reference_piece(std::string_view vocab, const Tokenizer& tokenizer, uint32_t id) {
    const std::string piece(tokenizer.piece(id));
    if (vocab != "command-r-mini" || id < 264 || id > 1666) return piece;
    return "[UNK_BYTE_0x" + to_hex(piece) + piece + "]";
}

class Cases : public testing::TestWithParam<std::string_view> {};

}  // namespace

TEST_P(Cases, golden_case_gives_the_golden_ids_pieces_and_text) {
    M2W_SHARED(path, "tokenizer/cases/" + std::string(GetParam()) + ".jsonl");
    const auto tokenizer = open_vocab(GetParam());
    ASSERT_TRUE(tokenizer);
    std::string text;
    size_t n_checked = 0;
    const auto rows = read_rows(path);
    ASSERT_GE(rows.size(), 300u);
    for (const Json& row : rows) {
        if (const auto own = row_text(row)) text = *own;
        for (const EncodeOptions options : row_options(row)) {
            SCOPED_TRACE(testing::Message() << "repro: vocab=" << GetParam() << " id=" << row["id"]
                                            << " add_special=" << options.add_special
                                            << " parse_special=" << options.parse_special);
            auto ids = tokenizer->encode(text, options);
            ASSERT_TRUE(ids) << ids.error().str();
            n_checked++;
            if (is_other_accepted_answer(row, *ids)) continue;
            expect_ids(row, *ids);
            expect_bytes(row, *tokenizer, text, *ids);
        }
        if (HasFailure()) break;
    }
    std::cout << GetParam() << ": " << rows.size() << " rows, " << n_checked << " encodings\n";
}

TEST_P(Cases, text_without_begin_token_decodes_to_itself_or_its_golden_normal_form) {
    M2W_SHARED(path, "tokenizer/cases/" + std::string(GetParam()) + ".jsonl");
    const auto tokenizer = open_vocab(GetParam());
    ASSERT_TRUE(tokenizer);
    for (const Json& row : read_rows(path)) {
        const auto text = row_text(row);
        if (!text || !row.value("strict", true)) continue;
        // What comes back of a long text is only known where the text does.
        if (!keeps_bytes(*tokenizer) && !row.contains("detok") && !row.contains("detok_hex"))
            continue;
        std::string expected = *text;
        if (row.contains("detok_hex")) expected = from_hex(row["detok_hex"].get<std::string>());
        if (row.contains("detok") && row["detok"] != "=") expected = row["detok"];
        for (EncodeOptions options : row_options(row)) {
            options.add_special = false;
            auto ids = tokenizer->encode(*text, options);
            ASSERT_TRUE(ids) << ids.error().str();
            EXPECT_EQ(to_hex(tokenizer->text_of(*ids, true)), to_hex(expected))
                << "repro: vocab=" << GetParam() << " id=" << row["id"];
        }
    }
}

TEST_P(Cases, guarded_text_has_the_ids_of_plain_text_and_no_control_token) {
    M2W_SHARED(path, "tokenizer/cases/" + std::string(GetParam()) + ".jsonl");
    const auto tokenizer = open_vocab(GetParam());
    ASSERT_TRUE(tokenizer);
    for (const Json& row : read_rows(path)) {
        const auto text = row_text(row);
        if (!text) continue;
        SCOPED_TRACE(testing::Message() << "vocab=" << GetParam() << " id=" << row["id"]);
        auto plain = tokenizer->encode(*text, {false, false});
        auto guarded = tokenizer->encode_guarded(tokenizer->guard(*text));
        ASSERT_TRUE(plain && guarded);
        EXPECT_EQ(join(*guarded), join(*plain));
        for (const uint32_t id : *guarded)
            EXPECT_NE(tokenizer->kind(id), TokenKind::control) << "id " << id;
    }
}

TEST_P(Cases, bulk_text_gives_the_golden_digest) {
    M2W_SHARED(path, "tokenizer/bulk.txt");
    M2W_SHARED(expected_path, "tokenizer/bulk.expected.json");
    const auto tokenizer = open_vocab(GetParam());
    ASSERT_TRUE(tokenizer);
    const Json expected = Json::parse(read_text(expected_path))[std::string(GetParam())];
    auto ids = tokenizer->encode(read_text(path), {.add_special = false, .parse_special = true});
    ASSERT_TRUE(ids) << ids.error().str();
    const auto head = expected["head"].get<std::vector<uint32_t>>();
    const auto tail = expected["tail"].get<std::vector<uint32_t>>();
    ASSERT_EQ(ids->size(), expected["n_ids"].get<size_t>());
    EXPECT_EQ(join(std::span(*ids).first(head.size())), join(head));
    EXPECT_EQ(join(std::span(*ids).last(tail.size())), join(tail));
    EXPECT_EQ(sha256_hex(join(*ids)), expected["ids_sha256"].get<std::string>());
}

TEST_P(Cases, invalid_utf8_gives_ids_in_range_that_decode_to_the_same_bytes) {
    M2W_SHARED(path, "tokenizer/invalid_utf8.jsonl");
    const auto tokenizer = open_vocab(GetParam());
    ASSERT_TRUE(tokenizer);
    const auto rows = read_rows(path);
    ASSERT_GE(rows.size(), 50u);
    for (const Json& row : rows) {
        const std::string text = *row_text(row);
        for (const bool parse_special : {false, true}) {
            auto ids = tokenizer->encode(text, {false, parse_special});
            ASSERT_TRUE(ids) << ids.error().str();
            for (const uint32_t id : *ids) ASSERT_LT(id, tokenizer->size());
            if (!keeps_bytes(*tokenizer)) continue;
            EXPECT_EQ(to_hex(tokenizer->text_of(*ids, true)),
                      to_hex(without_lost_bytes(*tokenizer, text)))
                << "repro: vocab=" << GetParam() << " id=" << row["id"];
        }
    }
}

TEST_P(Cases, facts_of_the_vocabulary_are_those_of_the_reference) {
    M2W_SHARED(path, "tokenizer/meta.json");
    const auto tokenizer = open_vocab(GetParam());
    ASSERT_TRUE(tokenizer);
    const Json meta = Json::parse(read_text(path))[std::string(GetParam())];
    const auto id_or_none = [&](const char* name) {
        const int64_t id = meta[name].get<int64_t>();
        return id < 0 ? std::nullopt : std::optional(uint32_t(id));
    };
    EXPECT_EQ(tokenizer->size(), meta["n_tokens"].get<uint32_t>());
    EXPECT_EQ(tokenizer->bos_id(), id_or_none("bos"));
    EXPECT_EQ(tokenizer->eos_id(), id_or_none("eos"));
    EXPECT_EQ(tokenizer->eot_id(), id_or_none("eot"));
    EXPECT_EQ(tokenizer->add_bos(), meta["add_bos"] == 1);
    EXPECT_EQ(tokenizer->add_eos(), meta["add_eos"] == 1);
    const auto eog = meta["eog"].get<std::vector<uint32_t>>();
    EXPECT_EQ(join(tokenizer->end_ids()), join(eog));
    for (uint32_t id = 0; id < tokenizer->size(); id++)
        ASSERT_EQ(tokenizer->is_end(id), std::ranges::count(eog, id) > 0) << "id " << id;
    std::string pieces;
    for (uint32_t id = 0; id < tokenizer->size(); id++) {
        if (id) pieces += '\n';
        pieces += to_hex(reference_piece(GetParam(), *tokenizer, id));
    }
    EXPECT_EQ(sha256_hex(pieces), meta["pieces_sha256"].get<std::string>());
}

INSTANTIATE_TEST_SUITE_P(vocab, Cases, testing::ValuesIn(kVocabs), [](const auto& vocab) {
    std::string name(vocab.param);
    std::ranges::replace(name, '-', '_');
    return name;
});

TEST(tiny, chat_prompts_have_the_golden_ids) {
    M2W_SHARED(golden_path, "model/golden.json");
    const Json golden = Json::parse(read_text(golden_path));
    ASSERT_EQ(golden.size(), 4u);
    for (const char* file : {"tiny-f16", "tiny-q8_0", "tiny-q4_0", "tiny-q4_k_m"}) {
        M2W_SHARED(path, "model/" + std::string(file) + ".gguf");
        const auto tokenizer = open_tokenizer(path);
        ASSERT_TRUE(tokenizer);
        for (const auto& [name, chat] : golden.items()) {
            SCOPED_TRACE(testing::Message() << file << " " << name);
            const std::string prompt = chat["prompt"];
            const auto expected = chat["prompt_ids"].get<std::vector<uint32_t>>();
            auto ids = tokenizer->encode(prompt, {.add_special = true, .parse_special = true});
            ASSERT_TRUE(ids) << ids.error().str();
            EXPECT_EQ(join(*ids), join(expected));
            auto guarded = tokenizer->encode_guarded(prompt);
            ASSERT_TRUE(guarded);
            EXPECT_EQ(join(*guarded), join(expected));
        }
        EXPECT_EQ(tokenizer->model(), "gpt2");
        EXPECT_EQ(tokenizer->pre(), "qwen2");
        EXPECT_EQ(tokenizer->algorithm(), "byte-level BPE");
    }
}

}  // namespace m2w::test
