// tools_test.cpp — m2w chat with tools and reasoning in pipes: calls as JSON, results from the
// command line.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/cli/process.h"
#include "tests/support/tool_texts.h"

namespace m2w::test {
namespace {

std::string tools_file(const TemporaryFolder& folder, const std::string& json = kCalculator) {
    const auto path = folder.path() / "tools.json";
    std::ofstream(path) << json;
    return path.string();
}

TEST(chat_tools, a_call_without_a_result_is_the_answer_as_json) {
    TemporaryFolder folder;
    const RunResult r = chat({"--tools", tools_file(folder), "-p", kProduct});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_EQ(r.out,
              "{\"id\": \"call00001\", \"name\": \"calculate\", \"arguments\": {\"expression\": "
              "\"123 * 456\"}}\n");
    EXPECT_EQ(r.err, "");
}

TEST(chat_tools, a_result_goes_back_to_the_model) {
    TemporaryFolder folder;
    const RunResult r = chat({"--tools", tools_file(folder), "-p", kProduct, "--tool-result",
                              fmt::format("calculate={}", kWrongResult)});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_EQ(r.out, fmt::format("{}\n", kWrongAnswer));
}

TEST(chat_tools, a_call_that_is_cut_is_printed_as_the_model_wrote_it) {
    TemporaryFolder folder;
    const RunResult r = chat({"--tools", tools_file(folder), "-p", kProduct, "-n", "6"});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_TRUE(r.out.starts_with("<tool_call>\n{\"name\": \"")) << r.out;
    EXPECT_NE(r.err.find("truncated"), std::string::npos) << r.err;
}

TEST(chat_tools, mistakes_of_the_user_exit_with_1) {
    TemporaryFolder folder;
    const std::string tools = tools_file(folder);
    EXPECT_EQ(chat({"--tools", tools, "--tool-result", "frobnicate=1", "-p", "hi"}).status, 1);
    EXPECT_EQ(chat({"--tools", tools, "--tool-result", "calculate", "-p", "hi"}).status, 1);
    EXPECT_EQ(chat({"--tool-result", "calculate=1", "-p", "hi"}).status, 1);
    EXPECT_EQ(chat({"--tools", tools, "--raw", "-p", "hi"}).status, 1);
    EXPECT_EQ(chat({"--tools", tools_file(folder, "{}"), "-p", "hi"}).status, 1);
    EXPECT_EQ(chat({"--tools", "/nonexistent", "-p", "hi"}).status, 3);
}

TEST(chat_tools, reasoning_is_printed_only_on_request_and_never_with_the_answer) {
    TemporaryFolder folder;
    const std::string model = thinking_model(folder).string();
    const std::vector<std::string> args{"-m", model, "--temp", "0",
                                        "-n", "12",  "-p",     "What is 12 + 30?"};
    const RunResult quiet = chat(args);
    EXPECT_EQ(quiet.out, "\n");
    EXPECT_EQ(quiet.err, "");
    std::vector<std::string> more = args;
    more.push_back("--show-reasoning");
    const RunResult shown = chat(more);
    EXPECT_EQ(shown.out, "\n");
    EXPECT_GT(shown.err.size(), 5u);
    EXPECT_TRUE(shown.err.ends_with("\n")) << shown.err;
}

}  // namespace
}  // namespace m2w::test
