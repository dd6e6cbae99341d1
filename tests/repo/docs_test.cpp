// docs_test.cpp — every path that the documentation names exists. Does not judge what is said about
// it.
#include <algorithm>
#include <regex>

#include "tests/repo/tree.h"
#include "tests/support/shared.h"

namespace m2w::repo {
namespace {
namespace fs = std::filesystem;

constexpr size_t kMaxArchitectureLines = 150;

/// Whether a `code span` is meant as a path of the repository: starts with a folder or file that
/// the root has, or is a file name of a kind we write. Placeholders (<op>, NAME, ...) are not.
bool looks_like_path(const fs::path& root, const std::string& span) {
    static const std::regex path_like(R"(^\.?[A-Za-z0-9_.\-/*]+$)");
    if (!std::regex_match(span, path_like) || span.starts_with("build") ||
        span.starts_with(".deps"))
        return false;
    if (span.find('/') == std::string::npos) {
        return has_extension(span, {".md", ".cmake", "CMakeLists.txt", ".sh"});
    }
    const std::string top = span.substr(0, span.find('/'));
    return top == "." || top == ".."
               ? false
               : fs::exists(root / top) || has_extension(span, {".md", ".cpp", ".h", ".cmake"});
}

std::regex glob_regex(const std::string& glob) {
    std::string pattern;
    for (char c : glob) {
        if (c == '*')
            pattern += "[^/]*";
        else if (std::isalnum(static_cast<unsigned char>(c)) || c == '/' || c == '_')
            pattern += c;
        else
            pattern += std::string("\\") + c;
    }
    return std::regex(pattern);
}

bool exists_in(const fs::path& root, const fs::path& document_folder, const std::string& span) {
    for (const fs::path& base : {root, document_folder, root / "chat/include"}) {
        if (span.find('*') == std::string::npos) {
            if (fs::exists(base / span)) return true;
            continue;
        }
        if (!fs::exists(base)) continue;
        const std::regex pattern = glob_regex(span);
        for (const SourceFile& file : read_tree(base)) {
            if (std::regex_match(file.path, pattern)) return true;
        }
    }
    return false;
}

Findings check_document(const fs::path& root, const SourceFile& document) {
    static const std::regex reference(R"(`([^`]+)`|\]\(([^)#:]+)(?:#[^)]*)?\))");
    Findings findings;
    const fs::path folder = (root / document.path).parent_path();
    const std::vector<std::string> lines = lines_of(document.text);
    for (size_t i = 0; i < lines.size(); i++) {
        for (std::sregex_iterator it(lines[i].begin(), lines[i].end(), reference), end; it != end;
             ++it) {
            const bool link = (*it)[2].matched;
            const std::string target = link ? (*it)[2] : (*it)[1];
            if (!link && !looks_like_path(root, target)) continue;
            if (!exists_in(root, folder, target))
                findings.push_back(finding(document.path, i, target + " does not exist"));
        }
    }
    return findings;
}

Findings check_docs(const fs::path& root) {
    Findings findings;
    for (const SourceFile& file : read_tree(root)) {
        if (!file.path.ends_with(".md")) continue;
        const Findings here = check_document(root, file);
        findings.insert(findings.end(), here.begin(), here.end());
    }
    return findings;
}

TEST(docs, repository_names_only_paths_that_exist) {
    ASSERT_TRUE(fs::exists(source_root() / "docs/architecture.md"));
    ASSERT_TRUE(fs::exists(source_root() / "README.md"));
    const Findings findings = check_docs(source_root());
    EXPECT_TRUE(findings.empty()) << report(findings);
}

TEST(docs, architecture_fits_a_sitting) {
    const std::string text = test::read_text(source_root() / "docs/architecture.md");
    EXPECT_LE(lines_of(text).size(), kMaxArchitectureLines);
}

TEST(docs, missing_path_is_found) {
    PlantedTree tree(
        {{"docs/a.md",
          "See `gguf/file.h` and `gguf/gone.h`,\nor [this](b.md) or [that](gone.md).\n"},
         {"docs/b.md", "`gguf/*.h` `gguf/*.ts` `<op>/x.h` `a + b` `../shared`\n"},
         {"gguf/file.h", ""}});
    EXPECT_EQ(check_docs(tree.root()), (Findings{"docs/a.md:1: gguf/gone.h does not exist",
                                                 "docs/a.md:2: gone.md does not exist",
                                                 "docs/b.md:1: gguf/*.ts does not exist"}));
}

}  // namespace
}  // namespace m2w::repo
