// verbs.h — the verbs of the program, and what they share: arguments in, an error or nothing out,
// or a verdict of those that compare. Verbs print; they do not exit.
#pragma once
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/result.h"

namespace CLI {
class App;
}

namespace m2w::tools {

/// What stands after the verb on the command line.
using Args = std::vector<std::string>;

/// What a comparison came to, as an exit status beside those of errors.
enum class Verdict : int { good = 0, different = 6 };

Result<void> chat(const Args& args);
Result<Verdict> inspect(const Args& args);
Result<void> tokenize(const Args& args);
Result<void> shard(const Args& args);
Result<void> export_package(const Args& args);
Result<void> pull(const Args& args);
Result<void> cache(const Args& args);
Result<void> render(const Args& args);
Result<void> dump(const Args& args);
Result<Verdict> verify(const Args& args);
Result<void> devices(const Args& args);

/// Parses the arguments of a verb. False: help was asked for and printed. Errors: usage.
Result<bool> parse(CLI::App& app, const Args& args);

/// Writes all of it to standard output. Errors: io.
Result<void> print(std::string_view text);

/// The model that is used when none is named. Errors: io (it is not installed, with where it was
/// looked for).
Result<std::filesystem::path> bundled_model();

/// Writes a file whole or not at all: beside its place first, then renamed. Errors: io.
Result<void> write_file(const std::filesystem::path& path, std::string_view bytes);

/// Reads a file or, for "-", standard input. Errors: io, resource_limit (longer than max_bytes).
Result<std::string> read_all(const std::filesystem::path& path, size_t max_bytes);

/// "1,2,3", the value of --ids. Errors: usage.
Result<std::vector<uint32_t>> parse_ids(const std::string& text);

/// Calls `use` with each line of standard input, without its newline; empty lines are left out.
/// The first error ends it and is told apart by the line's number. Errors: io, those of `use`.
template <class F>
Result<void> for_each_input_line(F use);

/// The next line of standard input. False at its end. Errors: io, resource_limit.
Result<bool> next_input_line(std::string& line);

template <class F>
Result<void> for_each_input_line(F use) {
    std::string line;
    for (size_t number = 1;; ++number) {
        TRY(const bool got, next_input_line(line));
        if (!got) return {};
        if (line.empty()) continue;
        if (Result<void> used = use(line); !used)
            return Error{used.error().category,
                         "line " + std::to_string(number) + ": " + used.error().message};
    }
}

}  // namespace m2w::tools
