// golden_test.cpp — the real chat templates of the golden data, rendered for all their
// conversations.
#include "tests/jinja/golden.h"
#include "tests/support/results.h"
#include "tests/support/shared.h"

namespace m2w::jinja::test {
namespace {

struct Share {
    int passed = 0, lenient = 0, all = 0;
};

/// Renders all records of one template strictly and forgivingly; both must be right.
Share run_template(const GoldenTemplate& golden) {
    Share share;
    const auto tmpl = ChatTemplate::from_source(golden.source);
    EXPECT_TRUE(tmpl) << golden.name << ": " << m2w::test::outcome(tmpl);
    if (!tmpl) return share;
    for (const GoldenChat& chat : golden.chats) {
        ChatInput input = chat.input;
        input.forgiving = false;
        const Verdict strict = judge(chat.record, tmpl->render_detailed(input));
        input.forgiving = true;
        const Verdict forgiving = judge(chat.record, tmpl->render_detailed(input));
        share.all++;
        share.passed += strict.exact && (forgiving.exact || forgiving.lenient);
        share.lenient += forgiving.lenient;
        EXPECT_TRUE(strict.exact) << golden.name << " case " << chat.id << " agp "
                                  << input.add_generation_prompt << "\n  expected "
                                  << expectation(chat.record) << "\n  found    " << strict.found;
        EXPECT_TRUE(forgiving.exact || forgiving.lenient)
            << golden.name << " case " << chat.id << " agp " << input.add_generation_prompt
            << " when forgiving\n  expected " << expectation(chat.record) << "\n  found    "
            << forgiving.found;
    }
    return share;
}

/// Every template of the golden data; all of them are required.
TEST(golden_templates, every_record_of_every_template_is_byte_identical) {
    M2W_SHARED(root, "chat");
    ASSERT_GET(const auto templates, read_golden_templates(root));
    EXPECT_EQ(templates.size(), 51u);
    Share total;
    for (const GoldenTemplate& golden : templates) {
        const Share share = run_template(golden);
        EXPECT_EQ(share.passed, share.all) << golden.name;
        EXPECT_GT(share.all, 0) << golden.name;
        total.passed += share.passed;
        total.lenient += share.lenient;
        total.all += share.all;
    }
    std::printf("[  SHARE   ] templates  %d of %d, of them %d forgiven\n", total.passed, total.all,
                total.lenient);
    EXPECT_EQ(total.all, 2752);
    EXPECT_EQ(total.passed, 2752);
}

}  // namespace
}  // namespace m2w::jinja::test
