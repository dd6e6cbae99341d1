// embedding_test.cpp — the program that docs/embedding.md shows: it is short, and it works.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <sstream>

#include "tests/support/temporary.h"

namespace m2w::test {
namespace {

struct Output {
    std::string text;
    int status = -1;
};

Output run_program(const std::string& arguments) {
    Output out;
    std::FILE* pipe = popen((M2W_EMBEDDING_PROGRAM " " + arguments + " 2>&1").c_str(), "r");
    char buffer[4096];
    while (const size_t n = std::fread(buffer, 1, sizeof(buffer), pipe)) out.text.append(buffer, n);
    const int status = pclose(pipe);
    out.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return out;
}

TEST(embedding, the_program_of_the_page_answers) {
    const Output out = run_program(bundled_model().string() + " ref");
    EXPECT_EQ(out.status, 0);
    EXPECT_EQ(out.text, "12 + 30 = 42.\n11 tokens\n");
}

TEST(embedding, the_program_of_the_page_reports_errors) {
    const Output out = run_program("/nonexistent.gguf ref");
    EXPECT_EQ(out.status, 3);
    EXPECT_TRUE(out.text.starts_with("error[io] ")) << out.text;
}

TEST(embedding, the_program_of_the_page_has_at_most_15_lines) {
    std::istringstream lines(read_text(M2W_EMBEDDING_SOURCE));
    int count = 0;
    for (std::string line; std::getline(lines, line);)
        count += line.find_first_not_of(" \t") != std::string::npos;
    EXPECT_GT(count, 5);
    EXPECT_LE(count, 15);
}

}  // namespace
}  // namespace m2w::test
