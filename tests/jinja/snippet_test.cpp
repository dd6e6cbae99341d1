// snippet_test.cpp — the unit snippets of the golden data, one language feature each, by tier.
#include <map>

#include "tests/jinja/golden.h"
#include "tests/support/results.h"
#include "tests/support/shared.h"

namespace m2w::jinja::test {
namespace {

struct TierShare {
    int passed = 0, all = 0;
};

Outcome<Rendering> render(const Value& record, bool forgiving) {
    auto parsed = Template::parse_detailed(*member(record, "template"));
    if (const auto* error = std::get_if<RenderError>(&parsed)) return *error;
    RenderOptions options;
    options.now = kGoldenTime;
    options.forgiving = forgiving;
    return std::get<Template>(parsed).render_detailed(*record.get("context"), options);
}

/// Renders a snippet as transformers does, and forgivingly.
bool passes(const Value& record) {
    const Verdict strict = judge(record, render(record, false));
    const Verdict forgiving = judge(record, render(record, true));
    const bool passed = strict.exact && (forgiving.exact || forgiving.lenient);
    EXPECT_TRUE(passed) << *member(record, "tier") << " " << *member(record, "id")
                        << "\n  template  " << *member(record, "template") << "\n  expected  "
                        << expectation(record) << "\n  strict    " << strict.found
                        << "\n  forgiving " << forgiving.found;
    return passed;
}

TEST(snippets, every_one_of_every_tier_renders_as_transformers_does) {
    M2W_SHARED(path, "chat/jinja_unit.jsonl");
    ASSERT_GET(const auto records, read_jsonl(path));
    std::map<std::string, TierShare> shares;
    for (const Value& record : records) {
        TierShare& share = shares[*member(record, "tier")];
        share.all++;
        share.passed += passes(record);
    }
    for (const auto& [tier, share] : shares)
        std::printf("[  SHARE   ] %-10s %d of %d\n", tier.c_str(), share.passed, share.all);
    const auto expect = [&](const char* tier, int n) {
        EXPECT_EQ(shares[tier].all, n) << tier;
        EXPECT_EQ(shares[tier].passed, n) << tier;
    };
    expect("core", 410);
    expect("extended", 240);
    expect("robustness", 105);
    EXPECT_EQ(shares.size(), 3u);
}

TEST(snippets, those_of_our_own_render_as_jinja_does) {
    ASSERT_GET(const auto records, read_jsonl(std::filesystem::path(M2W_SOURCE_DIR) /
                                              "tests/jinja/more_snippets.jsonl"));
    for (const Value& record : records) passes(record);
    EXPECT_EQ(records.size(), 8u);
}

}  // namespace
}  // namespace m2w::jinja::test
