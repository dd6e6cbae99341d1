// transcript.h — the events of an answer as one readable text, for comparisons.
#pragma once
#include <string>
#include <string_view>

#include "chat/answer/answer_parser.h"

namespace m2w::test {

/// Joins what belongs together: "text(...) reasoning(...) call(NAME#ID ARGUMENTS)
/// failed(FAULT ...)". A failed call takes the place of what was said of it before.
class Transcript {
  public:
    AnswerEventFn listener() {
        return [this](const AnswerEvent& event) { add(event); };
    }
    const std::string& str() const { return done_; }
    uint32_t calls = 0;

  private:
    using Kind = AnswerEvent::Kind;

    void add(const AnswerEvent& event) {
        const bool shown = event.kind == Kind::text || event.kind == Kind::reasoning;
        if (shown && event.kind == last_) {
            done_.insert(done_.size() - 1, event.text);
            return;
        }
        last_ = event.kind;
        if (shown) {
            done_ += (done_.empty() ? "" : " ") +
                     std::string(event.kind == Kind::text ? "text(" : "reasoning(") +
                     std::string(event.text) + ")";
        } else if (event.kind == Kind::call_begin) {
            call_ = "call(" + std::string(event.text);
            if (!event.id.empty()) call_ += "#" + std::string(event.id);
            call_ += " ";
        } else if (event.kind == Kind::call_arguments) {
            call_ += event.text;
        } else {
            const bool failed = event.kind == Kind::call_failed;
            if (failed)
                call_ = "failed(" + std::string(call_fault_name(event.fault)) + " " +
                        std::string(event.text);
            done_ += (done_.empty() ? "" : " ") + call_ + ")";
            call_.clear();
            calls += !failed;
        }
    }

    std::string done_, call_;
    Kind last_ = Kind::call_end;
};

}  // namespace m2w::test
