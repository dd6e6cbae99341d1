// export_test.cpp — m2w export: arguments, and what a package has in it; m2w verify --web: what it
// makes of a package's result. Runs no browser: tests/web does.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/cli/process.h"
#include "tests/support/results.h"
#include "tests/support/shared.h"
#include "tests/support/temporary.h"

namespace m2w::test {
namespace {

namespace fs = std::filesystem;

RunResult m2w_export(const fs::path& folder, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {m2w_program(), "export", "-m", bundled_model().string(), "-o",
                               folder.string(), "--ids", "1,2"});
    return run(more);
}

void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
}

TEST(export_verb, a_package_is_complete_and_the_same_each_time) {
    TemporaryFolder folder;
    const fs::path a = folder.path() / "a", b = folder.path() / "b";
    const std::vector<std::string> more{"--name", "small-one", "--base-url",
                                        "https://cdn.example.com/tiny"};
    const RunResult r = m2w_export(a, more);
    ASSERT_EQ(r.status, 0) << r.err;
    ASSERT_EQ(m2w_export(b, more).status, 0);
    size_t n = 0;
    for (const auto& entry : fs::recursive_directory_iterator(a)) {
        if (!entry.is_regular_file()) continue;
        const std::string text = read_text(entry.path());
        EXPECT_EQ(text, read_text(b / fs::relative(entry.path(), a))) << entry.path();
        if (entry.path().extension() != ".bin") {
            for (const char* gap : {"{{name}}", "{{package}}", "{{facts}}", "{{weights}}"})
                EXPECT_EQ(text.find(gap), std::string::npos) << entry.path() << " has " << gap;
        }
        ++n;
    }
    EXPECT_GT(n, 50u);
    EXPECT_NE(read_text(a / "package.json").find("\"name\": \"small-one\""), std::string::npos);
    EXPECT_NE(read_text(a / "src/index.ts").find("'https://cdn.example.com/tiny/manifest.json'"),
              std::string::npos);
    // Of tokenizers only this model's kind.
    EXPECT_TRUE(fs::exists(a / "src/tokenizer/byte_bpe.ts"));
    EXPECT_FALSE(fs::exists(a / "src/tokenizer/unigram.ts"));
    for (const auto& entry : fs::directory_iterator(folder.path()))
        EXPECT_TRUE(entry.path() == a || entry.path() == b) << entry.path() << " is left over";
}

TEST(export_verb, arguments_are_checked) {
    TemporaryFolder folder;
    const fs::path out = folder.path() / "out";
    EXPECT_EQ(m2w_export(out, {"--name", "Not A Name"}).status, 1);
    EXPECT_EQ(m2w_export(out, {"--base-url", "ftp://host/"}).status, 1);
    EXPECT_EQ(m2w_export(out, {"--base-url", "https://host/'+alert(1)+'"}).status, 1);
    EXPECT_EQ(m2w_export(out, {"--prompt", "x"}).status, 1) << "ids as well";
    EXPECT_EQ(m2w_export(out, {"--max-size", "1"}).status, 1);
    EXPECT_FALSE(fs::exists(out));
    write(out / "mine.txt", "x");
    EXPECT_EQ(m2w_export(out).status, 1) << "not empty";
    EXPECT_EQ(read_text(out / "mine.txt"), "x");
}

/// A package whose test, in place of Node.js, leaves this as its result.
RunResult verify_web(const fs::path& folder, const std::string& result,
                     const std::string& ending = "exit 0") {
    const fs::path package = folder / "package", bin = folder / "bin";
    write(package / "tests/activation-match.spec.ts", "");
    fs::create_directories(package / "node_modules");
    write(package / "result", result);
    write(package / "verify.json", "an old one");
    write(bin / "node", "#!/bin/sh\n[ -s result ] && cp result verify.json\n" + ending + "\n");
    fs::permissions(bin / "node", fs::perms::owner_all);
    return run({"/usr/bin/env", "PATH=" + bin.string() + ":/usr/bin:/bin", m2w_program(), "verify",
                "--web", package.string()});
}

std::string report(bool ok) {
    const std::string is = ok ? "true" : "false";
    const auto check = [](const std::string& more, const std::string& good) {
        return R"({"value": "v", "relative_error": 1.5e-6, "pos": 2, "n_tok": 1, "row": 0,
                   "column": 7, "got": 1.25, "expected": null, "ok": )" +
               good + more + "}";
    };
    return R"({"tolerance": 0.0001, "devices": [{"device": "a browser\u001b[2J", "ok": )" + is +
           R"(, "layers": [)" + check(R"(, "layer": "input")", "true") + "," +
           check(R"(, "layer": "0")", is) + R"(], "logits": )" + check("", "true") +
           R"(, "tokens": [1, 2], "expected_tokens": [1, 3]}]})";
}

TEST(verify_web, the_result_is_the_table_of_native_devices) {
    TemporaryFolder folder;
    const RunResult good = verify_web(folder.path(), report(true));
    EXPECT_EQ(good.status, 0) << good.err;
    EXPECT_EQ(good.out,
              "a browser\\x1b[2J, largest relative error allowed 0.0001\n"
              "  layer   error     worst element\n"
              "  input   1.50e-06  [0][7] is 1.25, expected nan, in a token at position 2  ok\n"
              "  0       1.50e-06  [0][7] is 1.25, expected nan, in a token at position 2  ok\n"
              "  logits  1.50e-06  [0][7] is 1.25, expected nan, in a token at position 2  ok\n"
              "  tokens  1 of 2 equal\n"
              "  good\n");
    const RunResult off = verify_web(folder.path(), report(false), "exit 1");
    EXPECT_EQ(off.status, 6) << off.err;
    EXPECT_NE(off.out.find("first wrong: layer 0\n"), std::string::npos) << off.out;
}

TEST(verify_web, without_a_result_there_is_an_error) {
    TemporaryFolder folder;
    EXPECT_EQ(verify_web(folder.path(), "").status, 3) << "an old result counts for nothing";
    EXPECT_EQ(verify_web(folder.path(), "{}").status, 3);
    EXPECT_EQ(verify_web(folder.path(), "{").status, 3);
    EXPECT_EQ(run({m2w_program(), "verify", "--web", folder.path().string()}).status, 1);
    fs::remove(folder.path() / "package/node_modules");
    EXPECT_EQ(run({m2w_program(), "verify", "--web", (folder.path() / "package").string()}).status,
              1);
    EXPECT_EQ(run({m2w_program(), "verify", "--web", "x", "--kernels"}).status, 1);
    EXPECT_EQ(run({m2w_program(), "verify", "--web", "x", bundled_model().string()}).status, 1);
}

}  // namespace
}  // namespace m2w::test
