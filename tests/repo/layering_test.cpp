// layering_test.cpp — #include lines go down the layers, as links do. Reads the layers from the
// m2w_library() calls, so that there is one table of them.
#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <set>

#include "tests/repo/tree.h"
#include "tests/support/shared.h"

namespace m2w::repo {
namespace {
namespace fs = std::filesystem;

struct Library {
    std::string name;
    int layer = 0;
    std::string folder;             // relative to the root
    std::set<std::string> sources;  // relative to the root
};

struct Layers {
    std::vector<Library> libraries;
    Findings findings;
};

std::string stem_of(const std::string& path) {
    return path.substr(0, path.find_last_of('.'));
}

std::string folder_of(const std::string& path) {
    return fs::path(path).parent_path().generic_string();
}

Layers parse_layers(const std::vector<SourceFile>& files) {
    static const std::regex call(R"(m2w_library\(\s*(\w+)\s+LAYER\s+(\d+)([^)]*)\))");
    Layers layers;
    for (const SourceFile& file : files) {
        if (!file.path.ends_with("CMakeLists.txt") || file.path.starts_with("tests/")) continue;
        for (std::sregex_iterator it(file.text.begin(), file.text.end(), call), end; it != end;
             ++it) {
            Library library{(*it)[1], std::stoi((*it)[2]), folder_of(file.path), {}};
            std::istringstream words((*it)[3].str());
            bool in_sources = false;
            for (std::string word; words >> word;) {
                if (word == "SOURCES" || word == "DEPENDS" || word == "LINKS") {
                    in_sources = word == "SOURCES";
                } else if (in_sources) {
                    library.sources.insert(
                        (fs::path(library.folder) / word).lexically_normal().generic_string());
                }
            }
            layers.libraries.push_back(library);
        }
    }
    return layers;
}

/// The library that a file belongs to: listed by name, or by its stem (x.h beside x.cpp), or the
/// only one of the deepest folder around it that has any. Nothing for files of no library (tools,
/// tests).
std::optional<Library> owner_of(const Layers& layers, const std::string& path, bool& ambiguous) {
    for (const Library& library : layers.libraries) {
        for (const std::string& source : library.sources) {
            if (source == path || stem_of(source) == stem_of(path)) return library;
        }
    }
    for (std::string folder = folder_of(path); !folder.empty(); folder = folder_of(folder)) {
        std::vector<Library> here;
        for (const Library& library : layers.libraries) {
            if (library.folder == folder) here.push_back(library);
        }
        ambiguous = here.size() > 1;
        if (here.size() == 1) return here[0];
        if (ambiguous) return std::nullopt;
    }
    return std::nullopt;
}

/// Where an include leads, relative to the root: beside the includer, below the root, or a public
/// header.
std::string resolve(const fs::path& root, const std::string& from, const std::string& target) {
    for (const std::string& base : {folder_of(from), std::string(), std::string("chat/include")}) {
        const fs::path path = (fs::path(base) / target).lexically_normal();
        if (fs::exists(root / path)) return path.generic_string();
    }
    return target;  // generated below the build tree: its folder says whose it is
}

Findings check_includes(const fs::path& root) {
    static const std::regex include(R"re(^\s*#\s*include\s+(?:"([^"]+)"|<(m2w/[^>]+)>))re");
    const std::vector<SourceFile> files = read_tree(root);
    const Layers layers = parse_layers(files);
    Findings findings = layers.findings;
    for (const SourceFile& file : files) {
        if (!has_extension(file.path, {".cpp", ".h", ".inc"})) continue;
        bool ambiguous = false;
        const std::optional<Library> from = owner_of(layers, file.path, ambiguous);
        if (ambiguous) {
            findings.push_back(
                finding(file.path, 0,
                        "several libraries in this folder: list it in the SOURCES of its own"));
        }
        if (!from) continue;
        const std::vector<std::string> lines = lines_of(without_comments(file.text));
        for (size_t i = 0; i < lines.size(); i++) {
            std::smatch match;
            if (!std::regex_search(lines[i], match, include)) continue;
            const std::string target =
                resolve(root, file.path, match[1].matched ? match[1] : match[2]);
            const std::string top = target.substr(0, target.find('/'));
            if (top == "tools" || top == "tests" || top == "bench") {
                findings.push_back(
                    finding(file.path, i, from->name + " must not include " + target));
                continue;
            }
            const std::optional<Library> to = owner_of(layers, target, ambiguous);
            if (to && to->name != from->name && to->layer >= from->layer) {
                findings.push_back(finding(file.path, i,
                                           from->name + " (layer " + std::to_string(from->layer) +
                                               ") includes " + target + " of " + to->name +
                                               " (layer " + std::to_string(to->layer) + ")"));
            }
        }
    }
    return findings;
}

const char* const kTwoLayers[] = {"m2w_library(low LAYER 0 SOURCES low.cpp)\n",
                                  "m2w_library(high LAYER 1 SOURCES high.cpp DEPENDS low)\n"
                                  "m2w_library(higher LAYER 2 SOURCES higher.cpp DEPENDS high)\n"};

TEST(layering, repository_includes_point_down) {
    ASSERT_GE(parse_layers(read_tree(source_root())).libraries.size(), 1u);
    const Findings findings = check_includes(source_root());
    EXPECT_TRUE(findings.empty()) << report(findings);
}

TEST(layering, downward_include_is_accepted) {
    PlantedTree tree{{"low/CMakeLists.txt", kTwoLayers[0]},
                     {"high/CMakeLists.txt", kTwoLayers[1]},
                     {"low/low.h", ""},
                     {"high/high.h", "#include \"low/low.h\"\n"},
                     {"high/higher.cpp", "#include \"high/high.h\"\n#include \"low/low.h\"\n"}};
    EXPECT_EQ(check_includes(tree.root()), Findings{});
}

TEST(layering, upward_include_is_found) {
    PlantedTree tree{{"low/CMakeLists.txt", kTwoLayers[0]},
                     {"high/CMakeLists.txt", kTwoLayers[1]},
                     {"low/low.cpp", "// up:\n#include \"high/high.h\"\n"},
                     {"high/high.h", ""}};
    EXPECT_EQ(check_includes(tree.root()),
              Findings{"low/low.cpp:2: low (layer 0) includes high/high.h of high (layer 1)"});
}

TEST(layering, upward_include_within_a_folder_is_found) {
    PlantedTree tree{{"low/CMakeLists.txt", kTwoLayers[0]},
                     {"high/CMakeLists.txt", kTwoLayers[1]},
                     {"high/higher.h", ""},
                     {"high/high.cpp", "#include \"higher.h\"\n"}};
    EXPECT_EQ(
        check_includes(tree.root()),
        Findings{"high/high.cpp:1: high (layer 1) includes high/higher.h of higher (layer 2)"});
}

TEST(layering, include_of_tests_is_found) {
    PlantedTree tree{{"low/CMakeLists.txt", kTwoLayers[0]},
                     {"low/low.cpp", "#include \"tests/support/shared.h\"\n"}};
    EXPECT_EQ(check_includes(tree.root()),
              Findings{"low/low.cpp:1: low must not include tests/support/shared.h"});
}

TEST(layering, header_of_no_library_in_a_shared_folder_is_found) {
    PlantedTree tree{{"high/CMakeLists.txt", kTwoLayers[1]}, {"high/orphan.h", ""}};
    EXPECT_EQ(check_includes(tree.root()).size(), 1u);
}

/// Configures a project of two layers with cmake/layering.cmake itself.
CommandResult configure_with_edge(const std::string& first, const std::string& second) {
    PlantedTree tree(
        {{"CMakeLists.txt",
          "cmake_minimum_required(VERSION 3.25)\nproject(edge LANGUAGES NONE)\n"
          "include(\"" +
              (source_root() / "cmake/layering.cmake").string() + "\")\n" + first + second}});
    return run_command(std::string("\"") + M2W_CMAKE_COMMAND + "\" -S '" + tree.root().string() +
                       "' -B '" + (tree.root() / "build").string() + "'");
}

TEST(layering, upward_link_stops_the_configuration) {
    const CommandResult result = configure_with_edge("m2w_library(high LAYER 2)\n",
                                                     "m2w_library(low LAYER 1 DEPENDS high)\n");
    EXPECT_NE(result.status, 0);
    EXPECT_NE(result.output.find("layering: low (layer 1) must not depend on high"),
              std::string::npos)
        << result.output;
}

TEST(layering, sideways_link_stops_the_configuration) {
    const CommandResult result = configure_with_edge("m2w_library(one LAYER 1)\n",
                                                     "m2w_library(other LAYER 1 DEPENDS one)\n");
    EXPECT_NE(result.status, 0);
    EXPECT_NE(result.output.find("layering: other"), std::string::npos) << result.output;
}

TEST(layering, downward_link_configures) {
    const CommandResult result = configure_with_edge("m2w_library(low LAYER 1)\n",
                                                     "m2w_library(high LAYER 2 DEPENDS low)\n");
    EXPECT_EQ(result.status, 0) << result.output;
}

}  // namespace
}  // namespace m2w::repo
