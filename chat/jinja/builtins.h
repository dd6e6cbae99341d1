// builtins.h — the tables of filters, tests, functions and methods, and how their arguments are
// bound. A row is all there is to say about a builtin.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "chat/jinja/runtime.h"

namespace m2w::jinja {

inline constexpr size_t kMaxParameters = 8;

/// Arguments bound to a builtin's parameters.
class Args {
  public:
    /// The argument of a parameter, which must have been given (required ones are).
    const Value& operator[](size_t i) const { return slots_[i]; }
    bool has(size_t i) const { return (given_ >> i) & 1; }
    /// Given and not none: what Python writes as `x=None`.
    bool has_value(size_t i) const { return has(i) && !slots_[i].is_none(); }

    // Typed access; fails (type) with Python's messages. The default is for an argument that was
    // not given.
    int64_t integer(Runtime& rt, size_t i, int64_t otherwise) const;
    int64_t integer(Runtime& rt, size_t i) const;
    bool flag(Runtime& rt, size_t i, bool otherwise = false) const;
    std::string_view string(Runtime& rt, size_t i) const;

    // What a variadic builtin got beside its parameters.
    std::vector<Value> rest;
    std::vector<std::pair<std::string, Value>> named;

  private:
    friend struct Builtin;
    std::array<Value, kMaxParameters> slots_;
    uint32_t given_ = 0;
};

/// One filter, test, function or method.
struct Builtin {
    std::string_view name;
    Value (*function)(Runtime& rt, Args& args);
    /// Parameter names in order. Filters, tests and methods receive what they are applied to as the
    /// first.
    std::array<std::string_view, kMaxParameters> parameters;
    uint8_t required = 0;   // how many of them have no default
    bool variadic = false;  // further arguments are passed on in Args::rest and Args::named
    bool mutates = false;   // a method that the sandbox hides

    /// Binds and calls. subject: the first parameter's value, or null for a plain function.
    Value call(Runtime& rt, const Value* subject, CallArguments& arguments) const;
};

/// The row of that name, or nullptr. Tables are sorted by name.
const Builtin* find_builtin(std::span<const Builtin> table, std::string_view name);

constexpr bool is_sorted_table(std::span<const Builtin> table) {
    for (size_t i = 1; i < table.size(); ++i)
        if (!(table[i - 1].name < table[i].name)) return false;
    return true;
}

const Builtin* find_filter(std::string_view name);
const Builtin* find_test(std::string_view name);
const Builtin* find_function(std::string_view name);
/// A method of a string, list, tuple, map or number.
const Builtin* find_method(const Value& object, std::string_view name);

/// Applies a filter or test by name; fails when there is none.
Value apply_filter(Runtime& rt, std::string_view name, const Value& subject,
                   CallArguments& arguments);
bool apply_test(Runtime& rt, std::string_view name, const Value& subject, CallArguments& arguments);

/// The global of that name as a value.
Value function_value(Runtime& rt, const Builtin& function);
/// object.method as a value.
Value bound_method(Runtime& rt, const Value& object, const Builtin& method);

/// value(arguments...): fails (type) when it is not callable.
Value call_value(Runtime& rt, const Value& callee, CallArguments& arguments);

// The tables, one file each.
std::span<const Builtin> string_filters();     // filters_string.cpp
std::span<const Builtin> list_filters();       // filters_list.cpp
std::span<const Builtin> value_filters();      // filters_value.cpp
std::span<const Builtin> html_filters();       // filters_html.cpp
std::span<const Builtin> all_tests();          // tests.cpp
std::span<const Builtin> all_functions();      // functions.cpp
std::span<const Builtin> string_methods();     // methods_string.cpp
std::span<const Builtin> string_predicates();  // methods_string_is.cpp
std::span<const Builtin> list_methods();       // methods_container.cpp
std::span<const Builtin> tuple_methods();
std::span<const Builtin> map_methods();
std::span<const Builtin> integer_methods();
std::span<const Builtin> real_methods();

}  // namespace m2w::jinja
