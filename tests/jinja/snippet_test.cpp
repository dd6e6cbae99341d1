// snippet_test.cpp — the unit snippets of the golden data, one language feature each, by tier.
#include <map>

#include "tests/jinja/golden.h"

namespace m2w::jinja::test {
namespace {

struct Share {
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

/// Renders every snippet as transformers does, and forgivingly. Lists what differs.
std::map<std::string, Share> run_snippets(const std::filesystem::path& path) {
    std::map<std::string, Share> shares;
    for (const Value& record : read_jsonl(path)) {
        const std::string tier = *member(record, "tier");
        const Verdict strict = judge(record, render(record, false));
        const Verdict forgiving = judge(record, render(record, true));
        const bool passed = strict.exact && (forgiving.exact || forgiving.lenient);
        shares[tier].all++;
        shares[tier].passed += passed;
        if (!passed) {
            std::printf(
                "[   DIFF   ] %s %s\n  template %s\n  expected %s\n  strict   %s\n  forgiving %s\n",
                tier.c_str(), member(record, "id")->c_str(), member(record, "template")->c_str(),
                member(record, "output")
                    .value_or("error " + member(record, "error").value_or("?"))
                    .c_str(),
                strict.found.c_str(), forgiving.found.c_str());
        }
    }
    return shares;
}

TEST(snippets, every_tier_renders_as_transformers_does) {
    M2W_SHARED(path, "chat/jinja_unit.jsonl");
    auto shares = run_snippets(path);
    for (const auto& [tier, share] : shares)
        std::printf("[  SHARE   ] %-10s %d of %d\n", tier.c_str(), share.passed, share.all);
    EXPECT_EQ(shares["core"].all, 410);
    EXPECT_EQ(shares["core"].passed, shares["core"].all);
    EXPECT_EQ(shares["robustness"].all, 105);
    EXPECT_EQ(shares["robustness"].passed, shares["robustness"].all);
    EXPECT_EQ(shares["extended"].all, 240);
    EXPECT_EQ(shares["extended"].passed, shares["extended"].all);
}

}  // namespace
}  // namespace m2w::jinja::test
