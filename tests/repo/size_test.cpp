// size_test.cpp — no file over 700 lines, no function over 60: beyond that there is a second noun
// inside.
#include <regex>

#include "tests/repo/tree.h"
#include "tests/support/shared.h"

namespace m2w::repo {
namespace {

constexpr size_t kMaxFileLines = 700;
constexpr size_t kMaxFunctionLines = 60;
// Arrays that have to stay in registers cannot be handed from one GLSL function to another at no
// cost.
constexpr size_t kMaxKernelLines = 100;

Findings check_file_sizes(const std::filesystem::path& root) {
    Findings findings;
    for (const SourceFile& file : read_tree(root)) {
        if (has_extension(file.path, {".inc"})) continue;  // generated tables
        const size_t lines = lines_of(file.text).size();
        if (lines > kMaxFileLines)
            findings.push_back(finding(file.path, lines - 1, "over 700 lines"));
    }
    return findings;
}

/// Leans on the formatter: a function at namespace scope starts in column 0 and ends with a lone
/// brace there. Labels are not counted: a switch that only maps is a table.
Findings check_function_sizes(const std::filesystem::path& root) {
    static const std::regex other(
        R"(^(namespace|struct|class|enum|union|extern|#|//|constexpr [^(]*=|const [^(]*=))");
    static const std::regex label(R"(^ +(case .*|default):$)");
    Findings findings;
    for (const SourceFile& file : read_tree(root)) {
        if (!has_extension(file.path, {".cpp", ".h", ".comp", ".glsl"})) continue;
        const bool kernel = has_extension(file.path, {".comp", ".glsl"});
        const std::vector<std::string> lines = lines_of(file.text);
        size_t start = lines.size(), labels = 0;
        for (size_t i = 0; i < lines.size(); i++) {
            const bool column_0 = !lines[i].empty() && lines[i][0] != ' ' && lines[i][0] != '}';
            if (column_0 && lines[i].find('(') != std::string::npos) start = i, labels = 0;
            if (std::regex_search(lines[i], label)) labels++;
            if (column_0 && std::regex_search(lines[i], other)) start = lines.size();
            if (lines[i] != "}" || start == lines.size()) continue;
            const size_t length = i - start + 1 - labels;
            if (length > (kernel ? kMaxKernelLines : kMaxFunctionLines)) {
                findings.push_back(
                    finding(file.path, start, std::to_string(length) + " lines in one function"));
            }
            start = lines.size();
        }
    }
    return findings;
}

std::string function_of(size_t lines) {
    std::string text = "int f(int x) {\n";
    for (size_t i = 2; i < lines; i++) text += "    x++;\n";
    return text + "}\n";
}

std::string file_of(size_t lines) {
    std::string text;
    for (size_t i = 0; i < lines; i++) text += "int x" + std::to_string(i) + ";\n";
    return text;
}

TEST(size, repository_files_are_short) {
    const Findings findings = check_file_sizes(source_root());
    EXPECT_TRUE(findings.empty()) << report(findings);
}

TEST(size, repository_functions_are_short) {
    const Findings findings = check_function_sizes(source_root());
    EXPECT_TRUE(findings.empty()) << report(findings);
}

TEST(size, line_701_is_found_and_700_is_not) {
    PlantedTree tree{
        {"a/long.cpp", file_of(701)}, {"a/fits.cpp", file_of(700)}, {"a/table.inc", file_of(900)}};
    EXPECT_EQ(check_file_sizes(tree.root()), Findings{"a/long.cpp:701: over 700 lines"});
}

TEST(size, function_of_61_lines_is_found_and_60_is_not) {
    PlantedTree tree{{"a/a.cpp", "\n" + function_of(61)},
                     {"a/b.cpp", function_of(60) + function_of(60)},
                     {"a/c.comp", function_of(100)},
                     {"a/d.comp", function_of(101)}};
    EXPECT_EQ(
        check_function_sizes(tree.root()),
        (Findings{"a/a.cpp:2: 61 lines in one function", "a/d.comp:1: 101 lines in one function"}));
}

TEST(size, labels_of_a_table_are_not_counted) {
    std::string text = "int f(int x) {\n    switch (x) {\n";
    for (int i = 0; i < 40; i++) text += "        case 1:\n            return 2;\n";
    PlantedTree tree{{"a/a.cpp", text + "    }\n}\n"}};
    EXPECT_EQ(check_function_sizes(tree.root()), Findings{});
}

}  // namespace
}  // namespace m2w::repo
