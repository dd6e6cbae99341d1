// corpus_test.cpp — every malformed and unusual file of the shared corpus through m2w inspect: the
// expected verdict, one second, 512 MiB, never a crash.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/cli/process.h"
#include "tests/support/shared.h"

namespace m2w::test {
namespace {

using Json = nlohmann::json;

// A sanitized build is several times slower and larger: there the corpus looks for mistakes, in the
// release build for time and memory.
constexpr double kSeconds = kSanitized ? 20 : 1;
constexpr double kPeakMib = kSanitized ? 4096 : 512;
constexpr uint64_t kAddressBytes = kSanitized ? 0 : uint64_t{8} << 30;

/// Files where m2w decides otherwise than the corpus, all below level "must", with the reason.
const std::map<std::string, std::string> kDeviations{
    {"key_spaces_upper", "keys with capitals and spaces exist in the wild and harm nobody"},
    {"ok_zero_element_tensor", "an empty tensor is refused: no divisor can then be zero"},
};

/// The category for which m2w will not run the file: an error, or what stands in its way although
/// the file is sound and is shown. Empty: it would run it.
std::string category_of(const std::filesystem::path& file, const RunResult& r) {
    if (r.status != 0)
        return r.err.starts_with("error[") ? r.err.substr(6, r.err.find(']') - 6) : "";
    if (r.out.find("\ncannot run: ") == std::string::npos) return "";
    const RunResult again = run({m2w_program(), "inspect", "--json", file.string()});
    const Json shown = Json::parse(again.out, nullptr, false);
    if (!shown.is_object() || shown["cannot_run"].empty()) return "not in --json";
    return shown["cannot_run"][0]["category"];
}

/// What the corpus expects of a program that loads the file and does not render its template.
std::string expectation(const Json& c) {
    if (c["stage"] == "template" && c.contains("expect_load")) return c["expect_load"];
    return c["expect"];
}

/// Why a run is a failure at any level; empty if it is none.
std::string fault(const RunResult& r) {
    if (r.timed_out || r.seconds > kSeconds) return "took too long";
    if (r.status < 0) return "killed by signal " + std::to_string(-r.status);
    if (r.status > 5) return "exit status " + std::to_string(r.status);
    if (r.peak_mib > kPeakMib) return "took too much memory";
    if (r.status != 0 && std::count(r.err.begin(), r.err.end(), '\n') != 1)
        return "the error is not one line: " + r.err;
    if (r.status != 0 && r.status != 2 && r.status != 4) return "unexpected status";
    return "";
}

/// Why the verdict is not the expected one; empty if it is.
std::string mismatch(const Json& c, const std::filesystem::path& file, const RunResult& r) {
    const std::string expect = expectation(c);
    if (expect == "no_crash") return "";
    const std::string got = category_of(file, r);
    if (expect == "ok") return r.status == 0 && got.empty() ? "" : "refused";
    if (r.status == 0 && got.empty()) return "accepted";
    if (got == c["error_category"]) return "";
    const Json& also = c["also_accept"];
    return std::find(also.begin(), also.end(), got) != also.end() ? "" : "wrong category";
}

TEST(corpus, every_file_gives_its_verdict_in_time_and_memory) {
    M2W_SHARED(script, "robust/make_bad_gguf.py");
    const std::filesystem::path corpus = M2W_CORPUS_DIR;
    const Json cases = Json::parse(read_text(corpus / "cases.json"), nullptr, false);
    ASSERT_FALSE(cases.is_discarded()) << "build the target m2w_robust_corpus";
    ASSERT_EQ(cases["cases"].size(), 365u);
    std::map<std::string, int> verdicts;
    double slowest = 0, largest = 0;
    for (const Json& c : cases["cases"]) {
        const std::filesystem::path file = corpus / c["file"].get<std::string>();
        const RunResult r = run({m2w_program(), "inspect", file.string()},
                                {.timeout_s = 3 * kSeconds, .address_bytes = kAddressBytes});
        slowest = std::max(slowest, r.seconds);
        largest = std::max(largest, r.peak_mib);
        EXPECT_EQ(fault(r), "") << file << ": " << r.seconds << " s, " << r.peak_mib << " MiB, "
                                << r.err;
        const std::string why = mismatch(c, file, r);
        ++verdicts[why.empty() ? "as expected" : why];
        const bool known = kDeviations.contains(file.stem().string());
        EXPECT_EQ(known, !why.empty())
            << file << " (" << c["level"] << ", " << c["stage"] << ", expected " << c["expect"]
            << " " << c["error_category"] << "): " << (why.empty() ? "no longer deviates" : why)
            << "\n  " << r.err << "  what: " << c["what"];
        EXPECT_FALSE(known && c["level"] == "must") << file;
    }
    std::string summary;
    for (const auto& [verdict, count] : verdicts)
        summary += std::to_string(count) + " " + verdict + ", ";
    std::printf("%sslowest %.2f s, largest %.0f MiB\n", summary.c_str(), slowest, largest);
}

}  // namespace
}  // namespace m2w::test
