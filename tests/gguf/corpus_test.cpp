// corpus_test.cpp — the malformed and unusual files of the shared corpus, against the stages that
// this layer owns: header, kv, tensor_info, data, split. Later stages are other folders' tests.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "gguf/file.h"
#include "gguf/validate.h"
#include "tests/support/shared.h"

namespace m2w::gguf {
namespace {

/// Opens a file and, unless a stage between opening and uploading refuses it, checks its weights.
Result<void> load(const std::filesystem::path& path, bool reaches_upload) {
    TRY(auto file, File::open(path));
    if (!reaches_upload) return {};
    for (const TensorInfo& tensor : file->tensors()) TRY(check_finite(*file, tensor));
    return {};
}

bool is_own_stage(const std::string& stage) {
    static const std::set<std::string> kStages{"header", "kv", "tensor_info", "data", "split"};
    return kStages.contains(stage);
}

/// Files of level "may" where this layer decides otherwise than the corpus, with the reason.
const std::map<std::string, std::string> kDeviations{
    {"key_spaces_upper", "keys with capitals and spaces exist in the wild and harm nobody"},
    {"ok_zero_element_tensor", "an empty tensor is refused: no divisor can then be zero"},
};

std::string case_name(const nlohmann::json& c) {
    return std::filesystem::path(c["file"].get<std::string>()).stem().string();
}

/// Why the outcome is not the expected one; empty if it is.
std::string mismatch(const nlohmann::json& c, const Result<void>& outcome) {
    const std::string expect = c["expect"];
    if (expect == "no_crash") return "";
    const bool own = is_own_stage(c["stage"]);
    if (expect == "ok" || !own) {
        // A file with a later stage's mistake opens, unless this layer already sees one that the
        // corpus accepts in its place.
        if (outcome) return "";
        if (expect == "ok") return "refused: " + outcome.error().str();
    }
    if (outcome) return "accepted";
    const std::string got(category_name(outcome.error().category));
    if (got == c["error_category"].get<std::string>()) return "";
    const auto& also = c["also_accept"];
    if (std::find(also.begin(), also.end(), got) != also.end()) return "";
    return "wrong category: " + outcome.error().str();
}

TEST(corpus, every_file_gives_the_expected_category_in_the_stages_of_this_layer) {
    M2W_SHARED(script, "robust/make_bad_gguf.py");
    const std::filesystem::path corpus = M2W_CORPUS_DIR;
    const auto cases =
        nlohmann::json::parse(test::read_text(corpus / "cases.json"), nullptr, false);
    ASSERT_FALSE(cases.is_discarded()) << "build the target m2w_robust_corpus";
    ASSERT_EQ(cases["cases"].size(), 365u);
    std::set<std::string> deviated;
    int n_checked = 0;
    for (const auto& c : cases["cases"]) {
        const bool reaches_upload = is_own_stage(c["stage"]) || c["expect"] == "ok";
        const auto start = std::chrono::steady_clock::now();
        const auto outcome = load(corpus / c["file"].get<std::string>(), reaches_upload);
        EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1)) << c["file"];
        n_checked += is_own_stage(c["stage"]);
        const std::string why = mismatch(c, outcome);
        if (why.empty()) continue;
        const std::string name = case_name(c);
        if (kDeviations.contains(name) && c["level"] != "must") {
            deviated.insert(name);
            continue;
        }
        ADD_FAILURE() << c["file"] << " (" << c["level"] << ", " << c["stage"] << ", expected "
                      << c["expect"] << " " << c["error_category"] << "): " << why
                      << "\n  what: " << c["what"];
    }
    EXPECT_EQ(n_checked, 244);
    const auto page = test::read_text(std::filesystem::path(M2W_SOURCE_DIR) / "docs/limits.md");
    for (const auto& [name, reason] : kDeviations) {
        EXPECT_TRUE(deviated.contains(name)) << name << " no longer deviates: remove the row";
        EXPECT_NE(page.find("| `" + name + "` |"), std::string::npos)
            << "docs/limits.md does not list " << name << ": " << reason;
    }
}

}  // namespace
}  // namespace m2w::gguf
