// repl_test.cpp — the interactive chat on a pseudo-terminal, with the bundled model.
#include <gtest/gtest.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "tests/cli/process.h"
#include "tests/support/shared.h"
#include "tests/support/tool_texts.h"

namespace m2w::test {
namespace {

constexpr const char* kCtrlC = "\x03";
constexpr const char* kCtrlD = "\x04";
constexpr const char* kUp = "\x1b[A";

std::vector<std::string> chat_command(const std::vector<std::string>& more) {
    std::vector<std::string> out{m2w_program(), "chat", "--device", "ref"};
    out.insert(out.end(), more.begin(), more.end());
    return out;
}

/// A running chat that has shown its first prompt.
class Chat : public PtyProcess {
  public:
    explicit Chat(const std::vector<std::string>& more = {}) : PtyProcess(chat_command(more)) {
        EXPECT_TRUE(expect("lists the commands.\r\n> ")) << transcript();
    }

    /// Types a line; what is printed up to the next prompt, without it.
    std::string ask(const std::string& line) {
        send(line + "\n");
        if (!expect(line + "\r\n")) return "(no echo) " + transcript();
        return until_prompt();
    }

    std::string until_prompt() {
        if (!expect("\r\n> ")) return "(no prompt) " + transcript();
        return seen().substr(0, seen().size() - 4);
    }

    void leave() {
        send("/exit\n");
        EXPECT_EQ(wait(), 0) << transcript();
    }
};

TEST(repl, a_second_turn_knows_a_name_from_the_first) {
    Chat chat;
    EXPECT_TRUE(contains(chat.ask("My name is Quorra."), "Quorra"));
    EXPECT_EQ(chat.ask("What is my name?"), "Your name is Quorra.");
    chat.leave();
}

TEST(repl, ctrl_c_stops_the_answer_and_not_the_program) {
    Chat chat;
    chat.send("Tell me a story about an owl.\n");
    ASSERT_TRUE(chat.expect("One morning")) << chat.transcript();
    chat.send(kCtrlC);
    const std::string rest = chat.until_prompt();
    EXPECT_TRUE(contains(rest, "[stopped]")) << rest;
    EXPECT_EQ(chat.ask("What is 12 + 30?"), "12 + 30 = 42.");
    chat.leave();
}

TEST(repl, a_stopped_answer_stays_in_the_history_as_far_as_it_came) {
    Chat chat;
    chat.send("Tell me a story about an owl.\n");
    ASSERT_TRUE(chat.expect("One morning"));
    chat.send(kCtrlC);
    chat.until_prompt();
    const auto file = chat.state_folder() / "chat.json";
    EXPECT_TRUE(contains(chat.ask("/save " + file.string()), "wrote 2 messages"));
    const auto saved = nlohmann::json::parse(read_text(file), nullptr, false);
    EXPECT_EQ(saved["messages"][1]["role"], "assistant");
    EXPECT_TRUE(contains(saved["messages"][1]["content"], "One morning"));
    chat.leave();
}

TEST(repl, ctrl_c_while_typing_drops_the_line) {
    Chat chat;
    chat.send("What is the capital");
    ASSERT_TRUE(chat.expect("capital"));
    chat.send(kCtrlC);
    EXPECT_TRUE(contains(chat.until_prompt(), "^C"));
    EXPECT_EQ(chat.ask("What is 12 + 30?"), "12 + 30 = 42.");
    chat.leave();
}

TEST(repl, undo_forgets_the_last_turn) {
    Chat chat;
    chat.ask("My name is Quorra.");
    EXPECT_EQ(chat.ask("/undo"), "took back the last turn; 0 left");
    EXPECT_FALSE(contains(chat.ask("What is my name?"), "Quorra"));
    EXPECT_EQ(chat.ask("/undo"), "took back the last turn; 0 left");
    EXPECT_EQ(chat.ask("/undo"), "error[usage] there is no turn to take back");
    chat.leave();
}

TEST(repl, a_resize_keeps_what_is_typed_however_often) {
    Chat chat;
    chat.send("What is ");
    ASSERT_TRUE(chat.expect("What is "));
    for (int columns : {40, 100, 30}) {
        chat.resize(columns);
        ASSERT_TRUE(chat.expect("> What is ")) << chat.transcript();
    }
    chat.send("12 + 30?\n");
    ASSERT_TRUE(chat.expect("12 + 30?\r\n")) << chat.transcript();
    EXPECT_EQ(chat.until_prompt(), "12 + 30 = 42.");
    chat.leave();
}

TEST(repl, a_resize_in_mid_answer_does_no_harm) {
    Chat chat;
    chat.send("Tell me a story about an owl.\n");
    ASSERT_TRUE(chat.expect("One morning"));
    chat.resize(33);
    chat.until_prompt();
    EXPECT_EQ(chat.ask("What is 12 + 30?"), "12 + 30 = 42.");
    chat.leave();
}

TEST(repl, ctrl_d_leaves) {
    Chat chat;
    chat.send(kCtrlD);
    EXPECT_EQ(chat.wait(), 0) << chat.transcript();
}

TEST(repl, a_closed_terminal_ends_the_program) {
    Chat chat;
    kill(chat.pid(), SIGHUP);
    EXPECT_EQ(chat.wait(), -SIGHUP);
}

TEST(repl, an_interrupt_from_another_process_drops_the_line) {
    Chat chat;
    chat.send("What");
    ASSERT_TRUE(chat.expect("What"));
    kill(chat.pid(), SIGINT);
    EXPECT_TRUE(contains(chat.until_prompt(), "^C"));
    chat.leave();
}

TEST(repl, system_prompt_is_set_shown_kept_by_reset_and_removed) {
    Chat chat;
    EXPECT_EQ(chat.ask("/system"), "no system prompt");
    EXPECT_EQ(chat.ask("/system You are a pirate."), "system prompt: You are a pirate.");
    EXPECT_TRUE(contains(chat.ask("What is the capital of Japan?"), "Arr"));
    EXPECT_EQ(chat.ask("/reset"), "forgot 1 turn");
    EXPECT_EQ(chat.ask("/system"), "system prompt: You are a pirate.");
    EXPECT_EQ(chat.ask("/system -"), "no system prompt");
    EXPECT_FALSE(contains(chat.ask("What is the capital of Japan?"), "Arr"));
    chat.leave();
}

TEST(repl, regen_answers_again) {
    Chat chat;
    EXPECT_EQ(chat.ask("/regen"), "error[usage] there is no answer to give anew");
    EXPECT_EQ(chat.ask("What is 12 + 30?"), "12 + 30 = 42.");
    EXPECT_EQ(chat.ask("/regen"), "12 + 30 = 42.");
    EXPECT_TRUE(contains(chat.ask("/stats"), "; 1 turns;"));
    chat.leave();
}

TEST(repl, stats_tell_that_a_follow_up_evaluates_only_the_new_tokens) {
    Chat chat({"--stats"});
    const std::string first = chat.ask("What is 12 + 30?");
    EXPECT_TRUE(contains(first, "18 prompt tokens (18 new")) << first;
    const std::string second = chat.ask("What is 12 + 30?");
    // 18 + 11 generated are held; new are the end of the turn, its newline and the next message.
    EXPECT_TRUE(contains(second, "49 prompt tokens (20 new")) << second;
    chat.leave();
}

TEST(repl, set_changes_lists_and_refuses) {
    Chat chat;
    EXPECT_EQ(chat.ask("/set top_k 3"), "top_k = 3");
    EXPECT_EQ(chat.ask("/set temperature=0.5"), "temperature = 0.5");
    EXPECT_EQ(chat.ask("/set top_p 7"), "error[usage] top_p: expected 0 to 1, got 7");
    EXPECT_EQ(chat.ask("/set top_k many"), "top_k: \"many\" is no number for it");
    EXPECT_EQ(chat.ask("/set warmth 1"), "warmth: no such setting; /set lists them");
    EXPECT_TRUE(contains(chat.ask("/set"), "top_k          3 "));
    EXPECT_EQ(chat.ask("/set temperature 0"), "temperature = 0");
    EXPECT_EQ(chat.ask("/set max_tokens 3"), "max_tokens = 3");
    EXPECT_TRUE(contains(chat.ask("What is 12 + 30?"), "[cut after 3 tokens"));
    chat.leave();
}

TEST(repl, messages_of_several_lines) {
    Chat chat({"-n", "1"});
    const auto file = chat.state_folder() / "chat.json";
    chat.send("one\\\n");
    ASSERT_TRUE(chat.expect("\r\n. "));
    chat.send("two\n");
    chat.until_prompt();
    for (const char* line : {"\"\"\"\n", "a\n", "\n"}) {
        chat.send(line);
        ASSERT_TRUE(chat.expect("\r\n. "));
    }
    chat.send("b\"\"\"\n");
    chat.until_prompt();
    chat.send("\"\"\"x\"\"\"\n");
    chat.until_prompt();
    chat.ask("/save " + file.string());
    const auto saved = nlohmann::json::parse(read_text(file), nullptr, false);
    ASSERT_EQ(saved["messages"].size(), 6u);
    EXPECT_EQ(saved["messages"][0]["content"], "one\ntwo");
    EXPECT_EQ(saved["messages"][2]["content"], "a\n\nb");
    EXPECT_EQ(saved["messages"][4]["content"], "x");
    chat.leave();
}

TEST(repl, letters_beyond_ascii_arrive_whole) {
    Chat chat({"-n", "1"});
    const auto file = chat.state_folder() / "chat.json";
    chat.ask("Grüße, 世界 🦉");
    chat.ask("/save " + file.string());
    const auto saved = nlohmann::json::parse(read_text(file), nullptr, false);
    EXPECT_EQ(saved["messages"][0]["content"], "Grüße, 世界 🦉");
    chat.leave();
}

TEST(repl, save_replaces_its_own_file_only) {
    Chat chat;
    const auto mine = chat.state_folder() / "mine.json", other = chat.state_folder() / "other";
    std::ofstream(other) << "precious";
    EXPECT_TRUE(contains(chat.ask("/save " + mine.string()), "wrote 0 messages"));
    EXPECT_TRUE(contains(chat.ask("/save " + mine.string()), "wrote 0 messages"));
    EXPECT_TRUE(contains(chat.ask("/save " + other.string()), "error[io]"));
    EXPECT_EQ(read_text(other), "precious");
    EXPECT_TRUE(contains(chat.ask("/save"), "needs the name"));
    chat.leave();
}

TEST(repl, history_recalls_lines_and_outlives_the_program) {
    Chat chat;
    EXPECT_EQ(chat.ask("What is 12 + 30?"), "12 + 30 = 42.");
    chat.send(std::string(kUp) + "\n");
    ASSERT_TRUE(chat.expect("What is 12 + 30?\r\n")) << chat.transcript();
    EXPECT_EQ(chat.until_prompt(), "12 + 30 = 42.");
    chat.leave();
    const auto file = chat.state_folder() / "m2w" / "history";
    EXPECT_TRUE(contains(read_text(file), "What\\040is\\04012"));
    EXPECT_EQ(std::filesystem::status(file).permissions() & std::filesystem::perms(077),
              std::filesystem::perms::none);
}

TEST(repl, a_full_context_is_said_and_drop_makes_room_and_keeps_the_system_prompt) {
    Chat chat({"--ctx", "96", "-s", "You are a pirate."});
    chat.ask("What is 12 + 30?");
    chat.ask("What is the capital of Japan?");
    const std::string full = chat.ask("What is 12 + 30? What is the capital of Japan?");
    EXPECT_TRUE(contains(full, "error[context_full]")) << full;
    EXPECT_TRUE(contains(full, "/reset") && contains(full, "/drop")) << full;
    const std::string dropped = chat.ask("/drop");
    EXPECT_TRUE(contains(dropped, "dropped the")) << dropped;
    EXPECT_FALSE(contains(dropped, "error")) << dropped;
    EXPECT_TRUE(contains(dropped, "\r\n")) << "the waiting message was answered: " << dropped;
    EXPECT_EQ(chat.ask("/system"), "system prompt: You are a pirate.");
    chat.leave();
}

TEST(repl, an_answer_that_fills_the_context_is_said_to_be_cut) {
    Chat chat({"--ctx", "40"});
    const std::string answer = chat.ask("Tell me a story about an owl.");
    EXPECT_TRUE(contains(answer, "[cut: the context of 40 tokens is full]")) << answer;
    EXPECT_TRUE(contains(answer, "/reset")) << answer;
    chat.leave();
}

TEST(repl, unknown_commands_do_not_reach_the_model) {
    Chat chat;
    EXPECT_TRUE(contains(chat.ask("/frobnicate"), "/frobnicate: no such command"));
    EXPECT_TRUE(contains(chat.ask("/help"), "/regen"));
    EXPECT_TRUE(contains(chat.ask("/stats"), "; 0 turns;"));
    EXPECT_FALSE(contains(chat.ask(" /help"), "/regen")) << "a leading space makes it a message";
    chat.leave();
}

TEST(repl, suspending_key_does_no_harm_without_a_shell) {
    Chat chat;
    chat.send("What is \x1a");
    chat.send("12 + 30?\n");
    ASSERT_TRUE(chat.expect("12 + 30?\r\n")) << chat.transcript();
    EXPECT_EQ(chat.until_prompt(), "12 + 30 = 42.");
    chat.leave();
}

TEST(repl, colours_and_a_progress_bar_are_for_terminals) {
    PtyProcess chat(chat_command({}), true);
    ASSERT_TRUE(chat.expect("loading tiny-q8_0.gguf"));
    ASSERT_TRUE(chat.expect("MiB/s") || chat.expect("GiB/s", 1)) << chat.transcript();
    ASSERT_TRUE(chat.expect("\x1b[1;32m>\x1b[0m "));
    chat.send("/exit\n");
    EXPECT_EQ(chat.wait(), 0);
}

TEST(repl, no_color_is_respected) {
    Chat chat;
    chat.ask("What is 12 + 30?");
    EXPECT_FALSE(contains(chat.transcript(), "\x1b[1;32m"));
    EXPECT_FALSE(contains(chat.transcript(), "\x1b[2m"));
    chat.leave();
}

/// Arguments that give the chat a calculator.
std::vector<std::string> calculator(const TemporaryFolder& folder) {
    const auto path = folder.path() / "tools.json";
    std::ofstream(path) << kCalculator;
    return {"--tools", path.string()};
}

TEST(repl, a_call_is_shown_and_the_user_is_asked_for_its_result) {
    TemporaryFolder folder;
    Chat chat(calculator(folder));
    chat.send(std::string(kProduct) + "\n");
    ASSERT_TRUE(chat.expect("[calculate {\"expression\": \"123 * 456\"}]\r\nresult of calculate> "))
        << chat.transcript();
    EXPECT_EQ(chat.ask(kWrongResult), kWrongAnswer);
    const auto file = chat.state_folder() / "chat.json";
    EXPECT_TRUE(contains(chat.ask("/save " + file.string()), "wrote 4 messages"));
    const auto saved = nlohmann::json::parse(read_text(file), nullptr, false);
    EXPECT_EQ(saved["messages"][1]["tool_calls"][0]["function"]["name"], "calculate");
    EXPECT_EQ(saved["messages"][2]["role"], "tool");
    EXPECT_EQ(saved["messages"][2]["tool_call_id"], saved["messages"][1]["tool_calls"][0]["id"]);
    EXPECT_EQ(chat.ask("/undo"), "took back the last turn; 0 left");
    chat.leave();
}

TEST(repl, a_call_without_a_result_is_taken_back) {
    TemporaryFolder folder;
    Chat chat(calculator(folder));
    for (const char* key : {kCtrlC, kCtrlD}) {
        chat.send(std::string(kProduct) + "\n");
        ASSERT_TRUE(chat.expect("result of calculate> ")) << chat.transcript();
        chat.send(key);
        EXPECT_TRUE(contains(chat.until_prompt(), "taken back")) << chat.transcript();
    }
    EXPECT_EQ(chat.ask("/undo"), "error[usage] there is no turn to take back");
    chat.leave();
}

TEST(repl, results_that_are_given_are_not_asked_for) {
    TemporaryFolder folder;
    auto args = calculator(folder);
    args.insert(args.end(), {"--tool-result", std::string("calculate=") + kWrongResult});
    Chat chat(args);
    const std::string answer = chat.ask(kProduct);
    EXPECT_TRUE(contains(answer, "[calculate {")) << answer;
    EXPECT_TRUE(answer.ends_with(kWrongAnswer)) << answer;
    chat.leave();
}

TEST(repl, reasoning_is_dimmed) {
    TemporaryFolder folder;
    const std::string model = thinking_model(folder).string();
    PtyProcess chat(chat_command({"-m", model, "--temp", "0", "-n", "12"}), true);
    ASSERT_TRUE(chat.expect("\x1b[1;32m>\x1b[0m ")) << chat.transcript();
    chat.send("What is 12 + 30?\n");
    ASSERT_TRUE(chat.expect("12 + 30?\r\n")) << chat.transcript();
    ASSERT_TRUE(chat.expect("\r\n")) << chat.transcript();
    EXPECT_TRUE(chat.seen().starts_with("\x1b[2m") && chat.seen().ends_with("\x1b[0m\r\n"))
        << chat.seen();
    chat.send("/exit\n");
    EXPECT_EQ(chat.wait(), 0);
}

}  // namespace
}  // namespace m2w::test
