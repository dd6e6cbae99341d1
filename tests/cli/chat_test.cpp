// chat_test.cpp — m2w chat in pipes: one answer and nothing else, exit statuses, limits.
#include <gtest/gtest.h>

#include "tests/cli/process.h"
#include "tests/support/temporary.h"

namespace m2w::test {
namespace {

TEST(chat, a_prompt_gives_one_answer_on_stdout_and_nothing_else) {
    const RunResult r = chat({"-p", "What is 12 + 30?"});
    EXPECT_EQ(r.status, 0);
    EXPECT_EQ(r.out, "12 + 30 = 42.\n");
    EXPECT_EQ(r.err, "");
}

TEST(chat, piped_input_is_the_message) {
    for (const char* input : {"What is 12 + 30?\n", "What is 12 + 30?", "What is 12 + 30?\r\n"}) {
        const RunResult r = chat({}, {.input = input});
        EXPECT_EQ(r.status, 0);
        EXPECT_EQ(r.out, "12 + 30 = 42.\n");
        EXPECT_EQ(r.err, "");
    }
}

TEST(chat, the_other_name_of_the_program_picks_the_verb) {
    const RunResult r = run({m2w_program("m2w-chat"), "--device", "ref", "-p", "What is 12 + 30?"});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_EQ(r.out, "12 + 30 = 42.\n");
}

TEST(chat, statistics_go_to_stderr) {
    const RunResult r = chat({"-p", "What is 12 + 30?", "--stats"});
    EXPECT_EQ(r.out, "12 + 30 = 42.\n");
    EXPECT_TRUE(contains(r.err, "18 prompt tokens (18 new")) << r.err;
    EXPECT_TRUE(contains(r.err, "11 generated")) << r.err;
    EXPECT_FALSE(contains(r.err, "\x1b")) << r.err;
}

TEST(chat, system_prompt_and_length_are_followed) {
    EXPECT_TRUE(contains(
        chat({"-s", "You are a pirate.", "-p", "What is the capital of Japan?"}).out, "Arr"));
    EXPECT_EQ(chat({"-p", "What is 12 + 30?", "-n", "3"}).out, "12 +\n");
}

TEST(chat, sampling_repeats_for_a_seed_and_only_for_it) {
    const auto story = [](const std::string& seed) {
        return chat({"-p", "Tell me a story.", "-n", "24", "--temp", "3", "--seed", seed}).out;
    };
    const std::string one = story("1");
    EXPECT_EQ(story("1"), one);
    EXPECT_NE(story("2"), one);
}

TEST(chat, only_the_bundled_model_is_greedy_by_itself) {
    const auto story = [](std::vector<std::string> more) {
        std::vector<std::string> args{"-p", "Tell me a story.", "-n", "24"};
        args.insert(args.end(), more.begin(), more.end());
        return chat(args).out;
    };
    const std::string greedy = story({"--temp", "0"});
    EXPECT_EQ(story({}), greedy);
    EXPECT_NE(story({"-m", bundled_model().string(), "--temp", "3", "--seed", "1"}), greedy);
    // The default temperature is 0.7: among a few seeds one differs from greedy.
    bool differs = false;
    for (const char* seed : {"1", "2", "3", "4"})
        differs |= story({"-m", bundled_model().string(), "--seed", seed}) != greedy;
    EXPECT_TRUE(differs);
}

TEST(chat, raw_continues_without_a_template) {
    const RunResult r = chat({"--raw", "-p", "What is", "-n", "1", "--stats"});
    EXPECT_EQ(r.status, 0);
    EXPECT_TRUE(contains(r.err, "2 prompt tokens")) << r.err;
}

TEST(chat, mistakes_of_the_user_exit_with_1) {
    for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
             {"--frobnicate"},
             {"-p"},
             {"-p", "x", "--temp", "warm"},
             {"-p", "x", "--temp", "-1"},
             {"-p", "x", "--top-p", "2"},
             {"-p", "x", "--top-k", "-3"},
             {"-p", "x", "--ctx", "4096"},
             {"-p", "x", "-n", "99999999999"},
         }) {
        const RunResult r = chat(args);
        EXPECT_EQ(r.status, 1) << args.back();
        EXPECT_EQ(r.out, "");
        EXPECT_TRUE(r.err.starts_with("error[usage] ")) << r.err;
    }
    EXPECT_EQ(chat({}, {.input = ""}).status, 1);
    EXPECT_EQ(run({m2w_program()}).status, 1);
    EXPECT_EQ(run({m2w_program(), "talk"}).status, 1);
}

TEST(chat, help_and_version_exit_with_0_and_print_to_stdout) {
    for (const std::vector<std::string>& args :
         std::vector<std::vector<std::string>>{{"--help"},
                                               {"--version"},
                                               {"chat", "--help"},
                                               {"inspect", "--help"},
                                               {"tokenize", "--help"},
                                               {"render", "--help"},
                                               {"dump", "--help"},
                                               {"devices", "--help"}}) {
        std::vector<std::string> command{m2w_program()};
        command.insert(command.end(), args.begin(), args.end());
        const RunResult r = run(command);
        EXPECT_EQ(r.status, 0) << args.front();
        EXPECT_NE(r.out, "");
        EXPECT_EQ(r.err, "");
    }
}

TEST(chat, files_that_are_refused_exit_with_2_and_missing_ones_with_3) {
    TemporaryFolder folder;
    const auto text = folder.path() / "text.gguf";
    std::ofstream(text) << "this is no model at all, but long enough to be read as one";
    const RunResult refused = chat({"-m", text.string(), "-p", "x"});
    EXPECT_EQ(refused.status, 2);
    EXPECT_TRUE(refused.err.starts_with("error[magic] ")) << refused.err;
    const RunResult missing = chat({"-m", "/nonexistent.gguf", "-p", "x"});
    EXPECT_EQ(missing.status, 3);
    EXPECT_TRUE(missing.err.starts_with("error[io] ")) << missing.err;
}

TEST(chat, an_unknown_device_exits_with_4) {
    const RunResult r =
        run({m2w_program(), "chat", "-p", "x", "--device", "no such device anywhere"});
    EXPECT_EQ(r.status, 4);
    EXPECT_TRUE(r.err.starts_with("error[no_device] ")) << r.err;
}

TEST(chat, a_prompt_that_does_not_fit_exits_with_4) {
    const RunResult r = chat({"--ctx", "8", "-p", "What is 12 + 30?"});
    EXPECT_EQ(r.status, 4);
    EXPECT_EQ(r.out, "");
    EXPECT_TRUE(r.err.starts_with("error[context_full] ")) << r.err;
}

TEST(chat, an_answer_that_is_cut_by_the_context_is_printed_and_said) {
    const RunResult r = chat({"--ctx", "40", "-p", "Tell me a story about an owl."});
    EXPECT_EQ(r.status, 4);
    EXPECT_TRUE(r.out.starts_with("One morning")) << r.out;
    EXPECT_TRUE(r.err.starts_with("error[context_full] the answer was cut")) << r.err;
}

TEST(chat, output_that_cannot_be_written_exits_with_3) {
    const RunResult r = chat({"-p", "Tell me a story."}, {.stdout_path = "/dev/full"});
    EXPECT_EQ(r.status, 3);
    EXPECT_TRUE(r.err.starts_with("error[io] standard output")) << r.err;
}

TEST(chat, a_model_without_a_template_says_that_raw_works_and_it_does) {
    TemporaryFolder folder;
    const auto model =
        patched_model(folder, "tokenizer.chat_template", "tokenizer.xxxx_template").string();
    const RunResult r = chat({"-m", model, "-p", "hello"});
    EXPECT_EQ(r.status, 2);
    EXPECT_TRUE(r.err.starts_with("error[chat_template] ") && contains(r.err, "--raw")) << r.err;
    EXPECT_EQ(chat({"-m", model, "--raw", "-p", "hello", "-n", "2"}).status, 0);
}

TEST(chat, no_escape_codes_reach_a_pipe_even_with_a_terminal_in_the_environment) {
    for (const RunResult& r :
         {chat({"-p", "Tell me a joke.", "--stats"}), chat({}, {.input = "Tell me a joke."}),
          run({m2w_program(), "inspect", bundled_model().string()}),
          run({m2w_program(), "devices"})}) {
        EXPECT_EQ(r.status, 0);
        EXPECT_FALSE(contains(r.out, "\x1b"));
        EXPECT_FALSE(contains(r.err, "\x1b"));
    }
}

}  // namespace
}  // namespace m2w::test
