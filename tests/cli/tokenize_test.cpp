// tokenize_test.cpp — m2w tokenize on the golden vectors, through its JSON lines, and its form for
// people.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cli/process.h"
#include "tests/support/temporary.h"
#include "tests/tokenizer/golden.h"

namespace m2w::test {
namespace {

RunResult tokenize(std::vector<std::string> args, const std::string& input) {
    args.insert(args.begin(), {m2w_program(), "tokenize"});
    return run(args, {.input = input});
}

std::vector<Json> rows_of(const std::string& text) {
    std::vector<Json> out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) out.push_back(Json::parse(line));
    return out;
}

struct Case {
    Json row;
    std::string text;
    EncodeOptions options;
};

/// The golden rows that carry ids on which all references agree, once for each of their settings.
std::vector<Case> golden_cases(std::string_view vocabulary) {
    std::vector<Case> cases;
    std::string text;
    for (const Json& row :
         read_rows(shared_dir() / "tokenizer/cases" / (std::string(vocabulary) + ".jsonl"))) {
        if (const auto own = row_text(row)) text = *own;  // else that of the row before
        if (!row.contains("ids") || row["src"] != "both") continue;
        for (const EncodeOptions& options : row_options(row)) cases.push_back({row, text, options});
    }
    return cases;
}

TEST(tokenize, json_lines_give_the_golden_ids_and_pieces) {
    M2W_SHARED(folder, "tokenizer/cases");
    for (const std::string_view vocabulary : kVocabs) {
        const std::vector<Case> cases = golden_cases(vocabulary);
        ASSERT_GT(cases.size(), 500u);
        std::string input;
        for (size_t i = 0; i < cases.size(); ++i)
            input += Json{{"id", i},
                          {"hex", to_hex(cases[i].text)},
                          {"add_special", cases[i].options.add_special},
                          {"parse_special", cases[i].options.parse_special}}
                         .dump() +
                     "\n";
        const RunResult r = tokenize({"-m", vocab_path(vocabulary).string(), "--jsonl"}, input);
        ASSERT_EQ(r.status, 0) << r.err;
        const std::vector<Json> out = rows_of(r.out);
        ASSERT_EQ(out.size(), cases.size());
        for (size_t i = 0; i < cases.size(); ++i) {
            EXPECT_EQ(out[i]["id"], i);
            EXPECT_EQ(out[i]["ids"], cases[i].row["ids"]) << vocabulary << " " << cases[i].row;
            EXPECT_EQ(out[i]["pieces_hex"], cases[i].row.value("pieces_hex", out[i]["pieces_hex"]))
                << cases[i].row;
        }
    }
}

TEST(tokenize, text_and_hex_are_the_same_input_and_any_id_comes_back) {
    const RunResult r =
        tokenize({"-m", bundled_model().string(), "--jsonl"},
                 "{\"id\": [1, \"a\"], \"text\": \"Gr\\u00fc\u00dfe \\ud83e\\udd89\"}\n"
                 "\n"
                 "{\"id\": null, \"hex\": \"4772c3bcc39f6520f09fa689\"}\n");
    ASSERT_EQ(r.status, 0) << r.err;
    const std::vector<Json> out = rows_of(r.out);
    ASSERT_EQ(out.size(), 2u);
    EXPECT_EQ(out[0]["id"], Json::parse("[1, \"a\"]"));
    EXPECT_EQ(out[0]["ids"], out[1]["ids"]);
    EXPECT_FALSE(out[0]["ids"].empty());
}

TEST(tokenize, people_get_one_line_a_token) {
    const RunResult r = tokenize({"-m", bundled_model().string(), "What is 12 + 30?\n"}, "");
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_TRUE(r.out.starts_with("    355  What\n    296   is\n")) << r.out;
    EXPECT_TRUE(r.out.ends_with("    203  \\n\n11 tokens\n")) << r.out;
    EXPECT_EQ(tokenize({"-m", bundled_model().string()}, "What is 12 + 30?\n").out, r.out);
}

TEST(tokenize, pieces_are_shown_without_colours_in_a_pipe) {
    const auto model = bundled_model().string();
    const RunResult r = tokenize({"-m", model, "--show", "What is 12 + 30?\nx"}, "");
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_TRUE(r.out.starts_with("What| is| ")) << r.out;
    EXPECT_NE(r.out.find("?|\\n\n|x\n"), std::string::npos) << r.out;
    EXPECT_TRUE(r.out.ends_with(" tokens\n")) << r.out;
    EXPECT_EQ(r.out.find('\x1b'), std::string::npos);
    EXPECT_EQ(tokenize({"-m", model, "--show", "\x1b[31m"}, "").out.find('\x1b'),
              std::string::npos);
    EXPECT_EQ(tokenize({"-m", model, "--show", "--jsonl"}, "").status, 1);
}

TEST(tokenize, control_tokens_are_parsed_only_when_asked_for) {
    const auto model = bundled_model().string();
    EXPECT_TRUE(tokenize({"-m", model, "--parse-special", "<|im_start|>"}, "")
                    .out.ends_with("\n1 tokens\n"));
    EXPECT_FALSE(tokenize({"-m", model, "<|im_start|>"}, "").out.ends_with("\n1 tokens\n"));
}

TEST(tokenize, a_bad_line_is_named_by_its_number) {
    const auto model = bundled_model().string();
    for (const char* bad : {"{", "[]", "{\"id\": 1}", "{\"text\": 5}", "{\"hex\": \"abc\"}",
                            "{\"hex\": \"zz\"}", "{\"text\": \"a\", \"add_special\": 1}"}) {
        const RunResult r = tokenize({"-m", model, "--jsonl"},
                                     "{\"id\": 1, \"text\": \"a\"}\n" + std::string(bad) + "\n");
        EXPECT_EQ(r.status, 1) << bad;
        EXPECT_TRUE(r.err.starts_with("error[usage] line 2: ")) << r.err;
        EXPECT_EQ(rows_of(r.out).size(), 1u) << "what came before is answered";
    }
}

TEST(tokenize, a_model_is_needed_and_jsonl_takes_no_text) {
    EXPECT_EQ(tokenize({"text"}, "").status, 1);
    EXPECT_EQ(tokenize({"-m", bundled_model().string(), "--jsonl", "text"}, "").status, 1);
    EXPECT_EQ(tokenize({"-m", "/nonexistent"}, "").status, 3);
}

}  // namespace
}  // namespace m2w::test
