// call_reader.cpp — one step a state; a step reads what is certain and waits for the rest.
#include "chat/answer/call_reader.h"

#include <algorithm>
#include <vector>

#include "chat/answer/marker.h"

namespace m2w {
namespace {

constexpr size_t kMaxNameBytes = 256, kMaxKeyBytes = 1024;

using JsonState = JsonScanner::State;
using MatchState = MarkerMatch::State;

bool reads_json(CallBody body) {
    return body == CallBody::json || body == CallBody::json_by_name ||
           body == CallBody::json_or_python;
}

/// Whether a text that begins with [ or { is JSON, as far as its first bytes tell: a list of calls
/// in Python's form begins with a name. Nothing: they do not tell yet.
std::optional<bool> begins_json(std::string_view text) {
    const bool more_may_tell = text.size() < kMaxLeadingSpace;
    text = trim_space(text.substr(0, kMaxLeadingSpace));
    if (text.starts_with('{')) return true;
    if (!text.empty() && text[0] != '[') return false;
    if (!text.empty()) text = trim_space(text.substr(1));
    if (!text.empty()) return text[0] == '{' || text[0] == ']';
    return more_may_tell ? std::nullopt : std::optional(false);
}

CallFault fault_of(JsonState state) {
    return state == JsonState::too_deep ? CallFault::too_large : CallFault::malformed;
}

}  // namespace

std::string_view call_fault_name(CallFault fault) {
    constexpr std::string_view kNames[] = {"malformed", "truncated", "too_large"};
    static_assert(std::size(kNames) == size_t(CallFault::count));
    return kNames[size_t(fault)];
}

bool CallReader::open(const CallFormat& format, size_t marker_length, bool& not_a_call) {
    State state = State::name;
    if (reads_json(format.body)) {
        const auto json = begins_json(input_.rest().substr(marker_length));
        if (!json && !input_.complete()) return false;
        const bool python = format.body == CallBody::json_or_python;
        not_a_call = !json || (!*json && !python);
        if (not_a_call) return false;
        state = *json ? State::json : State::gathered;
    } else if (format.body == CallBody::python || format.body == CallBody::braces) {
        state = State::gathered;
    }
    begin(format, state);
    take(marker_length);
    return true;
}

void CallReader::open_bare(const CallFormat& format) {
    begin(format, State::json);
    bare_ = true;
}

void CallReader::open_arguments(const CallFormat& format, std::string_view name,
                                std::string_view raw) {
    begin(format, State::arguments);
    raw_ = raw;
    if (name.empty() || name.size() > kMaxNameBytes)
        fail(CallFault::malformed);
    else
        begin_call(name, {});
}

void CallReader::begin(const CallFormat& format, State state) {
    format_ = &format;
    state_ = state;
    bare_ = refused_ = key_known_ = false;
    raw_.clear();
    quoted_.clear();
    n_arguments_ = 0;
    scanner_ = JsonScanner();
    if (state == State::json) begin_json();
    if (++n_calls_ > limits_.calls) fail(CallFault::too_large);
}

void CallReader::begin_json() {
    json_.emplace(static_cast<CallSink&>(*this), format_->body == CallBody::json_by_name);
    state_ = State::json;
}

CallReader::Status CallReader::step() {
    if (state_ != State::broken && raw_.size() > limits_.call_bytes)
        return fail(CallFault::too_large);
    switch (state_) {
        case State::json:
            return step_json();
        case State::json_next:
            return step_json_next();
        case State::name:
            return step_name();
        case State::arguments:
            return step_arguments();
        case State::closing:
            return step_closing();
        case State::key:
            return step_key();
        case State::value:
            return step_value();
        case State::gathered:
            return step_gathered();
        case State::broken:
            return step_broken();
    }
    return Status::waits;
}

CallReader::Status CallReader::step_json() {
    const std::string_view rest = input_.rest();
    const size_t limit = std::min(rest.size(), limits_.call_bytes - raw_.size() + 1);
    for (size_t i = 0; i < limit; ++i) {
        const JsonState state = json_->push(rest[i]);
        const bool text = refused_ || (bare_ && !json_->only_call_members());
        if (state == JsonState::bad || state == JsonState::too_deep || text) {
            take(i);
            return fail(fault_of(state));
        }
        if (state == JsonState::done) {
            take(i + 1);
            state_ = State::json_next;
            return Status::goes_on;
        }
    }
    take(limit);
    if (raw_.size() > limits_.call_bytes) return Status::goes_on;
    return input_.complete() ? fail(CallFault::truncated) : Status::waits;
}

/// Behind a JSON value: another one, the closing marker, or what comes after a call without one.
CallReader::Status CallReader::step_json_next() {
    input_.take_space();
    const std::string_view rest = input_.rest();
    if (rest.empty()) return input_.complete() ? Status::ended : Status::waits;
    if (rest[0] == ',' || rest[0] == ';') {
        take(1);
        return Status::goes_on;
    }
    if (rest[0] == '{' || (rest[0] == '[' && !format_->close.empty())) {
        if (++n_calls_ > limits_.calls) return fail(CallFault::too_large);
        begin_json();
        return Status::goes_on;
    }
    return step_closing();
}

CallReader::Status CallReader::step_name() {
    const CallFormat& f = *format_;
    const std::string_view ends[] = {f.name_end.empty() ? f.key_open : f.name_end,
                                     f.name_end.empty() ? f.close : std::string_view()};
    const MarkerPlace place =
        find_marker(ends, input_.rest(), input_.searched(), input_.complete());
    if (place.begin > kMaxNameBytes) return fail(CallFault::malformed);
    if (!place.found()) {
        input_.searched() = place.begin;
        return input_.complete() ? fail(CallFault::truncated) : Status::waits;
    }
    const std::string written(trim_space(take(place.begin)));
    if (!begin_named_call(written)) return fail(CallFault::malformed);
    if (!f.name_end.empty()) take(place.length);
    state_ = f.body == CallBody::tags ? State::key : State::arguments;
    return Status::goes_on;
}

/// A name as it was written, with an id or index beside it.
bool CallReader::begin_named_call(std::string_view written) {
    const CallFormat& f = *format_;
    std::string_view name = written, id;
    if (const size_t at = name.find(f.id_end); !f.id_end.empty() && at != name.npos) {
        id = trim_space(name.substr(0, at));
        name = trim_space(name.substr(at + f.id_end.size()));
    }
    if (const size_t at = name.find(f.id_begin); !f.id_begin.empty() && at != name.npos) {
        id = trim_space(name.substr(at + f.id_begin.size()));
        name = trim_space(name.substr(0, at));
    }
    if (f.indexed)
        if (const size_t colon = name.rfind(':'); colon != name.npos) {
            id = name;
            name = name.substr(0, colon);
        }
    if (name.starts_with(f.name_prefix)) name.remove_prefix(f.name_prefix.size());
    if (name.empty() || std::ranges::any_of(name, is_space)) return false;
    begin_call(name, id);
    return true;
}

/// An object, or its JSON in a string.
CallReader::Status CallReader::step_arguments() {
    const std::string_view rest = input_.rest();
    const size_t limit = std::min(rest.size(), limits_.call_bytes - raw_.size() + 1);
    for (size_t i = 0; i < limit; ++i) {
        const bool first = scanner_.depth() == 0 && quoted_.empty();
        if (first && is_space(rest[i])) continue;
        const bool other = first && rest[i] != '{' && rest[i] != '"';
        const JsonState state = other ? JsonState::bad : scanner_.push(rest[i]).state;
        if (state == JsonState::bad || state == JsonState::too_deep) {
            take(i);
            return fail(fault_of(state));
        }
        if (scanner_.depth() == 0 && state != JsonState::done)
            quoted_ += rest[i];
        else
            (quoted_.empty() ? arguments_ : quoted_) += rest[i];
        if (state != JsonState::done) continue;
        take(i + 1);
        if (!quoted_.empty()) {
            const std::string json = json_string_value(quoted_);
            if (!json.starts_with('{') || !is_json(json)) return fail(CallFault::malformed);
            arguments_ = json;
        }
        end_call();
        state_ = State::closing;
        return Status::goes_on;
    }
    take(limit);
    if (raw_.size() > limits_.call_bytes) return Status::goes_on;
    return input_.complete() ? fail(CallFault::truncated) : Status::waits;
}

/// The closing marker, if it is there: what was read is a call without it too.
CallReader::Status CallReader::step_closing() {
    input_.take_space();
    if (format_->close.empty()) return Status::ended;
    if (input_.rest().empty()) return input_.complete() ? Status::ended : Status::waits;
    const MarkerMatch close = match_marker(format_->close, input_.rest(), input_.complete());
    if (close.state == MatchState::partial) return Status::waits;
    return end_with(close.length);
}

CallReader::Status CallReader::end_with(size_t length) {
    take(length);
    return Status::ended;
}

CallReader::Status CallReader::step_key() {
    while (!input_.rest().empty() && is_space(input_.rest()[0])) take(1);
    if (input_.rest().empty())
        return input_.complete() ? fail(CallFault::truncated) : Status::waits;
    const auto match = [&](std::string_view marker) {
        return match_marker(marker, input_.rest(), input_.complete());
    };
    const MarkerMatch key = match(format_->key_open), close = match(format_->close);
    if (key.state == MatchState::full) {
        take(key.length);
        state_ = State::value;
        key_known_ = false;
        return Status::goes_on;
    }
    if (close.state == MatchState::full) {
        call_arguments(n_arguments_ == 0 ? "{}" : "}");
        end_call();
        return end_with(close.length);
    }
    if (key.state == MatchState::partial || close.state == MatchState::partial)
        return Status::waits;
    return fail(CallFault::malformed);
}

/// A key, then its value.
CallReader::Status CallReader::step_value() {
    constexpr std::string_view kCdata = "<![CDATA[";
    const std::string_view rest = input_.rest(),
                           head = trim_space(rest.substr(0, kMaxLeadingSpace));
    // Whether a value is in CDATA may not be known yet.
    if (key_known_ && kCdata.starts_with(head) && rest.size() < kMaxLeadingSpace)
        return input_.complete() ? fail(CallFault::truncated) : Status::waits;
    const bool cdata = key_known_ && head.starts_with(kCdata);
    const std::string end =
        (cdata ? "]]> " : "") + std::string(key_known_ ? format_->value_end : format_->key_end);
    const std::string_view ends[] = {end};
    const MarkerPlace place = find_marker(ends, rest, input_.searched(), input_.complete());
    if (place.begin > (key_known_ ? limits_.call_bytes : kMaxKeyBytes))
        return fail(CallFault::too_large);
    if (!place.found()) {
        input_.searched() = place.begin;
        return input_.complete() ? fail(CallFault::truncated) : Status::waits;
    }
    const std::string text(take(place.begin));
    take(place.length);
    if (!key_known_)
        key_ = trim_space(text);
    else if (cdata)
        add_argument(key_, std::string_view(text).substr(text.find(kCdata) + kCdata.size()), true);
    else
        add_argument(key_, text, false);
    if (key_known_) state_ = State::key;
    key_known_ = !key_known_;
    return Status::goes_on;
}

void CallReader::add_argument(std::string_view key, std::string_view value, bool cdata) {
    if (format_->lines) {
        if (value.starts_with('\n')) value.remove_prefix(1);
        if (value.ends_with('\n')) value.remove_suffix(1);
    }
    ArgumentTypes types = tools_.types_of(name_, key.substr(0, key.find('"')));
    if (cdata) types.bits = ArgumentTypes::string;
    // KEY" string="true: some forms say themselves whether it is one.
    if (const size_t quote = key.find('"'); quote != key.npos) {
        if (key.find("string=\"true", quote) != key.npos) types.bits = ArgumentTypes::string;
        key = key.substr(0, quote);
    }
    call_arguments(n_arguments_++ == 0 ? "{" : ", ");
    call_arguments(json_string(key) + ": " + argument_to_json(value, types));
}

CallReader::Status CallReader::step_gathered() {
    const std::string_view ends[] = {format_->close};
    const MarkerPlace place =
        find_marker(ends, input_.rest(), input_.searched(), input_.complete());
    if (raw_.size() + place.begin > limits_.call_bytes) return fail(CallFault::too_large);
    if (!place.found() && !input_.complete()) {
        input_.searched() = place.begin;
        return Status::waits;
    }
    // Without its closing marker a body counts when it is whole.
    if (const auto fault = read_gathered(input_.rest().substr(0, place.begin)))
        return fail(place.found() || format_->close.empty() ? *fault : CallFault::truncated);
    return end_with(place.begin + place.length);
}

std::optional<CallFault> CallReader::read_gathered(std::string_view body) {
    std::vector<LiteralCall> calls;
    if (format_->body == CallBody::braces) {
        if (auto call = read_braced_call(body)) calls.push_back(*std::move(call));
    } else if (auto read = read_python_calls(body)) {
        calls = *std::move(read);
    }
    if (calls.empty()) return CallFault::malformed;
    n_calls_ += uint32_t(calls.size()) - 1;
    if (n_calls_ > limits_.calls) return CallFault::too_large;
    for (const LiteralCall& call : calls)
        if (!emit(call)) return CallFault::malformed;
    return std::nullopt;
}

/// Arguments without names are those of the schema, in its order.
bool CallReader::emit(const LiteralCall& call) {
    std::string arguments = "{";
    for (size_t i = 0; i < call.positional.size(); ++i) {
        const std::string_view key = tools_.argument_at(call.name, i);
        if (key.empty()) return false;
        if (i > 0) arguments += ", ";
        arguments += json_string(key) + ": " + call.positional[i];
    }
    if (arguments.size() > 1 && call.arguments.size() > 2) arguments += ", ";
    begin_call(call.name, {});
    call_arguments(arguments + call.arguments.substr(1));
    end_call();
    return true;
}

CallReader::Status CallReader::fail(CallFault fault) {
    if (bare_) return Status::not_a_call;
    flush();
    arguments_.clear();
    fault_ = fault;
    state_ = State::broken;
    return Status::goes_on;
}

/// Up to the closing marker, or the next call, or the end.
CallReader::Status CallReader::step_broken() {
    const std::string_view ends[] = {format_->close, format_->open};
    const MarkerPlace place =
        find_marker(ends, input_.rest(), input_.searched(), input_.complete());
    take(place.begin);
    if (!place.found() && !input_.complete()) return Status::waits;
    if (place.found() && place.index == 0) take(place.length);
    on_event_({.kind = AnswerEvent::Kind::call_failed, .text = raw_, .fault = fault_});
    return Status::ended;
}

/// Reads, and keeps what was read as far as a call may be long.
std::string_view CallReader::take(size_t n) {
    const std::string_view text = input_.take(n);
    const size_t most = limits_.call_bytes + 1;
    size_t room = std::min(most - std::min(raw_.size(), most), text.size());
    while (room > 0 && room < text.size() && (uint8_t(text[room]) & 0xc0) == 0x80) ++room;
    raw_ += text.substr(0, room);
    return text;
}

void CallReader::begin_call(std::string_view name, std::string_view id) {
    refused_ = bare_ && !tools_.empty() && !tools_.contains(name);
    if (refused_) return;
    bare_ = false;  // from here on it is a call
    name_ = name;
    on_event_({.kind = AnswerEvent::Kind::call_begin, .text = name_, .id = id});
}

void CallReader::call_arguments(std::string_view json) {
    if (!refused_) arguments_ += json;
}

void CallReader::flush() {
    if (arguments_.empty()) return;
    on_event_({.kind = AnswerEvent::Kind::call_arguments, .text = arguments_});
    arguments_.clear();
}

void CallReader::end_call() {
    if (refused_) return;
    flush();
    on_event_({.kind = AnswerEvent::Kind::call_end});
}

}  // namespace m2w
