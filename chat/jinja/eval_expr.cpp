// eval_expr.cpp — evaluation of expressions.
#include "chat/jinja/attributes.h"
#include "chat/jinja/builtins.h"
#include "chat/jinja/evaluator.h"
#include "chat/jinja/iterators.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/repr.h"
#include "chat/jinja/self_object.h"

namespace m2w::jinja {

using namespace ast;

const Value* Scope::find(std::string_view name) const {
    const auto it = names_.find(name);
    return it == names_.end() ? nullptr : &it->second;
}

Value Evaluator::eval(const Expr& e) {
    Nested nested(rt_);
    rt_.charge(1);
    rt_.at = e.at;
    return std::visit([&](const auto& node) { return eval(e, node); }, e.node);
}

Value Evaluator::eval(const Expr&, const Literal& n) {
    return n.value;
}

/// Scopes from the inside out, then the variables of the rendering, then Jinja's own functions.
Value Evaluator::lookup(std::string_view name) {
    uint64_t searched = 0;
    for (const Scope* s = scope_.get(); s; s = s->outer()) {
        if (const Value* v = s->find(name)) return *v;
        if (++searched % kScopesPerStep == 0) rt_.charge(1);
    }
    if (const Value* v = globals_.entries().find(name)) return *v;
    if (const Builtin* function = find_function(name)) return function_value(rt_, *function);
    if (name == "self") {
        if (self_.is_undefined()) self_ = rt_.make_value<SelfObject>(*this, module_);
        return self_;
    }
    return rt_.undefined(fmt::format("'{}' is undefined", name));
}

Value Evaluator::eval(const Expr&, const Name& n) {
    return lookup(n.name);
}

std::vector<Value> Evaluator::eval_all(const std::vector<Expr>& items) {
    std::vector<Value> out;
    out.reserve(items.size());
    for (const Expr& item : items) out.push_back(eval(item));
    return out;
}

Value Evaluator::eval(const Expr&, const ListDisplay& n) {
    return rt_.list(eval_all(n.items));
}

Value Evaluator::eval(const Expr&, const TupleDisplay& n) {
    return rt_.tuple(eval_all(n.items));
}

Value Evaluator::eval(const Expr& e, const MapDisplay& n) {
    Map out;
    for (const auto& [key_expr, value_expr] : n.items) {
        Value key = eval(key_expr), value = eval(value_expr);
        rt_.at = e.at;
        check_hashable(rt_, key);
        out.set(std::move(key), std::move(value));
    }
    return rt_.map(std::move(out));
}

Value Evaluator::eval(const Expr& e, const Unary& n) {
    const Value v = eval(*n.operand);
    rt_.at = e.at;
    switch (n.op) {
        case UnaryOp::negate:
            return negate(rt_, v);
        case UnaryOp::plus:
            return plus(rt_, v);
        case UnaryOp::logical_not:
            break;
    }
    return Value::boolean(!truthy(rt_, v));
}

Value Evaluator::eval(const Expr& e, const Binary& n) {
    const Value left = eval(*n.left), right = eval(*n.right);
    rt_.at = e.at;
    return apply(rt_, n.op, left, right);
}

Value Evaluator::eval(const Expr& e, const Compare& n) {
    Value left = eval(*n.first);
    for (const Compare::Link& link : n.rest) {
        Value right = eval(*link.operand);
        rt_.at = e.at;
        if (!compare(rt_, link.op, left, right)) return Value::boolean(false);
        left = std::move(right);
    }
    return Value::boolean(true);
}

Value Evaluator::eval(const Expr&, const Logic& n) {
    Value left = eval(*n.left);
    if (truthy(rt_, left) != n.is_and) return left;
    return eval(*n.right);
}

Value Evaluator::eval(const Expr& e, const Concat& n) {
    std::vector<Value> parts = eval_all(n.items);
    rt_.at = e.at;
    bool markup = false;
    if (rt_.autoescape)
        for (const Value& part : parts) markup |= part.is_markup();
    std::string out, buffer;
    for (Value& part : parts) {
        if (markup) part = escape(rt_, part);
        const std::string_view text = str_view(rt_, part, buffer);
        rt_.check_string_size(out.size() + text.size());
        out += text;
    }
    return rt_.string(std::move(out), markup);
}

Value Evaluator::eval(const Expr&, const Conditional& n) {
    if (truthy(rt_, eval(*n.condition))) return eval(*n.then);
    if (n.otherwise) return eval(*n.otherwise);
    return rt_.undefined(
        "the inline if-expression evaluated to false and no else section was defined");
}

Value Evaluator::eval(const Expr& e, const Attribute& n) {
    const Value object = eval(*n.object);
    rt_.at = e.at;
    return get_attribute(rt_, object, n.name);
}

Value Evaluator::eval(const Expr& e, const Subscript& n) {
    const Value object = eval(*n.object), key = eval(*n.key);
    rt_.at = e.at;
    return get_item(rt_, object, key);
}

Value Evaluator::eval(const Expr& e, const Slice& n) {
    const auto part = [&](const ExprPtr& p) { return p ? eval(*p) : Value::none(); };
    const Value object = eval(*n.object);
    const Value start = part(n.start), stop = part(n.stop), step = part(n.step);
    rt_.at = e.at;
    return get_slice(rt_, object, start, stop, step);
}

CallArguments Evaluator::eval_arguments(const Arguments& arguments) {
    CallArguments out;
    out.positional = eval_all(arguments.positional);
    if (arguments.rest) {
        const Value rest = eval(*arguments.rest);
        for (Value& v : collect(rt_, rest)) out.positional.push_back(std::move(v));
    }
    for (const NamedArgument& named : arguments.named)
        out.named.emplace_back(named.name, eval(*named.value));
    if (arguments.named_rest) {
        const Value more = eval(*arguments.named_rest);
        if (!more.is(Kind::map))
            rt_.fail_type("argument after ** must be a mapping, not {}", type_name(more));
        for (const auto& [key, value] : more.entries()) {
            if (!key.is_string()) rt_.fail_type("keywords must be strings");
            rt_.charge(1 + out.named.size() / kComparedKeysPerStep);
            rt_.charge_copy(key.as_string().size());
            for (const auto& other : out.named)
                if (other.first == key.as_string())
                    rt_.fail_type("got multiple values for keyword argument {}",
                                  quote(key.as_string()));
            out.named.emplace_back(std::string(key.as_string()), value);
        }
    }
    return out;
}

Value Evaluator::eval(const Expr& e, const Call& n) {
    const Value callee = eval(*n.callee);
    CallArguments arguments = eval_arguments(n.arguments);
    rt_.at = e.at;
    return call_value(rt_, callee, arguments);
}

Value Evaluator::eval(const Expr& e, const Filter& n) {
    const Value subject = eval(*n.operand);
    CallArguments arguments = eval_arguments(n.arguments);
    rt_.at = e.at;
    return apply_filter(rt_, n.name, subject, arguments);
}

/// A chain of filters whose innermost operand a block supplies.
Value Evaluator::apply_filters(const Expr& chain, Value subject) {
    Nested nested(rt_);
    const auto& filter = std::get<Filter>(chain.node);
    if (filter.operand) subject = apply_filters(*filter.operand, std::move(subject));
    CallArguments arguments = eval_arguments(filter.arguments);
    rt_.at = chain.at;
    return apply_filter(rt_, filter.name, subject, arguments);
}

Value Evaluator::eval(const Expr& e, const Test& n) {
    const Value subject = eval(*n.operand);
    CallArguments arguments = eval_arguments(n.arguments);
    rt_.at = e.at;
    return Value::boolean(apply_test(rt_, n.name, subject, arguments) != n.negated);
}

}  // namespace m2w::jinja
