// answer_parser.cpp — the parts of an answer around its calls.
#include "chat/answer/answer_parser.h"

#include <algorithm>
#include <iterator>

#include "chat/answer/marker.h"

namespace m2w {
namespace {

constexpr size_t kMaxHeaderBytes = 1024;

bool ends_with(std::string_view prompt, std::string_view marker) {
    prompt = trim_space(prompt);
    const size_t at = prompt.rfind(marker);
    return !marker.empty() && at != prompt.npos && at + marker.size() == prompt.size();
}

}  // namespace

AnswerStart start_after(std::string_view prompt, const AnswerFormat& format) {
    if (format.reasoning && ends_with(prompt, format.reasoning->open))
        return AnswerStart::reasoning;
    if (format.headers && ends_with(prompt, format.headers->prompt_end)) return AnswerStart::header;
    return AnswerStart::text;
}

void AnswerParser::Marks::add(std::string_view text, Mark meaning) {
    if (text.empty()) return;
    texts.push_back(text);
    meanings.push_back(meaning);
}

AnswerParser::AnswerParser(const AnswerFormat& format, const ToolSet& tools, AnswerEventFn on_event,
                           AnswerStart start, const AnswerLimits& limits)
    : format_(format), on_event_(std::move(on_event)), calls_(input_, tools, on_event_, limits) {
    for (Marks* marks : {&first_, &later_}) {
        if (const CallFormat* f = format.calls) {
            marks->add(f->open, Mark::call);
            for (const std::string_view text : f->around) marks->add(text, Mark::dropped);
        }
        if (const HeaderFormat* f = format.headers) {
            for (const std::string_view text : f->open) marks->add(text, Mark::header);
            for (const std::string_view text : f->message_end) marks->add(text, Mark::dropped);
        }
        if (const ReasoningFormat* f = format.reasoning)
            for (const std::string_view text : f->dropped) marks->add(text, Mark::dropped);
    }
    // In the midst of a text these words are part of it: models explain them.
    if (const ReasoningFormat* f = format.reasoning) {
        first_.add(f->open, Mark::reasoning);
        first_.add(f->close, Mark::reasoning_end);
        reasoning_ends_.push_back(f->close);
    }
    if (const HeaderFormat* f = format.headers) {
        reasoning_ends_.insert(reasoning_ends_.end(), std::begin(f->open), std::end(f->open));
        reasoning_ends_.insert(reasoning_ends_.end(), std::begin(f->message_end),
                               std::end(f->message_end));
    }
    bare_possible_ = format.calls && format.calls->bare;
    if (start == AnswerStart::reasoning) begin_part(State::reasoning);
    if (start == AnswerStart::header) begin_part(State::header);
}

void AnswerParser::push(std::string_view text, bool control) {
    input_.push(text, control);
    run();
}

void AnswerParser::finish() {
    input_.finish();
    run();
    if (state_ == State::text && !drop_space_ && !space_.empty())
        on_event_({.kind = AnswerEvent::Kind::text, .text = space_});
    space_.clear();
}

void AnswerParser::run() {
    while (step()) continue;
    calls_.flush();
}

bool AnswerParser::step() {
    switch (state_) {
        case State::text:
            return step_text();
        case State::reasoning:
            return step_reasoning();
        case State::header:
            return step_header();
        case State::call:
            return step_call();
    }
    return false;
}

void AnswerParser::begin_part(State state) {
    state_ = state;
    space_.clear();
    drop_space_ = true;
    text_seen_ = false;
}

bool AnswerParser::step_text() {
    if (input_.rest().empty()) return false;
    if (bare_possible_) return step_bare();
    const Marks& marks = text_seen_ ? later_ : first_;
    const MarkerPlace place = find_marker(marks.texts, input_.rest(), 0, input_.complete());
    if (place.begin > 0) {  // then a marker counts only if it does behind this text
        show_next(AnswerEvent::Kind::text, place.begin);
        return true;
    }
    return place.found() && act_on(marks.meanings[place.index], place.length);
}

/// The beginning of an answer that may be a call without a marker.
bool AnswerParser::step_bare() {
    const std::string_view rest = input_.rest();
    const size_t begin = rest.substr(0, kMaxLeadingSpace).find_first_not_of(" \t\r\n");
    if (begin == rest.npos && rest.size() < kMaxLeadingSpace && !input_.complete()) return false;
    bare_possible_ = false;
    if (begin == rest.npos || rest[begin] != '{') return true;
    show_next(AnswerEvent::Kind::text, begin);
    calls_.open_bare(*format_.calls);
    state_ = State::call;
    return true;
}

bool AnswerParser::act_on(Mark mark, size_t length) {
    switch (mark) {
        case Mark::call: {
            bool not_a_call = false;
            if (calls_.open(*format_.calls, length, not_a_call)) {
                begin_part(State::call);
                return true;
            }
            if (not_a_call) show_next(AnswerEvent::Kind::text, length);
            return not_a_call;
        }
        case Mark::dropped:
            input_.take(length);
            return true;
        case Mark::reasoning:
            input_.take(length);
            begin_part(State::reasoning);
            return true;
        case Mark::reasoning_end:
            input_.take(length);
            begin_part(State::text);
            return true;
        case Mark::header:
            begin_part(State::header);
            return true;
    }
    return false;
}

bool AnswerParser::step_reasoning() {
    const MarkerPlace place = find_marker(reasoning_ends_, input_.rest(), 0, input_.complete());
    if (place.begin > 0) {
        show_next(AnswerEvent::Kind::reasoning, place.begin);
        return true;
    }
    if (!place.found()) return false;
    const bool header =
        format_.headers && (reasoning_ends_[place.index] == format_.headers->open[0] ||
                            reasoning_ends_[place.index] == format_.headers->open[1]);
    if (!header) input_.take(place.length);
    begin_part(header ? State::header : State::text);
    return true;
}

/// From its opening marker, or from the answer's start, up to its end.
bool AnswerParser::step_header() {
    const HeaderFormat& f = *format_.headers;
    const std::string_view ends[] = {f.end};
    const MarkerPlace place =
        find_marker(ends, input_.rest(), input_.searched(), input_.complete());
    if (!place.found() && place.begin <= kMaxHeaderBytes && !input_.complete()) {
        input_.searched() = place.begin;
        return false;
    }
    if (!place.found() || place.begin > kMaxHeaderBytes) {  // no header at all
        begin_part(State::text);
        show_next(AnswerEvent::Kind::text, place.begin);
        return true;
    }
    const std::string header(input_.take(place.begin + place.length));
    begin_part(State::text);
    const auto contains = [&](std::string_view part) {
        return !part.empty() && header.find(part) != header.npos;
    };
    if (contains(f.call) && format_.calls && format_.calls->open.empty()) {
        const size_t name = header.find(f.call) + f.call.size();
        begin_part(State::call);
        calls_.open_arguments(
            *format_.calls, header.substr(name, header.find_first_of(" <\n", name) - name), header);
    } else if (contains(f.reasoning)) {
        begin_part(State::reasoning);
    }
    return true;
}

bool AnswerParser::step_call() {
    switch (calls_.step()) {
        case CallReader::Status::waits:
            return false;
        case CallReader::Status::goes_on:
            return true;
        case CallReader::Status::ended:
            begin_part(State::text);
            return true;
        case CallReader::Status::not_a_call:
            state_ = State::text;
            show(AnswerEvent::Kind::text, calls_.bare_text());
            return true;
    }
    return false;
}

/// Hands text on, but keeps the white space at its end: it is dropped where a part ends.
void AnswerParser::show(AnswerEvent::Kind kind, std::string text) {
    constexpr std::string_view kSpace = " \t\r\n";
    const size_t end = text.find_last_not_of(kSpace) + 1;
    if (end == 0) {
        if (!drop_space_) space_ += text;
        return;
    }
    const size_t begin = drop_space_ ? text.find_first_not_of(kSpace) : 0;
    const std::string shown = space_ + text.substr(begin, end - begin);
    space_ = text.substr(end);
    drop_space_ = false;
    if (kind == AnswerEvent::Kind::text) text_seen_ = true;
    on_event_({.kind = kind, .text = shown});
}

}  // namespace m2w
