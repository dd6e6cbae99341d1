// tree.cpp — reading the repository and planting scratch trees.
#include "tests/repo/tree.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/support/shared.h"

namespace m2w::repo {
namespace fs = std::filesystem;
namespace {

bool is_foreign_folder(const std::string& name) {
    return (name.starts_with(".") && name != ".ci") || name == "build" ||
           name.starts_with("build-") || name == "node_modules" || name == "dist-test" ||
           name == "golden";
}

bool is_project_text(const fs::path& path) {
    const std::string name = path.filename().string();
    return name == "dev" || name == "run" || name == "CMakeLists.txt" || name == ".gitignore" ||
           name == "CMakePresets.json" || name == "package.json" || name == "tsconfig.json" ||
           has_extension(name, {".cpp", ".h", ".inc", ".comp", ".glsl", ".wgsl", ".ts", ".mjs",
                                ".py", ".sh", ".cmake", ".in", ".md", ".html"});
}

}  // namespace

std::vector<SourceFile> read_tree(const fs::path& root) {
    std::vector<SourceFile> files;
    for (auto it = fs::recursive_directory_iterator(root); it != fs::end(it); ++it) {
        const std::string name = it->path().filename().string();
        if (it->is_directory()) {
            if (is_foreign_folder(name)) it.disable_recursion_pending();
        } else if (it->is_regular_file() && is_project_text(it->path())) {
            files.push_back({it->path().lexically_relative(root).generic_string(),
                             test::read_text(it->path())});
        }
    }
    std::sort(files.begin(), files.end(),
              [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
    return files;
}

fs::path source_root() {
    return M2W_SOURCE_DIR;
}

std::string without_comments(std::string_view text) {
    enum class In { code, line_comment, block_comment, string, character };
    std::string out(text);
    In in = In::code;
    for (size_t i = 0; i < text.size(); i++) {
        const std::string_view two = text.substr(i, 2);
        if (in == In::code) {
            if (two == "//") in = In::line_comment;
            if (two == "/*") in = In::block_comment;
            if (text[i] == '"') in = In::string;
            // A digit separator (10'000) is not the start of a character.
            const bool digit_before =
                i > 0 && std::isxdigit(static_cast<unsigned char>(text[i - 1]));
            if (text[i] == '\'' && !digit_before) in = In::character;
        } else if (in == In::string || in == In::character) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == (in == In::string ? '"' : '\''))
                in = In::code;
            continue;
        }
        if (in == In::line_comment && text[i] == '\n') in = In::code;
        if (in == In::block_comment && two == "*/") {
            out[i] = out[i + 1] = ' ';
            i++;
            in = In::code;
        } else if ((in == In::line_comment || in == In::block_comment) && text[i] != '\n') {
            out[i] = ' ';
        }
    }
    return out;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    std::istringstream in{std::string(text)};
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

bool has_extension(const std::string& path, std::initializer_list<std::string_view> extensions) {
    return std::any_of(extensions.begin(), extensions.end(),
                       [&](std::string_view extension) { return path.ends_with(extension); });
}

std::string finding(const std::string& path, size_t line_index, const std::string& why) {
    return path + ":" + std::to_string(line_index + 1) + ": " + why;
}

std::string report(const Findings& findings) {
    std::string out = std::to_string(findings.size()) + " found\n";
    for (const std::string& line : findings) out += "  " + line + "\n";
    return out;
}

PlantedTree::PlantedTree(const std::vector<File>& files) {
    std::string pattern = (fs::temp_directory_path() / "m2w-repo-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    for (const auto& [path, text] : files) {
        fs::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path, std::ios::binary) << text;
    }
}

PlantedTree::~PlantedTree() {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
}

CommandResult run_command(const std::string& command) {
    CommandResult result;
    FILE* pipe = popen(("{ " + command + "\n} 2>&1 </dev/null").c_str(), "r");
    if (!pipe) return result;
    std::array<char, 4096> buffer;
    for (size_t n; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
        result.output.append(buffer.data(), n);
    }
    const int status = pclose(pipe);
    if (WIFEXITED(status)) result.status = WEXITSTATUS(status);
    return result;
}

}  // namespace m2w::repo
