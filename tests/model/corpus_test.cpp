// corpus_test.cpp — the malformed and unusual files of the shared corpus, against the stages that
// the model layer owns: hparams, tensors. Vocabularies are the tokenizer's.
#include <gtest/gtest.h>

#include "runtime/model/model.h"
#include "tests/support/corpus.h"
#include "tests/support/golden.h"

namespace m2w {
namespace {

namespace fs = std::filesystem;

Result<void> load(const fs::path& path) {
    TRY(auto file, gguf::File::open(path));
    TRY(auto model, Model::from(std::move(file)));
    return {};
}

bool is_own_stage(const std::string& stage) {
    return stage == "hparams" || stage == "tensors";
}

/// Why the outcome is not the expected one; empty if it is. Files with a mistake of another stage
/// may pass here, but if they are refused, then for a reason that the corpus knows.
std::string mismatch(const nlohmann::json& c, const Result<void>& outcome) {
    if (outcome && c["expect"] == "error") return is_own_stage(c["stage"]) ? "accepted" : "";
    const auto verdict = outcome ? "ok" : category_name(outcome.error().category);
    if (test::corpus_accepts(c, verdict)) return "";
    return "refused: " + outcome.error().str();
}

/// Decided by the parser, with reasons in docs/limits.md.
bool is_decided_below(const std::string& file) {
    return file.ends_with("/ok_zero_element_tensor.gguf");
}

TEST(corpus, every_file_gives_the_expected_category_in_the_stages_of_the_model) {
    M2W_SHARED(script, "robust/make_bad_gguf.py");
    const fs::path corpus = M2W_CORPUS_DIR;
    const nlohmann::json cases = test::read_json(corpus / "cases.json");
    ASSERT_EQ(cases["cases"].size(), 365u) << "build the target m2w_robust_corpus";
    int n_own = 0, n_good = 0;
    for (const auto& c : cases["cases"]) {
        const std::string file = c["file"];
        n_own += is_own_stage(c["stage"]);
        n_good += c["expect"] == "ok";
        if (is_decided_below(file)) continue;
        const std::string why = mismatch(c, load(corpus / file));
        EXPECT_EQ(why, "") << file << " (" << c["level"] << ", " << c["stage"] << ", expected "
                           << c["expect"] << " " << c["error_category"]
                           << ")\n  what: " << c["what"];
    }
    EXPECT_EQ(n_own, 67);
    EXPECT_GT(n_good, 30);
}

}  // namespace
}  // namespace m2w
