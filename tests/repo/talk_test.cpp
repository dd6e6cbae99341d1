// talk_test.cpp — the project speaks of itself alone: no paths of a machine, no package mirrors, no
// talk of how it came about.
#include <regex>

#include "tests/repo/tree.h"
#include "tests/support/shared.h"

namespace m2w::repo {
namespace {

struct Unwelcome {
    const char* pattern;
    const char* why;
};

// Written with [x] for one letter each, so that this file does not find itself.
constexpr Unwelcome kUnwelcome[] = {
    {R"((^|[^A-Za-z0-9_.~\-/])/[w]ork/)", "a path of one machine"},
    {R"((^|[^A-Za-z0-9_.~\-/])/[h]ome/(?!x[/\"])[a-z])", "a path of one machine"},
    {R"((^|[^A-Za-z0-9_.~\-])/[a-z]+/([m]ain|[s]teering|[i]n|\.library|\.device)/)",
     "a path of one machine"},
    {R"([d]eb\.debian\.org|[s]ecurity\.debian\.org|[a]rchive\.ubuntu\.com|[s]napshot\.debian\.org)",
     "a package mirror"},
    {R"([r]egistry\.(npmjs\.org|yarnpkg\.com)|[p]ypi\.(org|python\.org)|[d]ownloads\.sourceforge)",
     "a package registry"},
    {R"(\b([C]laude|[C]hatGPT|[C]opilot|[A]I agent|[l]anguage-model agent)\b)", "talk about tools"},
};

Findings check_talk(const std::filesystem::path& root) {
    Findings findings;
    for (const SourceFile& file : read_tree(root)) {
        const std::vector<std::string> lines = lines_of(file.text);
        for (const Unwelcome& unwelcome : kUnwelcome) {
            const std::regex pattern(unwelcome.pattern);
            for (size_t i = 0; i < lines.size(); i++) {
                if (std::regex_search(lines[i], pattern)) {
                    findings.push_back(finding(file.path, i, unwelcome.why));
                }
            }
        }
    }
    return findings;
}

TEST(talk, repository_speaks_of_itself) {
    const Findings findings = check_talk(source_root());
    EXPECT_TRUE(findings.empty()) << report(findings);
}

TEST(talk, machine_path_is_found) {
    PlantedTree tree{{"a.md", std::string("fine\nsee /wo") + "rk/x\n"},
                     {"b.cpp", std::string("// /ho") + "me/someone/m2w\n"},
                     {"c.cpp", "// build/work/x is ours, and so is docs/home/a\n"}};
    EXPECT_EQ(check_talk(tree.root()),
              (Findings{"a.md:2: a path of one machine", "b.cpp:1: a path of one machine"}));
}

TEST(talk, mirror_is_found) {
    PlantedTree tree{{"x.sh", std::string("curl http://de") + "b.debian.org/debian\n"}};
    EXPECT_EQ(check_talk(tree.root()), Findings{"x.sh:1: a package mirror"});
}

TEST(talk, talk_about_tools_is_found) {
    PlantedTree tree{{"x.md", std::string("written by Cl") + "aude\n"}};
    EXPECT_EQ(check_talk(tree.root()), Findings{"x.md:1: talk about tools"});
}

}  // namespace
}  // namespace m2w::repo
