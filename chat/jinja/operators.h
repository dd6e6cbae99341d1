// operators.h — the operators of the language on values, with Python's semantics and messages. All
// throw Failure.
#pragma once
#include <string_view>

#include "chat/jinja/ast.h"
#include "chat/jinja/runtime.h"

namespace m2w::jinja {

bool truthy(Runtime& rt, const Value& v);

/// ==; never fails but on limits.
bool equals(Runtime& rt, const Value& a, const Value& b);
/// <, with a TypeError for values that have no order; every other order follows from it.
bool less(Runtime& rt, const Value& a, const Value& b);
/// One link of a comparison, `in` included.
bool compare(Runtime& rt, ast::CompareOp op, const Value& a, const Value& b);
/// element in container
bool contains(Runtime& rt, const Value& container, const Value& element);

Value apply(Runtime& rt, ast::BinaryOp op, const Value& a, const Value& b);
Value negate(Runtime& rt, const Value& v);
Value plus(Runtime& rt, const Value& v);

/// Whether a value may be a map key: not a list or map, nor a tuple that holds one.
bool is_hashable(Runtime& rt, const Value& v);
/// Fails (type) for what may not.
void check_hashable(Runtime& rt, const Value& v);

/// HTML-escaped text, marked as safe; text that is safe already stays.
Value escape(Runtime& rt, const Value& v);
std::string escape_html(std::string_view s);

/// format % arguments (percent_format.cpp)
Value percent_format(Runtime& rt, const Value& format, const Value& arguments);

}  // namespace m2w::jinja
