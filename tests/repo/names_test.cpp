// names_test.cpp — identity stops at the Plan: below it, code knows fields and ops, never whose
// model it runs.
#include <regex>

#include "tests/repo/tree.h"
#include "tests/support/shared.h"

namespace m2w::repo {
namespace {

/// Below the waist: the executors, the kernels and the exporter, whose tests may name the models
/// that they run. runtime/model is above it.
bool is_below_waist(const std::string& path) {
    const bool folder = path.starts_with("runtime/") || path.starts_with("kernels/") ||
                        path.starts_with("web-export/");
    return folder && !path.starts_with("runtime/model/") &&
           !path.starts_with("web-export/package/test/");
}

Findings check_names(const std::filesystem::path& root) {
    static const std::regex name(
        "gemma|qwen|llama|mistral|mixtral|phi[-_]?[0-9]|falcon|deepseek|smollm|granite|gpt[-_]?oss|"
        "lfm2|bert|olmo",
        std::regex::icase);
    Findings findings;
    for (const SourceFile& file : read_tree(root)) {
        if (!is_below_waist(file.path)) continue;
        if (!has_extension(file.path, {".cpp", ".h", ".inc", ".comp", ".glsl", ".wgsl", ".ts",
                                       ".cmake", "CMakeLists.txt"})) {
            continue;
        }
        const bool cmake = has_extension(file.path, {".cmake", ".txt"});
        const std::vector<std::string> lines =
            lines_of(cmake ? file.text : without_comments(file.text));
        for (size_t i = 0; i < lines.size(); i++) {
            std::smatch match;
            if (std::regex_search(lines[i], match, name)) {
                findings.push_back(finding(file.path, i, "names the architecture " + match.str()));
            }
        }
    }
    return findings;
}

TEST(names, repository_below_the_waist_names_no_architecture) {
    const Findings findings = check_names(source_root());
    EXPECT_TRUE(findings.empty()) << report(findings);
}

TEST(names, architecture_in_an_executor_is_found) {
    PlantedTree tree{{"runtime/vk/a.cpp", "int x;\nif (arch == \"qwen2\") x = 1;\n"},
                     {"kernels/glsl/b.comp", "float gemma_scale;\n"}};
    EXPECT_EQ(check_names(tree.root()),
              (Findings{"kernels/glsl/b.comp:1: names the architecture gemma",
                        "runtime/vk/a.cpp:2: names the architecture qwen"}));
}

TEST(names, architecture_in_a_comment_or_above_the_waist_is_accepted) {
    PlantedTree tree(
        {{"runtime/a.cpp", "int x;  // as llama.cpp does\n/* gemma\n qwen */ int y;\n"},
         {"runtime/model/archs.cpp", "{\"llama\"}\n"}});
    EXPECT_EQ(check_names(tree.root()), Findings{});
}

TEST(names, string_that_looks_like_a_comment_hides_nothing) {
    PlantedTree tree{{"runtime/a.cpp", "f(\"// \", \"/*\"); g(llama);\n"}};
    EXPECT_EQ(check_names(tree.root()).size(), 1u);
}

}  // namespace
}  // namespace m2w::repo
