// vocabulary_test.cpp — vocabularies that are refused, and what is read from those that are not.
#include "tokenizer/vocabulary.h"

#include <fstream>
#include <map>

#include "tests/tokenizer/golden.h"
#include "tokenizer/fuzz/small_vocab.h"

namespace m2w::test {

namespace {

std::string outcome(const Result<std::shared_ptr<const Tokenizer>>& result) {
    return result ? "ok" : std::string(category_name(result.error().category));
}

/// Expects a refusal with a category, and that the message names something.
void expect_refused(const SmallVocab& vocab, Category category, std::string_view named) {
    const auto result = vocab.open();
    ASSERT_FALSE(result) << "accepted, expected " << category_name(category);
    EXPECT_EQ(outcome(result), category_name(category)) << result.error().str();
    EXPECT_NE(result.error().message.find(named), std::string::npos) << result.error().str();
}

}  // namespace

TEST(vocabulary, every_corpus_file_of_the_vocabulary_stage_gives_its_category) {
    M2W_SHARED(script, "robust/make_bad_gguf.py");
    const std::filesystem::path corpus = M2W_CORPUS_DIR;
    const Json cases = Json::parse(read_text(corpus / "cases.json"), nullptr, false);
    ASSERT_FALSE(cases.is_discarded()) << "build the target m2w_robust_corpus";
    size_t n_checked = 0;
    for (const Json& c : cases["cases"]) {
        if (c["stage"] != "vocab") continue;
        n_checked++;
        const std::filesystem::path path = corpus / c["file"].get<std::string>();
        SCOPED_TRACE(testing::Message() << path << ": " << c["what"]);
        const auto file = gguf::File::open(path);
        const std::string got = file ? outcome(Tokenizer::from(**file))
                                     : std::string(category_name(file.error().category));
        std::vector<std::string> accepted = c["also_accept"].get<std::vector<std::string>>();
        accepted.push_back(c["expect"] == "ok" ? "ok" : c["error_category"].get<std::string>());
        EXPECT_NE(std::ranges::find(accepted, got), accepted.end())
            << "got " << got << ", expected " << accepted.back();
    }
    EXPECT_EQ(n_checked, 44u);
}

TEST(vocabulary, corpus_files_of_other_stages_do_not_crash_the_tokenizer) {
    M2W_SHARED(script, "robust/make_bad_gguf.py");
    const std::filesystem::path corpus = M2W_CORPUS_DIR;
    const Json cases = Json::parse(read_text(corpus / "cases.json"), nullptr, false);
    ASSERT_FALSE(cases.is_discarded());
    size_t n_ok = 0;
    for (const Json& c : cases["cases"]) {
        const auto file = gguf::File::open(corpus / c["file"].get<std::string>());
        if (!file) continue;
        const auto tokenizer = Tokenizer::from(**file);
        const std::string stage = c["stage"];
        if (c["expect"] == "ok" && stage != "vocab") {
            EXPECT_TRUE(tokenizer) << c["file"] << ": " << tokenizer.error().str();
        }
        if (!tokenizer) continue;
        n_ok++;
        const auto ids = (*tokenizer)->encode("Hello <|im_end|>\n\xff wörld 123");
        EXPECT_TRUE(ids) << c["file"];
    }
    EXPECT_GT(n_ok, 50u);
}

TEST(vocabulary, end_tokens_of_every_real_vocabulary_are_those_of_the_reference) {
    M2W_SHARED(meta_path, "tokenizer/meta.json");
    const Json metas = Json::parse(read_text(meta_path));
    ASSERT_EQ(metas.size(), 16u);
    for (const auto& [name, meta] : metas.items()) {
        SCOPED_TRACE(name);
        const auto file = gguf::File::open(vocab_path(name));
        ASSERT_TRUE(file);
        const auto vocab = tokenizer::Vocabulary::from(**file);
        ASSERT_TRUE(vocab) << vocab.error().str();
        EXPECT_EQ(vocab->size(), meta["n_tokens"].get<size_t>());
        EXPECT_EQ(join(vocab->end_ids), join(meta["eog"].get<std::vector<uint32_t>>()));
        const int64_t eot = meta["eot"];
        EXPECT_EQ(vocab->eot ? int64_t(*vocab->eot) : -1, eot);
        const int64_t eos = meta["eos"];
        EXPECT_EQ(vocab->eos ? int64_t(*vocab->eos) : -1, eos);
    }
}

TEST(vocabulary, control_tokens_with_a_well_known_text_end_a_generation_and_plain_ones_do_not) {
    for (const char* text : {"<|eot_id|>",
                             "<|eot|>",
                             "<|im_end|>",
                             "<|end|>",
                             "<end_of_turn>",
                             "<turn|>",
                             "<end_of_utterance>",
                             "<EOT>",
                             "_<EOT>",
                             "[EOT]",
                             "<|END_OF_TURN_TOKEN|>",
                             "<｜end▁of▁sentence｜>",
                             "<|endoftext|>",
                             "<|end_of_text|>",
                             "<|eom_id|>",
                             "<|eom|>",
                             "<|return|>",
                             "<|call|>",
                             "<|calls|>",
                             "<|flush|>",
                             "<|tool_response>",
                             "</s>",
                             "<eos>",
                             "[EOS]",
                             "[e~[",
                             "<|fim_pad|>",
                             "<|repo_name|>",
                             "<|file_sep|>"}) {
        SmallVocab vocab;
        const uint32_t id = vocab.add(text, kControl);
        vocab.add("<other>", kControl);
        const auto tokenizer = vocab.open();
        ASSERT_TRUE(tokenizer) << tokenizer.error().str();
        EXPECT_EQ(join((*tokenizer)->end_ids()), std::to_string(id)) << text;
        SmallVocab plain;
        plain.add(text, kNormal);
        const auto other = plain.open();
        ASSERT_TRUE(other) << other.error().str();
        EXPECT_TRUE((*other)->end_ids().empty()) << text;
    }
}

TEST(vocabulary, keys_of_the_file_name_ends_of_a_generation) {
    SmallVocab vocab;
    for (const char* key : {"eos_token_id", "eot_token_id", "eom_token_id", "fim_pad_token_id",
                            "fim_rep_token_id", "fim_sep_token_id"})
        vocab.set(key, vocab.add(key, kControl));
    vocab.set("fim_pre_token_id", uint32_t(65));
    const auto tokenizer = vocab.open();
    ASSERT_TRUE(tokenizer) << tokenizer.error().str();
    EXPECT_EQ(join((*tokenizer)->end_ids()), "256,257,258,259,260,261");
    EXPECT_EQ((*tokenizer)->eos_id(), 256u);
    EXPECT_EQ((*tokenizer)->eot_id(), 257u);
}

TEST(vocabulary, end_of_a_message_ends_no_generation_where_another_token_does) {
    const auto ends = [](std::vector<const char*> texts) {
        SmallVocab vocab;
        for (const char* text : texts) vocab.add(text, kControl);
        const auto tokenizer = vocab.open();
        return tokenizer ? join((*tokenizer)->end_ids()) : tokenizer.error().str();
    };
    EXPECT_EQ(ends({"<|end|>", "<|return|>", "<|call|>"}), "257,258");
    EXPECT_EQ(ends({"<|end|>", "<|return|>"}), "256,257");
    EXPECT_EQ(ends({"<|end|>", "<|flush|>", "<|calls|>"}), "257,258");
    EXPECT_EQ(ends({"</s>", "<|tool_response>", "<turn|>"}), "257,258");
    EXPECT_EQ(ends({"</s>", "<|tool_response>"}), "256,257");
}

TEST(vocabulary, fill_in_tokens_are_found_by_key_or_by_text) {
    SmallVocab vocab;
    const uint32_t prefix = vocab.add("<|fim_prefix|>", kControl);
    const uint32_t suffix = vocab.add("<other_suffix>", kControl);
    vocab.add("<|fim_suffix|>", kControl);
    const uint32_t middle = vocab.add("<｜fim▁end｜>", kUserDefined);
    vocab.add("<|fim_pad|>", kNormal);
    const uint32_t repository = vocab.add("<reponame>", kControl);
    vocab.set("suffix_token_id", suffix);
    const auto tokenizer = vocab.open();
    ASSERT_TRUE(tokenizer) << tokenizer.error().str();
    const FillInTokens& found = (*tokenizer)->fill_in();
    EXPECT_EQ(found.prefix, prefix);
    EXPECT_EQ(found.suffix, suffix);
    EXPECT_EQ(found.middle, middle);
    EXPECT_EQ(found.pad, std::nullopt);
    EXPECT_EQ(found.repository, repository);
    EXPECT_EQ(found.file, std::nullopt);
}

TEST(vocabulary, small_vocabulary_of_the_tests_is_accepted) {
    const auto result = SmallVocab().open();
    ASSERT_TRUE(result) << result.error().str();
    EXPECT_EQ((*result)->size(), 256u);
    EXPECT_FALSE((*result)->bos_id());
    EXPECT_FALSE((*result)->add_bos());
}

TEST(vocabulary, tokenizer_models_that_are_not_built_are_refused_by_name) {
    for (const char* model : {"rwkv", "plamo2"}) {
        SmallVocab vocab;
        vocab.model = model;
        expect_refused(vocab, Category::unsupported, model);
    }
    SmallVocab vocab;
    vocab.model = "quantum";
    expect_refused(vocab, Category::vocab, "quantum");
}

TEST(vocabulary, unknown_pre_tokenizer_is_refused_by_name) {
    SmallVocab vocab;
    vocab.pre = "shiny-new";
    expect_refused(vocab, Category::unsupported, "shiny-new");
}

TEST(vocabulary, special_id_outside_of_the_vocabulary_is_refused_whatever_its_key) {
    for (const char* key : {"bos_token_id", "eos_token_id", "eot_token_id", "padding_token_id",
                            "unknown_token_id", "seperator_token_id", "fim_pad_token_id"}) {
        SmallVocab vocab;
        vocab.set(key, uint32_t(256));
        expect_refused(vocab, Category::vocab, key);
        SmallVocab negative;
        negative.set(key, int32_t(-1));
        expect_refused(negative, Category::vocab, key);
        SmallVocab text;
        text.set(key, std::string("2"));
        expect_refused(text, Category::wrong_metadata_type, key);
    }
}

TEST(vocabulary, begin_token_that_is_wanted_but_not_named_is_refused) {
    SmallVocab vocab;
    vocab.set("add_bos_token", true);
    expect_refused(vocab, Category::vocab, "bos_token_id");
    SmallVocab end;
    end.set("add_eos_token", true);
    expect_refused(end, Category::vocab, "eos_token_id");
}

TEST(vocabulary, begin_and_end_tokens_are_added_as_the_file_says) {
    SmallVocab vocab;
    const uint32_t begin = vocab.add("<b>", kControl), end = vocab.add("<e>", kControl);
    vocab.set("bos_token_id", begin);
    vocab.set("eos_token_id", end);
    vocab.set("add_bos_token", true);
    vocab.set("add_eos_token", true);
    const auto tokenizer = vocab.open();
    ASSERT_TRUE(tokenizer) << tokenizer.error().str();
    EXPECT_EQ(join(must_encode(**tokenizer, "a", {})),
              join(std::vector<uint32_t>{begin, 'a', end}));
    EXPECT_EQ(join(must_encode(**tokenizer, "a", {.add_special = false})), "97");
    EXPECT_EQ(join(*(*tokenizer)->encode_guarded("a", true)),
              join(std::vector<uint32_t>{begin, 'a', end}));
    EXPECT_TRUE((*tokenizer)->is_end(end));
    EXPECT_FALSE((*tokenizer)->is_end(begin));
}

TEST(vocabulary, pre_tokenizer_says_whether_a_begin_token_is_added_where_the_file_does_not) {
    for (const auto& [pre, expected] :
         std::map<std::string, bool>{{"llama-bpe", true}, {"llama3", true}, {"qwen2", false}}) {
        SmallVocab vocab;
        vocab.pre = pre;
        vocab.set("bos_token_id", vocab.add("<b>", kControl));
        const auto tokenizer = vocab.open();
        ASSERT_TRUE(tokenizer);
        EXPECT_EQ((*tokenizer)->add_bos(), expected) << pre;
    }
    SmallVocab unnamed;  // no begin token to add
    unnamed.pre = "llama-bpe";
    const auto tokenizer = unnamed.open();
    ASSERT_TRUE(tokenizer);
    EXPECT_FALSE((*tokenizer)->add_bos());
}

TEST(vocabulary, merge_that_makes_or_uses_a_control_token_is_refused) {
    SmallVocab made;
    made.add("ab", kControl);
    made.merges.push_back("a b");
    expect_refused(made, Category::merges, "'a b'");
    SmallVocab used;
    used.add("<c>", kControl);
    used.add("<c>d", kNormal);
    used.merges.push_back("<c> d");
    expect_refused(used, Category::merges, "'<c> d'");
}

TEST(vocabulary, bytes_of_text_need_a_token_and_others_are_dropped_without_one) {
    SmallVocab no_h;
    no_h.tokens['h'] = "hh";
    expect_refused(no_h, Category::vocab, "0x68");
    SmallVocab control_h;
    control_h.types['h'] = kControl;
    expect_refused(control_h, Category::vocab, "0x68");
    SmallVocab no_ff;
    no_ff.tokens[0xff] = "not a byte";
    const auto tokenizer = no_ff.open();
    ASSERT_TRUE(tokenizer) << tokenizer.error().str();
    EXPECT_EQ(join(must_encode(**tokenizer, "a\xff\xfe", {})), "97,254");
}

TEST(vocabulary, control_token_with_the_mark_of_guarded_text_is_refused) {
    SmallVocab vocab;
    vocab.add("<\uFDD0>", kControl);
    expect_refused(vocab, Category::unsupported, "U+FDD0");
    SmallVocab user;
    user.add("<\uFDD0>", kUserDefined);
    EXPECT_TRUE(user.open());
}

TEST(vocabulary, special_tokens_whose_texts_are_too_long_together_are_refused) {
    SmallVocab vocab;
    for (int i = 0; i < 257; i++) {
        std::string text = std::to_string(i);
        text.resize(tokenizer::kMaxTokenBytes, 'x');
        vocab.add(text, kControl);
    }
    expect_refused(vocab, Category::resource_limit, "special tokens");
}

TEST(vocabulary, word_that_no_merge_makes_is_one_token_only_where_merges_are_ignored) {
    for (const auto& [pre, expected] :
         std::map<std::string, std::string>{{"gpt-2", "97,258"}, {"llama-bpe", "256"}}) {
        SmallVocab vocab;
        vocab.pre = pre;
        vocab.add("abcd", kNormal);
        vocab.merge("c", "d");
        vocab.merge("b", "cd");
        const auto tokenizer = vocab.open();
        ASSERT_TRUE(tokenizer);
        for (int i = 0; i < 3; i++)  // what is remembered from one time is right the next time
            EXPECT_EQ(join(must_encode(**tokenizer, "abcd", {})), expected) << pre;
    }
}

TEST(vocabulary, pieces_are_bytes_of_ordinary_tokens_and_texts_of_others) {
    SmallVocab vocab;
    const uint32_t space_a = vocab.merge("Ġ", "a");
    const uint32_t odd = vocab.add("▁x", kNormal);  // not in byte letters
    const uint32_t user = vocab.add("Ġuser", kUserDefined), unused = vocab.add("Ġpad", kUnused);
    const auto result = vocab.open();
    ASSERT_TRUE(result) << result.error().str();
    const Tokenizer& tokenizer = **result;
    EXPECT_EQ(tokenizer.piece(0), std::string_view("\0", 1));
    EXPECT_EQ(tokenizer.piece(0xff), "\xff");
    EXPECT_EQ(tokenizer.piece(space_a), " a");
    EXPECT_EQ(tokenizer.piece(odd), "▁x");
    EXPECT_EQ(tokenizer.piece(user), "Ġuser");
    EXPECT_EQ(tokenizer.piece(unused), "Ġpad");
    EXPECT_EQ(tokenizer.kind(user), TokenKind::user_defined);
    EXPECT_EQ(tokenizer.kind(unused), TokenKind::unused);
    EXPECT_EQ(tokenizer.kind(space_a), TokenKind::normal);
}

}  // namespace m2w::test
