// dev_test.cpp — ./dev before anything is installed: what it reports, where it stays silent, how it
// counts tests.
#include <cstdlib>

#include "tests/repo/tree.h"
#include "tests/support/shared.h"

namespace m2w::repo {
namespace {
namespace fs = std::filesystem;

/// A PATH with only the tools named in `system`, and scripts that stand in for others.
CommandResult run_dev(const std::string& system,
                      const std::vector<std::pair<std::string, std::string>>& fakes,
                      const std::string& arguments) {
    std::vector<std::pair<std::string, std::string>> files;
    for (const auto& [name, body] : fakes)
        files.push_back({"bin/" + name, "#!/bin/sh\n" + body + "\n"});
    files.push_back({"home/keep", ""});
    files.push_back({"bin/keep", ""});
    PlantedTree tree(files);
    const std::string root = tree.root().string();
    return run_command("set -e; cd '" + root + "'; for tool in " + system +
                       "; do ln -s \"$(command -v $tool)\" bin/$tool; done; chmod -f +x bin/*; "
                       "env -i HOME='" +
                       root + "/home' XDG_DATA_DIRS='" + root + "' PATH='" + root + "/bin' '" +
                       (source_root() / "dev").string() + "' " + arguments);
}

const char* const kTools = "sh awk tr grep sed id env dirname sort head basename cat";

TEST(dev, missing_packages_are_reported_and_not_installed) {
    const CommandResult result = run_dev(kTools,
                                         {{"dpkg-query", "echo 'ii  cmake'; exit 1"},
                                          {"apt-get", "echo CALLED apt-get"},
                                          {"apt-cache", "exit 1"},
                                          {"glslc", "echo 'shaderc v2024.1'"}},
                                         "--no-install chat");
    EXPECT_EQ(result.status, 1) << result.output;
    EXPECT_NE(result.output.find("missing packages: g++ ninja-build"), std::string::npos)
        << result.output;
    EXPECT_EQ(result.output.find("CALLED"), std::string::npos) << result.output;
}

TEST(dev, verb_decides_which_packages_are_needed) {
    const auto missing = [](const std::string& verb) {
        return run_dev(kTools,
                       {{"dpkg-query", "exit 1"},
                        {"apt-get", "echo CALLED"},
                        {"apt-cache", "exit 1"},
                        {"glslc", "echo 'shaderc v2024.1'"}},
                       "--no-install " + verb)
            .output;
    };
    EXPECT_EQ(missing("build").find("libgtest-dev"), std::string::npos);
    EXPECT_NE(missing("test").find("libgtest-dev"), std::string::npos);
    EXPECT_NE(missing("bench").find("libbenchmark-dev"), std::string::npos);
    EXPECT_NE(missing("fuzz").find(" clang "), std::string::npos);
    EXPECT_EQ(missing("format"), "dev: missing packages: clang-format \n");
}

TEST(dev, program_from_elsewhere_is_not_installed_again) {
    const auto missing = [](const std::vector<std::pair<std::string, std::string>>& programs) {
        std::vector<std::pair<std::string, std::string>> fakes = {
            {"dpkg-query", "exit 1"}, {"apt-get", ""}, {"apt-cache", "exit 1"}};
        fakes.insert(fakes.end(), programs.begin(), programs.end());
        return run_dev(kTools, fakes, "--no-install test").output;
    };
    EXPECT_NE(missing({}).find(" npm "), std::string::npos);
    const std::string with_npm = missing({{"npm", ""}});
    EXPECT_EQ(with_npm.find(" npm "), std::string::npos) << with_npm;
    EXPECT_NE(with_npm.find(" nodejs "), std::string::npos) << with_npm;
}

TEST(dev, other_distribution_gets_a_list) {
    const CommandResult result =
        run_dev(kTools, {{"cmake", ""}, {"pkg-config", "exit 1"}}, "build");
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.output.find("please install"), std::string::npos) << result.output;
    EXPECT_NE(result.output.find("program ninja"), std::string::npos) << result.output;
    EXPECT_NE(result.output.find("library vulkan"), std::string::npos) << result.output;
    EXPECT_EQ(result.output.find("program cmake"), std::string::npos) << result.output;
}

TEST(dev, every_verb_has_help_and_unknown_verbs_fail) {
    for (const char* verb : {"chat", "build", "test", "bench", "fuzz", "format"}) {
        const CommandResult result = run_dev(kTools, {}, std::string(verb) + " --help");
        EXPECT_EQ(result.status, 0) << verb << result.output;
        EXPECT_NE(result.output.find(std::string("usage: ./dev ") + verb), std::string::npos)
            << result.output;
    }
    EXPECT_EQ(run_dev(kTools, {}, "--help").status, 0);
    EXPECT_EQ(run_dev(kTools, {}, "polish").status, 1);
    EXPECT_EQ(run_dev(kTools, {}, "").status, 1);
}

std::string count(const std::string& log) {
    PlantedTree tree{{"log", log}};
    return run_command(". '" + (source_root() / "tools/dev/test.sh").string() + "'; count_cases '" +
                       (tree.root() / "log").string() + "'")
        .output;
}

TEST(dev, cases_of_googletest_programs_are_counted) {
    EXPECT_EQ(count("1/2 Test: a\n[  PASSED  ] 7 tests.\n[  SKIPPED ] 2 tests, listed below:\n[  "
                    "SKIPPED ] x.y\nTest Passed.\n"
                    "2/2 Test: b\n[  PASSED  ] 3 tests.\n[  FAILED  ] 1 test, listed below:\n[  "
                    "FAILED  ] x.z\nTest Failed.\n"),
              "10 1 2\n");
}

TEST(dev, other_programs_count_once) {
    EXPECT_EQ(count("1/3 Test: a\nhello\nTest Passed.\n2/3 Test: b\nTest Failed.\n3/3 Test: "
                    "c\nTest timed out.\n"),
              "1 2 0\n");
}

TEST(dev, program_that_ends_badly_after_its_summary_is_a_failure) {
    EXPECT_EQ(count("1/1 Test: a\n[  PASSED  ] 7 tests.\nAddressSanitizer: leak\nTest Failed.\n"),
              "7 1 0\n");
}

TEST(dev, program_that_dies_before_its_summary_is_a_failure) {
    EXPECT_EQ(count("1/1 Test: a\n[ RUN      ] x.y\nTest Failed.\n"), "0 1 0\n");
}

/// Runs planted fuzz programs, which are scripts.
CommandResult run_fuzz(const std::vector<std::pair<std::string, std::string>>& programs,
                       const std::string& jobs, const std::string& targets) {
    std::vector<std::pair<std::string, std::string>> files;
    for (const auto& [name, body] : programs) {
        files.push_back({"build-fuzz/fuzz/" + name, "#!/bin/sh\n" + body + "\n"});
        files.push_back({"build-fuzz/fuzz/" + name + ".args", "-max_len=9\n/no/such/seeds\n"});
    }
    PlantedTree tree(files);
    return run_command("cd '" + tree.root().string() + "'; chmod +x build-fuzz/fuzz/*; top='" +
                       source_root().string() +
                       "'; say() { echo \"$*\"; }; die() { say \"$*\"; exit 1; }; "
                       ". \"$top/tools/dev/fuzz.sh\"; programs=$(fuzz_programs '" +
                       targets + "') || { echo \"$programs\"; exit 1; }; run_fuzz_programs 7 " +
                       jobs + " \"$programs\"");
}

const char* const kFuzzed =
    "echo $* >&2; echo 'stat::number_of_executed_units: 1200'; "
    "echo 'stat::average_exec_per_sec:     20'; echo 'stat::new_units_added:          3'";

TEST(dev, fuzz_targets_end_with_a_table) {
    const CommandResult result = run_fuzz({{"fuzz_a", kFuzzed}, {"fuzz_b", kFuzzed}}, "1", "");
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_NE(result.output.find("7 s each, 1 at once: fuzz_a fuzz_b\n"), std::string::npos)
        << result.output;
    EXPECT_NE(result.output.find("fuzz_b                   1200       20          3  ok\n"),
              std::string::npos)
        << result.output;
}

TEST(dev, fuzz_target_with_a_finding_fails_the_run_and_the_others_go_on) {
    const CommandResult result = run_fuzz(
        {{"fuzz_a", "echo 'SUMMARY: AddressSanitizer: heap-buffer-overflow x.cpp:3'; exit 1"},
         {"fuzz_b", "exit 77"},
         {"fuzz_c", kFuzzed}},
        "2", "");
    EXPECT_EQ(result.status, 1) << result.output;
    EXPECT_NE(result.output.find(" AddressSanitizer: heap-buffer-overflow x.cpp:3\n"),
              std::string::npos)
        << result.output;
    EXPECT_NE(result.output.find(" exit status 77\n"), std::string::npos) << result.output;
    EXPECT_NE(result.output.find(" ok\n"), std::string::npos) << result.output;
    EXPECT_NE(result.output.find("failed: fuzz_a fuzz_b ("), std::string::npos) << result.output;
}

TEST(dev, fuzz_input_that_was_slow_only_once_is_no_finding) {
    const std::string stalled =
        "case \"$*\" in *-timeout-1*) exit {}; esac; echo 'artifact_prefix=x; Test unit written to "
        "crashes/a-timeout-1'; exit 70";
    const auto program = [&](const char* status) {
        std::string body = stalled;
        return body.replace(body.find("{}"), 2, status);
    };
    EXPECT_EQ(run_fuzz({{"fuzz_a", program("0")}}, "1", "").status, 0);
    EXPECT_EQ(run_fuzz({{"fuzz_a", program("70")}}, "1", "").status, 1);
}

TEST(dev, fuzz_targets_are_chosen_by_name) {
    const std::vector<std::pair<std::string, std::string>> two = {{"fuzz_a", kFuzzed},
                                                                  {"fuzz_b", kFuzzed}};
    const CommandResult one = run_fuzz(two, "2", "b");
    EXPECT_EQ(one.status, 0) << one.output;
    EXPECT_EQ(one.output.find("fuzz_a"), std::string::npos) << one.output;
    EXPECT_EQ(run_fuzz(two, "2", "fuzz_a").status, 0);
    const CommandResult none = run_fuzz(two, "2", "c");
    EXPECT_EQ(none.status, 1);
    EXPECT_NE(none.output.find("no fuzz target 'c'; there are: fuzz_a fuzz_b"), std::string::npos)
        << none.output;
}

TEST(dev, fuzz_target_gets_its_time_and_only_seeds_that_are_there) {
    const CommandResult result =
        run_fuzz({{"fuzz_a",
                   "case \"$*\" in -max_total_time=7*corpus/fuzz_a\\ -max_len=9) exit 0 ;; esac; "
                   "exit 3"}},
                 "1", "");
    EXPECT_EQ(result.status, 0) << result.output;
}

}  // namespace
}  // namespace m2w::repo
