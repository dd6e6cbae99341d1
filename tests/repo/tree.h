// tree.h — the repository as a list of files, and a scratch one with planted faults. Judges
// nothing.
#pragma once
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace m2w::repo {

/// What a check found: "path:line: why" each. Empty means the rule holds.
using Findings = std::vector<std::string>;

struct SourceFile {
    std::string path;  // relative to the root, with forward slashes
    std::string text;
};

/// Every text file below `root` that the project wrote: no build trees, no dot folders, no model or
/// golden data. Sorted.
std::vector<SourceFile> read_tree(const std::filesystem::path& root);

/// The repository that is being tested.
std::filesystem::path source_root();

/// `text` with C++ or GLSL comments blanked out; line breaks stay, string literals too.
std::string without_comments(std::string_view text);

std::vector<std::string> lines_of(std::string_view text);

bool has_extension(const std::string& path, std::initializer_list<std::string_view> extensions);

/// "path:line: why"
std::string finding(const std::string& path, size_t line_index, const std::string& why);

/// All findings in one readable block, for EXPECT_TRUE(...) << report(findings).
std::string report(const Findings& findings);

/// A folder with the given files, removed again at the end of its scope.
class PlantedTree {
  public:
    using File = std::pair<std::string, std::string>;  // path, text
    PlantedTree(std::initializer_list<File> files) : PlantedTree(std::vector<File>(files)) {}
    explicit PlantedTree(const std::vector<File>& files);
    ~PlantedTree();
    PlantedTree(const PlantedTree&) = delete;
    PlantedTree& operator=(const PlantedTree&) = delete;
    const std::filesystem::path& root() const { return root_; }

  private:
    std::filesystem::path root_;
};

struct CommandResult {
    int status = -1;  // the exit status; -1 when it did not exit by itself
    std::string output;
};

/// Runs a shell command; stdout and stderr together.
CommandResult run_command(const std::string& command);

}  // namespace m2w::repo
