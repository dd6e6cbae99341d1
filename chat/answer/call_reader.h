// call_reader.h — reads one call of a tool, or one list of calls, behind its opening marker, as it
// comes. Knows nothing of the text around it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "chat/answer/answer_input.h"
#include "chat/answer/events.h"
#include "chat/answer/format.h"
#include "chat/answer/json_calls.h"
#include "chat/answer/literal.h"
#include "chat/answer/tool_set.h"

namespace m2w {

struct AnswerLimits {
    size_t call_bytes = size_t{1} << 20;  // of one call with its markers
    uint32_t calls = 128;                 // of one answer
};

/// Reads call after call of one answer. Input and tools outlive it.
class CallReader : private CallSink {
  public:
    CallReader(AnswerInput& input, const ToolSet& tools, const AnswerEventFn& on_event,
               const AnswerLimits& limits)
        : input_(input), tools_(tools), on_event_(on_event), limits_(limits) {}

    /// Begins behind the opening marker, which was `marker` and is part of the input still. False
    /// and nothing else: more text must come, or, when `not_a_call`, it is none.
    bool open(const CallFormat& format, size_t marker_length, bool& not_a_call);
    /// Begins with a body that has no marker in front of it.
    void open_bare(const CallFormat& format);
    /// Begins behind the name, with arguments in JSON. raw: what was written of the call so far.
    void open_arguments(const CallFormat& format, std::string_view name, std::string_view raw);

    enum class Status : uint8_t {
        waits,       // for more text
        goes_on,     // call it again
        ended,       // the call, with its closing marker
        not_a_call,  // a bare body that is text: bare_text()
    };
    Status step();
    const std::string& bare_text() const { return raw_; }
    /// Hands on the arguments that were read.
    void flush();

  private:
    enum class State : uint8_t {
        json,       // in a value
        json_next,  // behind one
        name,
        arguments,
        closing,  // behind the arguments
        key,      // before a key or the end
        value,
        gathered,  // read as a whole
        broken,
    };

    void begin(const CallFormat& format, State state);
    void begin_json();
    Status step_json();
    Status step_json_next();
    Status step_name();
    Status step_arguments();
    Status step_closing();
    Status step_key();
    Status step_value();
    Status step_gathered();
    Status step_broken();

    Status end_with(size_t length);
    bool begin_named_call(std::string_view written);
    void add_argument(std::string_view key, std::string_view value, bool cdata);
    std::optional<CallFault> read_gathered(std::string_view body);
    bool emit(const LiteralCall& call);
    Status fail(CallFault fault);
    std::string_view take(size_t n);

    void begin_call(std::string_view name, std::string_view id) override;
    void call_arguments(std::string_view json) override;
    void end_call() override;

    AnswerInput& input_;
    const ToolSet& tools_;
    const AnswerEventFn& on_event_;
    AnswerLimits limits_;

    const CallFormat* format_ = nullptr;
    State state_ = State::broken;
    bool bare_ = false;                   // without a marker, and may turn out to be text
    bool refused_ = false;                // it has: it names no tool
    std::string raw_;                     // the call as it was written
    std::string name_, key_, arguments_;  // arguments_: not handed on yet
    std::string quoted_;                  // arguments that came as a string, so far
    std::optional<JsonCallReader> json_;
    JsonScanner scanner_;
    bool key_known_ = false;
    uint32_t n_arguments_ = 0, n_calls_ = 0;
    CallFault fault_ = CallFault::malformed;
};

}  // namespace m2w
