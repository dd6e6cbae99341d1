// format.h — how models write calls and reasoning: one table row a form. Reads no answers.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace m2w {

/// What is between the markers of a call.
enum class CallBody : uint8_t {
    json,            // {"name": ..., "arguments": {...}}, one, several, or a list
    json_by_name,    // [{NAME: {...}}, ...]
    json_or_python,  // json, or what python has
    arguments,       // NAME name_end {...}
    tags,            // NAME name_end (key_open KEY key_end VALUE value_end)*
    python,          // [f(a=1), g(b="x")]
    braces,          // call:NAME{key:value}
};

/// One form of calls. Markers are as in marker.h: a space is any white space.
struct CallFormat {
    std::string_view name;  // for messages and the documentation
    CallBody body;
    std::string_view open;   // begins a call, or a list of them; empty: a header does
    std::string_view close;  // ends it; may be missing in an answer where the body itself ends
    std::string_view around[2] = {};    // stand around all calls and mean nothing by themselves
    std::string_view name_prefix = {};  // of names, dropped
    std::string_view id_end = {};       // an id stands before the name
    std::string_view id_begin = {};     // an id stands behind the name
    std::string_view name_end = {};     // empty: a name ends where key_open or close begins
    std::string_view key_open = {}, key_end = {}, value_end = {};
    bool lines = false;    // values stand on lines of their own
    bool indexed = false;  // names end in :0, :1, ...
    bool bare = false;     // an answer may also be the body alone, without markers
};
/// Rows that are parts of others come later: the first one that reads a call is the right one.
std::span<const CallFormat> call_formats();

/// One form of reasoning.
struct ReasoningFormat {
    std::string_view open, close;
    std::string_view dropped[3] = {};  // markers around the answer proper, which mean nothing
};
std::span<const ReasoningFormat> reasoning_formats();

/// Messages within an answer that begin with a header that says what they are.
struct HeaderFormat {
    std::string_view open[2];         // begin a header
    std::string_view prompt_end;      // a prompt that ends so leaves the answer to begin within one
    std::string_view end;             // ends the header
    std::string_view message_end[3];  // end the message
    std::string_view reasoning;       // a header that contains this begins reasoning
    std::string_view call;            // one that contains this and then a name a call's arguments
};
std::span<const HeaderFormat> header_formats();

}  // namespace m2w
