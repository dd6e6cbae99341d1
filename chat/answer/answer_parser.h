// answer_parser.h — splits what a model writes into text, reasoning and calls of tools while it
// comes. Calls no tool, and shows nothing of the markers between the parts.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "chat/answer/answer_input.h"
#include "chat/answer/call_reader.h"
#include "chat/answer/events.h"
#include "chat/answer/format.h"
#include "chat/answer/tool_set.h"

namespace m2w {

/// The forms in which one model answers; rows of the tables, or none where it has no such form.
struct AnswerFormat {
    const CallFormat* calls = nullptr;
    const ReasoningFormat* reasoning = nullptr;
    const HeaderFormat* headers = nullptr;
};

/// With what an answer begins.
enum class AnswerStart : uint8_t { text, reasoning, header };
/// As the end of the prompt says, which may hold an opening marker already.
AnswerStart start_after(std::string_view prompt, const AnswerFormat& format);

/// Parses one answer. One thread; tools outlive it. Memory and time grow with the answer alone,
/// whatever it holds. Held back is only what may still be a marker, white space that a marker
/// would end, and of a call what its form needs as a whole: an argument in tags, the name and what
/// stands before it in JSON, all of it in code. However the answer is cut into pushes, its events
/// say the same.
class AnswerParser {
  public:
    /// Without tools every name is taken, and arguments in tags are what they spell.
    AnswerParser(const AnswerFormat& format, const ToolSet& tools, AnswerEventFn on_event,
                 AnswerStart start = AnswerStart::text, const AnswerLimits& limits = {});
    AnswerParser(const AnswerParser&) = delete;
    AnswerParser& operator=(const AnswerParser&) = delete;

    /// The next part of the answer. control: the text of a control token, which is shown nowhere.
    void push(std::string_view text, bool control = false);
    /// The answer has ended.
    void finish();

  private:
    enum class State : uint8_t { text, reasoning, header, call };
    /// What a marker in the text means.
    enum class Mark : uint8_t { call, dropped, reasoning, reasoning_end, header };
    struct Marks {
        std::vector<std::string_view> texts;
        std::vector<Mark> meanings;
        void add(std::string_view text, Mark meaning);
    };

    void run();
    bool step();
    bool step_text();
    bool step_reasoning();
    bool step_header();
    bool step_call();
    bool step_bare();
    bool act_on(Mark mark, size_t length);
    void begin_header_call(std::string_view name, std::string_view header);
    void begin_part(State state);
    void show(AnswerEvent::Kind kind, std::string text);
    void show_next(AnswerEvent::Kind kind, size_t n) { show(kind, input_.take_plain(n)); }

    const AnswerFormat format_;
    const AnswerEventFn on_event_;
    AnswerInput input_;
    CallReader calls_;
    Marks first_, later_;  // markers in the text, and those of them that count behind other text
    std::vector<std::string_view> reasoning_ends_;

    State state_ = State::text;
    std::string space_;        // white space behind what was shown
    bool drop_space_ = false;  // in front of what is shown next
    bool text_seen_ = false;   // since the start or the last other part
    bool bare_possible_ = false;
};

}  // namespace m2w
