// json_calls.h — calls that are JSON objects with the tool's name inside, read byte by byte. Knows
// no markers.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "chat/answer/json_scanner.h"

namespace m2w {

/// Gets a call as it comes. The text of arguments is valid JSON when end() has come.
struct CallSink {
    virtual ~CallSink() = default;
    virtual void begin_call(std::string_view name, std::string_view id) = 0;
    virtual void call_arguments(std::string_view json) = 0;
    virtual void end_call() = 0;
};

/// One JSON value: an object that is a call, or a list of such objects. The name is in "name" or
/// "tool_name", the arguments, an object or its JSON in a string, in "arguments" or "parameters";
/// without any they are {}. With by_name each object has one member, NAME: arguments.
class JsonCallReader {
  public:
    JsonCallReader(CallSink& sink, bool by_name) : sink_(sink), by_name_(by_name) {}

    /// Nothing may follow done, bad or too_deep.
    JsonScanner::State push(char c);
    /// Whether nothing but a call can go on so: every member so far is one of a call.
    bool only_call_members() const { return only_call_members_; }

  private:
    enum class Member : uint8_t { name, id, arguments, other };

    bool begin_value(char c, uint32_t depth);
    bool begin_member(char c);
    bool end_member();
    bool end_call();
    void reset_call();

    CallSink& sink_;
    bool by_name_;
    JsonScanner scanner_;
    uint32_t call_depth_ = 0;  // of the members of a call: 1, or 2 in a list
    bool only_call_members_ = true;
    bool in_key_ = false, in_member_ = false;
    Member member_ = Member::other;
    std::string key_, value_;  // JSON text
    // The call so far.
    std::string name_, id_, arguments_;
    bool has_arguments_ = false, begun_ = false;
};

}  // namespace m2w
