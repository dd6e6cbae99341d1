// json_calls.cpp — follows the scanner's steps at the depth of a call's members.
#include "chat/answer/json_calls.h"

#include "chat/answer/literal.h"

namespace m2w {
namespace {

using State = JsonScanner::State;

}  // namespace

State JsonCallReader::push(char c) {
    const uint32_t before = scanner_.depth();
    const JsonScanner::Step step = scanner_.push(c);
    if (step.state == State::bad || step.state == State::too_deep) return step.state;
    if (step.value_ended_before && in_member_ && before == call_depth_)
        if (!end_member()) return State::bad;
    if (step.value_begins && !begin_value(c, before)) return State::bad;
    if (step.key_begins && before == call_depth_) {
        in_key_ = true;
        key_.clear();
    }
    if (in_key_) {
        key_ += c;
        if (step.key_ends) in_key_ = false;
    }
    if (in_member_) {
        if (begun_ && member_ == Member::arguments)
            sink_.call_arguments({&c, 1});
        else
            value_ += c;
        if (step.value_ends && scanner_.depth() == call_depth_ && !end_member()) return State::bad;
    } else if (step.value_ends && before == call_depth_ && scanner_.depth() == call_depth_ - 1) {
        if (!end_call()) return State::bad;
    }
    return step.state;
}

bool JsonCallReader::begin_value(char c, uint32_t depth) {
    if (call_depth_ == 0) {
        if (c != '{' && c != '[') return false;
        call_depth_ = c == '{' ? 1 : 2;
        if (c == '[') return true;
    }
    if (depth == call_depth_) return begin_member(c);
    if (depth + 1 != call_depth_) return true;  // inside a member
    reset_call();
    return c == '{';
}

bool JsonCallReader::begin_member(char c) {
    struct Known {
        std::string_view key;
        Member member;
    };
    constexpr Known kKnown[] = {
        {"name", Member::name},
        {"tool_name", Member::name},
        {"arguments", Member::arguments},
        {"parameters", Member::arguments},
        {"id", Member::id},
        {"tool_call_id", Member::id},
    };
    const std::string key = json_string_value(key_);
    in_member_ = true;
    value_.clear();
    member_ = Member::other;
    if (by_name_) {
        if (!name_.empty()) return false;
        name_ = key;
        member_ = Member::arguments;
    } else {
        for (const Known& known : kKnown)
            if (known.key == key) member_ = known.member;
        if (member_ == Member::other && key != "type") only_call_members_ = false;
    }
    if (member_ != Member::arguments) return true;
    if (has_arguments_) return false;
    has_arguments_ = true;
    if (c == '{' && !name_.empty()) {
        begun_ = true;
        sink_.begin_call(name_, id_);
    }
    return true;
}

bool JsonCallReader::end_member() {
    in_member_ = false;
    switch (member_) {
        case Member::name:
            if (!name_.empty()) return false;
            name_ = json_string_value(value_);
            return !name_.empty();
        case Member::id:
            id_ = value_.starts_with('"') ? json_string_value(value_) : value_;
            return true;
        case Member::arguments:
            if (!begun_) arguments_ = value_;
            return true;
        case Member::other:
            return true;
    }
    return true;
}

bool JsonCallReader::end_call() {
    if (name_.empty()) return false;
    if (!begun_) {
        if (arguments_.starts_with('"')) arguments_ = json_string_value(arguments_);
        if (arguments_.empty() || arguments_ == "null") arguments_ = "{}";
        if (!arguments_.starts_with('{') || !is_json(arguments_)) return false;
        sink_.begin_call(name_, id_);
        sink_.call_arguments(arguments_);
    }
    sink_.end_call();
    reset_call();
    return true;
}

void JsonCallReader::reset_call() {
    name_.clear();
    id_.clear();
    arguments_.clear();
    has_arguments_ = begun_ = in_member_ = false;
}

}  // namespace m2w
