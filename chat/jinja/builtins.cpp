// builtins.cpp — argument binding with Python's rules, lookup by name, and builtins as values.
#include "chat/jinja/builtins.h"

#include <algorithm>

#include "chat/jinja/operators.h"

namespace m2w::jinja {

namespace {

size_t count_parameters(const Builtin& b) {
    size_t n = 0;
    while (n < kMaxParameters && !b.parameters[n].empty()) ++n;
    return n;
}

}  // namespace

Value Builtin::call(Runtime& rt, const Value* subject, CallArguments& arguments) const {
    rt.charge(1);
    const size_t n = count_parameters(*this);
    Args args;
    const auto give = [&](size_t slot, Value v) {
        args.slots_[slot] = std::move(v);
        args.given_ |= 1u << slot;
    };
    size_t next = 0;
    if (subject) give(next++, *subject);
    for (Value& v : arguments.positional) {
        if (next < n) {
            give(next++, std::move(v));
        } else if (variadic) {
            args.rest.push_back(std::move(v));
        } else {
            rt.fail_type("{}() takes at most {} arguments ({} given)", name, n,
                         arguments.positional.size() + (subject ? 1 : 0));
        }
    }
    for (auto& [key, v] : arguments.named) {
        const auto* end = parameters.data() + n;
        const auto* slot = std::find(parameters.data(), end, key);
        if (slot != end && !args.has(size_t(slot - parameters.data()))) {
            give(size_t(slot - parameters.data()), std::move(v));
        } else if (slot != end) {
            rt.fail_type("{}() got multiple values for argument '{}'", name, key);
        } else if (variadic) {
            args.named.emplace_back(std::move(key), std::move(v));
        } else {
            rt.fail_type("{}() got an unexpected keyword argument '{}'", name, key);
        }
    }
    for (size_t i = 0; i < required; ++i) {
        if (!args.has(i)) rt.fail_type("{}() missing required argument: '{}'", name, parameters[i]);
    }
    return function(rt, args);
}

int64_t Args::integer(Runtime& rt, size_t i) const {
    const Value& v = slots_[i];
    if (v.is_int64()) return v.as_int();
    if (v.is(Kind::big_integer))
        rt.fail(ErrorKind::overflow, "Python int too large to convert to C ssize_t");
    if (v.is_undefined()) rt.fail_undefined(v);
    rt.fail_type("'{}' object cannot be interpreted as an integer", type_name(v));
}

int64_t Args::integer(Runtime& rt, size_t i, int64_t otherwise) const {
    return has(i) ? integer(rt, i) : otherwise;
}

bool Args::flag(Runtime& rt, size_t i, bool otherwise) const {
    return has(i) ? truthy(rt, slots_[i]) : otherwise;
}

std::string_view Args::string(Runtime& rt, size_t i) const {
    const Value& v = slots_[i];
    if (v.is_string()) return v.as_string();
    if (v.is_undefined()) rt.fail_undefined(v);
    rt.fail_type("expected str instance, {} found", type_name(v));
}

const Builtin* find_builtin(std::span<const Builtin> table, std::string_view name) {
    const auto it =
        std::lower_bound(table.begin(), table.end(), name,
                         [](const Builtin& b, std::string_view n) { return b.name < n; });
    return it != table.end() && it->name == name ? &*it : nullptr;
}

const Builtin* find_filter(std::string_view name) {
    for (const auto table : {string_filters(), list_filters(), value_filters(), html_filters()})
        if (const Builtin* b = find_builtin(table, name)) return b;
    return nullptr;
}

const Builtin* find_test(std::string_view name) {
    return find_builtin(all_tests(), name);
}

const Builtin* find_function(std::string_view name) {
    return find_builtin(all_functions(), name);
}

const Builtin* find_method(const Value& object, std::string_view name) {
    switch (object.kind()) {
        case Kind::string:
            if (const Builtin* b = find_builtin(string_methods(), name)) return b;
            return find_builtin(string_predicates(), name);
        case Kind::list:
            return find_builtin(list_methods(), name);
        case Kind::tuple:
            return find_builtin(tuple_methods(), name);
        case Kind::map:
            return find_builtin(map_methods(), name);
        case Kind::boolean:
        case Kind::integer:
        case Kind::big_integer:
            return find_builtin(integer_methods(), name);
        case Kind::real:
            return find_builtin(real_methods(), name);
        default:
            return nullptr;
    }
}

Value apply_filter(Runtime& rt, std::string_view name, const Value& subject,
                   CallArguments& arguments) {
    const Builtin* b = find_filter(name);
    // from_json is not a filter of transformers, but some templates count on it.
    if (!b || (name == "from_json" && !rt.forgiving()))
        rt.fail(ErrorKind::runtime, "No filter named '{}' found.", name);
    return b->call(rt, &subject, arguments);
}

bool apply_test(Runtime& rt, std::string_view name, const Value& subject,
                CallArguments& arguments) {
    const Builtin* b = find_test(name);
    if (!b) rt.fail(ErrorKind::runtime, "No test named '{}' found.", name);
    return truthy(rt, b->call(rt, &subject, arguments));
}

namespace {

class FunctionObject final : public Opaque {
  public:
    explicit FunctionObject(const Builtin& b) : builtin_(b) {}
    std::string_view type_name() const override { return "function"; }
    std::string repr(Runtime&) const override {
        return fmt::format("<function {}>", builtin_.name);
    }
    bool equals(Runtime&, Opaque& other) override {
        const auto* f = dynamic_cast<const FunctionObject*>(&other);
        return f && &f->builtin_ == &builtin_;
    }
    bool callable() const override { return true; }
    Value call(Runtime& rt, CallArguments& arguments) override {
        return builtin_.call(rt, nullptr, arguments);
    }

  private:
    const Builtin& builtin_;
};

class BoundMethod final : public Opaque {
  public:
    BoundMethod(Value object, const Builtin& b) : object_(std::move(object)), builtin_(b) {}
    std::string_view type_name() const override { return "builtin_function_or_method"; }
    std::string repr(Runtime&) const override {
        return fmt::format("<built-in method {} of {} object>", builtin_.name,
                           jinja::type_name(object_));
    }
    bool equals(Runtime& rt, Opaque& other) override {
        const auto* m = dynamic_cast<const BoundMethod*>(&other);
        return m && &m->builtin_ == &builtin_ && jinja::equals(rt, m->object_, object_);
    }
    bool callable() const override { return true; }
    Value call(Runtime& rt, CallArguments& arguments) override {
        return builtin_.call(rt, &object_, arguments);
    }
    void drop_references() override { object_ = Value(); }

  private:
    Value object_;
    const Builtin& builtin_;
};

}  // namespace

Value function_value(Runtime& rt, const Builtin& function) {
    return rt.make_value<FunctionObject>(function);
}

Value bound_method(Runtime& rt, const Value& object, const Builtin& method) {
    return rt.make_value<BoundMethod>(object, method);
}

Value call_value(Runtime& rt, const Value& callee, CallArguments& arguments) {
    if (callee.is_undefined()) {
        const auto* why = static_cast<const UndefinedObject*>(callee.object());
        if (!why || !rt.forgiving() || why->refused.is_undefined()) rt.fail_undefined(callee);
        const Value method = why->refused;
        return call_value(rt, method, arguments);
    }
    if (callee.is(Kind::opaque) && opaque_of(callee).callable()) {
        const Value keep = callee;  // the call may drop the last other reference
        return opaque_of(keep).call(rt, arguments);
    }
    rt.fail_type("'{}' object is not callable", type_name(callee));
}

std::optional<Value> Opaque::item(Runtime&, const Value&) {
    return std::nullopt;
}
std::optional<Value> Opaque::attribute(Runtime&, std::string_view) {
    return std::nullopt;
}
std::optional<bool> Opaque::contains(Runtime&, const Value&) {
    return std::nullopt;
}
Value Opaque::call(Runtime& rt, CallArguments&) {
    rt.fail_type("'{}' object is not callable", type_name());
}

}  // namespace m2w::jinja
