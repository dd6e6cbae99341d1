// golden_test.cpp — the real chat templates of the golden data, rendered for all their
// conversations.
#include <algorithm>
#include <map>

#include "chat/template.h"
#include "tests/jinja/golden.h"

namespace m2w::jinja::test {
namespace {

namespace fs = std::filesystem;

struct Share {
    int exact = 0, lenient = 0, all = 0;
};

/// The cases by id: those of a template come before the common ones.
class Cases {
  public:
    explicit Cases(const fs::path& path) : root_(parse_or_die(m2w::test::read_text(path))) {}

    const Value* find(const std::string& tmpl, const std::string& id) const {
        const Value* extra = root_.get("extra")->get(tmpl);
        if (const Value* found = extra ? find_in(*extra, id) : nullptr) return found;
        return find_in(*root_.get("common"), id);
    }

  private:
    static const Value* find_in(const Value& cases, const std::string& id) {
        for (const Value& c : cases.items())
            if (member(c, "id") == id) return &c;
        return nullptr;
    }
    Value root_;
};

ChatInput to_input(const Value& record, const Value& conversation) {
    ChatInput input;
    input.messages = *conversation.get("messages");
    input.tools = member_or(conversation, "tools", Value::none());
    input.documents = member_or(conversation, "documents", Value::none());
    input.kwargs = member_or(conversation, "kwargs", Value());
    input.add_generation_prompt = record.get("agp")->as_bool();
    input.bos_token = member(record, "bos");
    input.eos_token = member(record, "eos");
    input.now = kGoldenTime;
    return input;
}

/// Renders all records of one template strictly and forgivingly; both must be right.
Share run_template(const fs::path& root, const std::string& name, const Cases& cases) {
    Share share;
    const auto tmpl =
        ChatTemplate::from_source(m2w::test::read_text(root / "templates" / (name + ".jinja")));
    EXPECT_TRUE(tmpl) << name;
    if (!tmpl) return share;
    for (const Value& record : read_jsonl(root / "golden" / (name + ".jsonl"))) {
        const std::string id = *member(record, "case");
        const Value* conversation = cases.find(name, id);
        if (!conversation) {
            ADD_FAILURE() << name << ": no case " << id;
            continue;
        }
        ChatInput input = to_input(record, *conversation);
        input.forgiving = false;
        const Verdict strict = judge(record, tmpl->render_detailed(input));
        input.forgiving = true;
        const Verdict forgiving = judge(record, tmpl->render_detailed(input));
        const bool expects_lenient = member(record, "lenient_output").has_value();
        share.all++;
        share.exact += strict.exact && (forgiving.exact || forgiving.lenient);
        share.lenient += expects_lenient && forgiving.lenient;
        if (!strict.exact || !(forgiving.exact || forgiving.lenient)) {
            std::printf("[   DIFF   ] %s case %s agp %d\n  expected %s\n  strict   %s\n",
                        name.c_str(), id.c_str(), int(input.add_generation_prompt),
                        member(record, "output")
                            .value_or("error " + member(record, "error").value_or("?"))
                            .c_str(),
                        strict.found.c_str());
        }
    }
    return share;
}

/// Every template of the golden data; all of them are required.
TEST(golden_templates, every_record_of_every_template_is_byte_identical) {
    M2W_SHARED(root, "chat");
    const Cases cases(root / "cases.json");
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(root / "golden"))
        names.push_back(entry.path().stem().string());
    std::sort(names.begin(), names.end());
    EXPECT_EQ(names.size(), 51u);
    Share total;
    for (const std::string& name : names) {
        const Share share = run_template(root, name, cases);
        std::printf("[  SHARE   ] %-50s %d of %d, lenient %d\n", name.c_str(), share.exact,
                    share.all, share.lenient);
        EXPECT_EQ(share.exact, share.all) << name;
        EXPECT_GT(share.all, 0) << name;
        total.exact += share.exact;
        total.all += share.all;
        total.lenient += share.lenient;
    }
    std::printf("[  SHARE   ] %-50s %d of %d, lenient %d\n", "all", total.exact, total.all,
                total.lenient);
    EXPECT_EQ(total.all, 2752);
}

}  // namespace
}  // namespace m2w::jinja::test
