// web_verify.cpp — starts Node.js in the package, and reads verify.json.
#include "tools/web_verify.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "chat/terminal.h"
#include "tools/verify_text.h"

extern char** environ;

namespace m2w::tools {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxReportBytes = 64u << 20;

/// Runs a program in a folder; what it writes goes to standard error. Its exit status.
Result<int> run_in(const fs::path& folder, std::vector<std::string> words) {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
    posix_spawn_file_actions_adddup2(&actions, 2, 1);
    pid_t pid = 0;
    const int error = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error) return Error{Category::io, fmt::format("{}: {}", words[0], std::strerror(error))};
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return Error{Category::io, words[0] + ": " + std::strerror(errno)};
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

double number_of(const nlohmann::json& json) {
    return json.is_number() ? json.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

/// JSON has no NaN: what is none is null there.
ValueCheck check_of(const nlohmann::json& json) {
    ValueCheck check;
    check.name = json.at("value").get<std::string>();
    check.relative_error = number_of(json.at("relative_error"));
    check.pos = json.at("pos").get<uint32_t>();
    check.n_tok = json.at("n_tok").get<uint32_t>();
    check.row = json.at("row").get<uint32_t>();
    check.column = json.at("column").get<uint32_t>();
    check.got = float(number_of(json.at("got")));
    check.expected = float(number_of(json.at("expected")));
    check.ok = json.at("ok").get<bool>();
    return check;
}

VerifyReport report_of(const nlohmann::json& json) {
    VerifyReport report;
    report.device = json.at("device").get<std::string>();
    for (const nlohmann::json& layer : json.at("layers")) {
        report.layers.push_back(check_of(layer));
        if (!report.layers.back().ok && !report.first_wrong)
            report.first_wrong = report.layers.size() - 1;
    }
    report.logits = check_of(json.at("logits"));
    report.tokens = json.at("tokens").get<std::vector<uint32_t>>();
    report.expected_tokens = json.at("expected_tokens").get<std::vector<uint32_t>>();
    const bool same_count = report.tokens.size() == report.expected_tokens.size();
    if (!report.first_wrong && !(report.logits.ok && same_count && json.at("ok").get<bool>()))
        report.first_wrong = report.layers.size();
    report.tokens.resize(report.expected_tokens.size());
    return report;
}

/// What verify.json says. Errors: io (it is none of ours).
Result<std::pair<std::string, bool>> table_of(const std::string& bytes, const fs::path& path) {
    const auto json = nlohmann::json::parse(bytes, nullptr, false);
    try {
        std::string text;
        bool good = true;
        for (const nlohmann::json& device : json.at("devices")) {
            const VerifyReport report = report_of(device);
            text += verify_text(report, json.at("tolerance").get<double>());
            good = good && report.ok();
        }
        return std::pair(escape_for_terminal(text), good);
    } catch (const nlohmann::json::exception& e) {
        return Error{Category::io, fmt::format("{}: {}", path.string(), e.what())};
    }
}

}  // namespace

Result<Verdict> verify_package(const fs::path& folder, bool json) {
    std::error_code error;
    if (!fs::exists(folder / "tests/activation-match.spec.ts", error))
        return Error{Category::usage, folder.string() + ": no package of m2w export"};
    if (!fs::exists(folder / "node_modules", error))
        return Error{Category::usage, fmt::format("run npm ci in {} first", folder.string())};
    const fs::path path = folder / "verify.json";
    fs::remove(path, error);
    TRY(const int status, run_in(folder, {"node", "tests/run.mjs", "activation-match"}));
    const auto bytes = read_all(path, kMaxReportBytes);
    if (!bytes)
        return Error{Category::io,
                     fmt::format("the package's test ended with {} and without a result", status)};
    TRY(const auto table, table_of(*bytes, path));
    TRY(print(json ? *bytes : table.first));
    return table.second ? Verdict::good : Verdict::different;
}

}  // namespace m2w::tools
