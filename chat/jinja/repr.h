// repr.h — Python's str() and repr() of values.
#pragma once
#include <string>
#include <string_view>

#include "chat/jinja/runtime.h"

namespace m2w::jinja {

/// What printing the value gives: strings as they are, undefined as nothing, the rest as repr.
std::string str(Runtime& rt, const Value& v);
/// The same without a copy for strings; `buffer` holds the text of anything else.
std::string_view str_view(Runtime& rt, const Value& v, std::string& buffer);
std::string repr(Runtime& rt, const Value& v);
/// A string in Python's quotes and escapes.
std::string quote(std::string_view s);

}  // namespace m2w::jinja
