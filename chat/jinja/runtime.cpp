// runtime.cpp — budget, accounted values and the names of things in messages.
#include "chat/jinja/runtime.h"

#include "chat/jinja/text.h"

namespace m2w::jinja {

void Runtime::fail_with(ErrorKind kind, std::string message) const {
    throw Failure{kind, std::move(message), at};
}

void Runtime::fail_undefined(const Value& undefined) const {
    if (const auto* why = static_cast<const UndefinedObject*>(undefined.object()))
        fail_with(why->kind, why->message);
    fail(ErrorKind::undefined, "value is undefined");
}

void Runtime::fail_steps() const {
    fail(ErrorKind::limit, "more than {} steps", limits_.steps);
}

void Nested::fail(const Runtime& rt) {
    rt.fail(ErrorKind::limit, "maximum recursion depth exceeded ({})", rt.limits().eval_depth);
}

void Runtime::check_string_size(uint64_t bytes) const {
    if (bytes > limits_.value_bytes)
        fail(ErrorKind::limit, "string of more than {} bytes", limits_.value_bytes);
}

void Runtime::check_list_size(uint64_t count) const {
    if (count > limits_.value_bytes / sizeof(Value))
        fail(ErrorKind::limit, "list of more than {} elements",
             limits_.value_bytes / sizeof(Value));
}

Value Runtime::string(std::string s, bool markup) {
    check_string_size(s.size());
    charge_copy(s.size());
    const uint64_t length = text::length(s);
    const uint64_t bytes = s.capacity();
    const auto ref = heap_.adopt(new StringObject(std::move(s), length, markup), bytes);
    return Value::object(Kind::string, ref.get());
}

Value Runtime::list(std::vector<Value> items) {
    check_list_size(items.size());
    charge_values(items.size());
    const uint64_t bytes = items.capacity() * sizeof(Value);
    return Value::object(Kind::list, heap_.adopt(new ListObject(std::move(items)), bytes).get());
}

Value Runtime::tuple(std::vector<Value> items) {
    check_list_size(items.size());
    charge_values(items.size());
    const uint64_t bytes = items.capacity() * sizeof(Value);
    return Value::object(Kind::tuple, heap_.adopt(new ListObject(std::move(items)), bytes).get());
}

Value Runtime::map(Map entries) {
    check_list_size(entries.size() * 2);
    charge_values(entries.size());
    const uint64_t bytes = entries.size_bytes();
    return Value::object(Kind::map, heap_.adopt(new MapObject(std::move(entries)), bytes).get());
}

void Runtime::recount(const Value& v) {
    if (v.is(Kind::map)) {
        heap_.resize(map_of(v), v.entries().size_bytes());
    } else {
        heap_.resize(list_of(v), list_of(v).items.capacity() * sizeof(Value));
    }
}

Value Runtime::undefined(std::string message, ErrorKind kind) {
    charge_scan(message.size());
    const uint64_t bytes = message.capacity();
    const auto ref = heap_.adopt(new UndefinedObject(kind, std::move(message)), bytes);
    return Value::object(Kind::undefined, ref.get());
}

std::string type_name(const Value& v) {
    switch (v.kind()) {
        case Kind::undefined:
            return "Undefined";
        case Kind::none:
            return "NoneType";
        case Kind::boolean:
            return "bool";
        case Kind::integer:
        case Kind::big_integer:
            return "int";
        case Kind::real:
            return "float";
        case Kind::string:
            return v.is_markup() ? "Markup" : "str";
        case Kind::list:
            return "list";
        case Kind::tuple:
            return "tuple";
        case Kind::map:
            return "dict";
        case Kind::opaque:
            return std::string(opaque_of(v).type_name());
    }
    return "object";
}

std::string describe_object(const Value& v) {
    return v.is_none() ? "None" : type_name(v) + " object";
}

}  // namespace m2w::jinja
