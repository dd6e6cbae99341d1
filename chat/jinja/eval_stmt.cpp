// eval_stmt.cpp — execution of statements: output, branches, loops, assignments, macros, blocks.
// Scoping: Jinja 3.1 documentation, "Assignments"; corner cases observed on jinja2 3.1.
#include "chat/jinja/builtins.h"
#include "chat/jinja/evaluator.h"
#include "chat/jinja/globals.h"
#include "chat/jinja/iterators.h"
#include "chat/jinja/loop.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/repr.h"

namespace m2w::jinja {

using namespace ast;

Evaluator::Evaluator(Runtime& rt, const Module& module, Value globals)
    : rt_(rt), module_(module), globals_(std::move(globals)), top_(new_scope({})), scope_(top_) {}

std::string Evaluator::run() {
    std::string out;
    const CaptureGuard capture(*this, out, rt_.limits().output_bytes);
    exec(module_.body);
    return out;
}

Evaluator::Flow Evaluator::exec(const Body& body) {
    Nested nested(rt_);
    for (const Stmt& stmt : body) {
        rt_.charge(1);
        rt_.at = stmt.at;
        const Flow flow = std::visit([&](const auto& node) { return exec(stmt, node); }, stmt.node);
        if (flow != Flow::normal) return flow;
    }
    return Flow::normal;
}

void Evaluator::write(std::string_view text) {
    if (out_->size() + text.size() > out_limit_)
        rt_.fail(ErrorKind::limit, "output of more than {} bytes", out_limit_);
    rt_.charge_copy(text.size());
    rt_.heap().reserve(text.size());
    out_bytes_ += text.size();
    out_->append(text);
}

void Evaluator::write_value(const Value& v) {
    std::string buffer;
    if (rt_.autoescape && !v.is_markup()) return write(escape(rt_, v).as_string());
    write(str_view(rt_, v, buffer));
}

Evaluator::Flow Evaluator::exec(const Stmt&, const Text& n) {
    write(n.text);
    return Flow::normal;
}

Evaluator::Flow Evaluator::exec(const Stmt& stmt, const Output& n) {
    const Value v = eval(n.value);
    rt_.at = stmt.at;
    write_value(v);
    return Flow::normal;
}

Evaluator::Flow Evaluator::exec(const Stmt&, const If& n) {
    for (const If::Branch& branch : n.branches)
        if (truthy(rt_, eval(branch.condition))) return exec(branch.body);
    return exec(n.otherwise);
}

// --- assignment
// -----------------------------------------------------------------------------------

void Evaluator::assign(const Target& target, const Value& value) {
    if (target.is_tuple) {
        rt_.at = target.at;
        if (!value.is_undefined() && !try_iterate(rt_, value))
            rt_.fail_type("cannot unpack non-iterable {} object", type_name(value));
        const Ref<Iterator> it = iterate(rt_, value);
        const size_t wanted = target.parts.size();
        Value element;
        for (size_t i = 0; i < wanted; ++i) {
            if (!it->next(rt_, element)) {
                rt_.fail_value("not enough values to unpack (expected {}, got {})", wanted, i);
            }
            assign(target.parts[i], element);
        }
        if (it->next(rt_, element))
            rt_.fail_value("too many values to unpack (expected {})", wanted);
    } else if (!target.attribute.empty()) {
        const Value object = lookup(target.name);
        rt_.at = target.at;
        auto* ns = opaque_as<Namespace>(object);
        if (!ns) rt_.fail(ErrorKind::runtime, "cannot assign attribute on non-namespace object");
        ns->set(rt_, target.attribute, value);
    } else {
        scope_->set(target.name, value);
    }
}

Evaluator::Flow Evaluator::exec(const Stmt&, const Set& n) {
    assign(n.target, eval(n.value));
    return Flow::normal;
}

Evaluator::Flow Evaluator::capture(const Body& body, std::string& text) {
    const CaptureGuard capture(*this, text, rt_.limits().value_bytes);
    return exec(body);
}

Evaluator::Flow Evaluator::exec(const Stmt&, const SetBlock& n) {
    std::string text;
    Value value;
    {
        const ScopeGuard guard(*this, new_scope(scope_));
        const Flow flow = capture(n.body, text);
        if (flow != Flow::normal) return flow;
        value = rt_.string(std::move(text), rt_.autoescape);
        if (n.filter) value = apply_filters(*n.filter, std::move(value));
    }
    assign(n.target, value);
    return Flow::normal;
}

Evaluator::Flow Evaluator::exec(const Stmt&, const FilterBlock& n) {
    std::string text;
    const ScopeGuard guard(*this, new_scope(scope_));
    const Flow flow = capture(n.body, text);
    if (flow != Flow::normal) return flow;
    write_value(apply_filters(n.filter, rt_.string(std::move(text), rt_.autoescape)));
    return Flow::normal;
}

Evaluator::Flow Evaluator::exec(const Stmt&, const With& n) {
    const Ref<Scope> outer = scope_;
    const ScopeGuard guard(*this, new_scope(outer));
    for (const auto& [target, expr] : n.bindings) {
        Value value;
        {
            const ScopeGuard outside(*this, outer);
            value = eval(expr);
        }
        assign(target, value);
    }
    return exec(n.body);
}

Evaluator::Flow Evaluator::exec(const Stmt&, const Autoescape& n) {
    const bool enabled = truthy(rt_, eval(n.enabled));
    struct Restore {
        bool& flag;
        bool saved;
        ~Restore() { flag = saved; }
    } restore{rt_.autoescape, rt_.autoescape};
    rt_.autoescape = enabled;
    const ScopeGuard guard(*this, new_scope(scope_));
    return exec(n.body);
}

Evaluator::Flow Evaluator::exec(const Stmt&, const Generation& n) {
    const ScopeGuard guard(*this, new_scope(scope_));
    return exec(n.body);
}

/// A block sees the template's own names, and those around it only when it is scoped.
Evaluator::Flow Evaluator::exec(const Stmt&, const Block& n) {
    const ScopeGuard guard(*this, new_scope(n.scoped ? scope_ : top_));
    return exec(n.body);
}

Value Evaluator::render_block(const Block& block) {
    const CallGuard depth(rt_);
    std::string text;
    const ScopeGuard guard(*this, new_scope(top_));
    capture(block.body, text);
    return rt_.string(std::move(text), rt_.autoescape);
}

// --- loops
// ----------------------------------------------------------------------------------------

bool Evaluator::passes_condition(const For& loop, const Ref<Scope>& scope, const Value& element) {
    const ScopeGuard guard(*this, new_scope(scope));
    assign(loop.target, element);
    return truthy(rt_, eval(*loop.condition));
}

Evaluator::Flow Evaluator::run_loop(const For& n, const Value& iterable, int64_t depth0) {
    const Ref<Scope> outer = scope_;
    Ref<Iterator> elements = iterate(rt_, iterable);
    Value counted = iterable;
    if (n.condition) {
        elements = Ref<Iterator>(rt_.make<FilteredElements>(*this, n, outer, elements).get());
        counted = opaque_value(elements);
    }
    const Ref<LoopObject> loop = rt_.make<LoopObject>(*this, n, outer, counted, elements, depth0);
    {
        // One scope for all iterations, emptied between them: a macro that an iteration defines
        // sees the latest one.
        const Ref<Scope> scope = new_scope(outer);
        const ScopeGuard guard(*this, scope);
        Value element;
        while (loop->advance(rt_, element)) {
            rt_.charge(1);
            scope->clear();
            assign(n.target, element);
            scope->set("loop", opaque_value(loop));
            if (exec(n.body) == Flow::break_loop) break;
        }
    }
    if (loop->started()) return Flow::normal;
    const ScopeGuard guard(*this, new_scope(outer));
    return exec(n.otherwise);
}

Evaluator::Flow Evaluator::exec(const Stmt& stmt, const For& n) {
    const Value iterable = eval(n.iterable);
    rt_.at = stmt.at;
    return run_loop(n, iterable, 0);
}

Value Evaluator::recurse(const For& loop, const Ref<Scope>& scope, const Value& iterable,
                         int64_t depth0) {
    const CallGuard depth(rt_);
    const ScopeGuard guard(*this, scope);
    std::string text;
    const CaptureGuard capture(*this, text, rt_.limits().value_bytes);
    run_loop(loop, iterable, depth0);
    return rt_.string(std::move(text), rt_.autoescape);
}

// --- macros
// ---------------------------------------------------------------------------------------

Evaluator::Flow Evaluator::exec(const Stmt&, const Macro& n) {
    scope_->set(n.signature.name, rt_.make_value<MacroObject>(*this, n.signature, n.body, scope_));
    return Flow::normal;
}

Evaluator::Flow Evaluator::exec(const Stmt& stmt, const CallBlock& n) {
    const auto& call = std::get<Call>(n.call.node);
    const Value callee = eval(*call.callee);
    CallArguments arguments = eval_arguments(call.arguments);
    arguments.named.emplace_back("caller",
                                 rt_.make_value<MacroObject>(*this, n.signature, n.body, scope_));
    rt_.at = stmt.at;
    write_value(call_value(rt_, callee, arguments));
    return Flow::normal;
}

Value Evaluator::call_function(const Signature& signature, const Body& body,
                               const Ref<Scope>& closure, CallArguments& arguments) {
    const CallGuard depth(rt_);
    const auto name = [&] { return signature.name.empty() ? "None" : quote(signature.name); };
    const auto& parameters = signature.parameters;
    auto& given = arguments.positional;
    rt_.charge(parameters.size());
    const auto take_named = [&](std::string_view wanted) -> std::optional<Value> {
        rt_.charge(arguments.named.size() / kComparedKeysPerStep);
        for (size_t i = 0; i < arguments.named.size(); ++i) {
            if (arguments.named[i].first != wanted) continue;
            Value v = std::move(arguments.named[i].second);
            arguments.named.erase(arguments.named.begin() + ptrdiff_t(i));
            return v;
        }
        return std::nullopt;
    };
    const Ref<Scope> scope = new_scope(closure);
    const ScopeGuard guard(*this, scope);
    for (size_t i = 0; i < parameters.size(); ++i) {
        const Parameter& p = parameters[i];
        if (i < given.size()) {
            scope->set(p.name, given[i]);
        } else if (auto v = take_named(p.name)) {
            scope->set(p.name, std::move(*v));
        } else if (p.default_value) {
            scope->set(p.name, eval(*p.default_value));
        } else {
            scope->set(p.name,
                       rt_.undefined(fmt::format("parameter '{}' was not provided", p.name)));
        }
    }
    if (signature.uses_caller && !scope->find("caller")) {
        auto caller = take_named("caller");
        scope->set("caller", caller ? std::move(*caller) : rt_.undefined("No caller defined"));
    }
    if (signature.uses_kwargs) {
        Map map;
        for (auto& [key, value] : arguments.named) map.set(rt_.string(key), std::move(value));
        scope->set("kwargs", rt_.map(std::move(map)));
    } else if (!arguments.named.empty()) {
        rt_.fail_type("macro {} takes no keyword argument '{}'", name(), arguments.named[0].first);
    }
    if (signature.uses_varargs) {
        const size_t used = std::min(parameters.size(), given.size());
        scope->set("varargs", rt_.tuple({given.begin() + ptrdiff_t(used), given.end()}));
    } else if (given.size() > parameters.size()) {
        rt_.fail_type("macro {} takes not more than {} argument(s)", name(), parameters.size());
    }
    std::string text;
    capture(body, text);
    return rt_.string(std::move(text), rt_.autoescape);
}

std::string MacroObject::repr(Runtime&) const {
    return signature_.name.empty() ? "<Macro anonymous>"
                                   : fmt::format("<Macro {}>", quote(signature_.name));
}

std::optional<Value> MacroObject::attribute(Runtime& rt, std::string_view name) {
    if (name == "name") return signature_.name.empty() ? Value::none() : rt.string(signature_.name);
    if (name == "arguments") {
        std::vector<Value> names;
        for (const Parameter& p : signature_.parameters) names.push_back(rt.string(p.name));
        return rt.tuple(std::move(names));
    }
    if (name == "catch_kwargs") return Value::boolean(signature_.uses_kwargs);
    if (name == "catch_varargs") return Value::boolean(signature_.uses_varargs);
    if (name == "caller") return Value::boolean(signature_.uses_caller);
    return std::nullopt;
}

}  // namespace m2w::jinja
