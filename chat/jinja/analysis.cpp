// analysis.cpp — walks over the syntax tree. Nesting is bounded by the parser, so recursion is too.
#include "chat/jinja/analysis.h"

#include "chat/jinja/ast_walk.h"
#include "chat/jinja/builtins.h"

namespace m2w::jinja {

using namespace ast;
using ast::detail::Overloaded;

namespace {

// --- filters and tests that do not exist
// ----------------------------------------------------------

/// `soft`: directly inside an if; every construct with a scope of its own is hard again.
class NameChecker {
  public:
    void body(const Body& statements, bool soft) {
        for (const Stmt& s : statements) statement(s, soft);
    }

  private:
    void statement(const Stmt& s, bool soft) {
        std::visit(Overloaded{
                       [](const auto&) {},  // Text, Break, Continue
                       [&](const Output& n) { expr(n.value, soft); },
                       [&](const If& n) {
                           for (const If::Branch& b : n.branches) {
                               expr(b.condition, true);
                               body(b.body, true);
                           }
                           body(n.otherwise, true);
                       },
                       [&](const For& n) {
                           expr(n.iterable, soft);
                           if (n.condition) expr(*n.condition, false);
                           body(n.body, false);
                           body(n.otherwise, false);
                       },
                       [&](const Set& n) { expr(n.value, soft); },
                       [&](const SetBlock& n) {
                           if (n.filter) expr(*n.filter, false);
                           body(n.body, false);
                       },
                       [&](const Macro& n) {
                           signature(n.signature);
                           body(n.body, false);
                       },
                       [&](const CallBlock& n) {
                           signature(n.signature);
                           expr(n.call, soft);
                           body(n.body, false);
                       },
                       [&](const FilterBlock& n) {
                           expr(n.filter, false);
                           body(n.body, false);
                       },
                       [&](const With& n) {
                           for (const auto& binding : n.bindings) expr(binding.second, soft);
                           body(n.body, false);
                       },
                       [&](const Block& n) { body(n.body, false); },
                       [&](const Autoescape& n) {
                           expr(n.enabled, false);
                           body(n.body, false);
                       },
                       [&](const Generation& n) { body(n.body, false); },
                   },
                   s.node);
    }

    void signature(const Signature& s) {
        for (const Parameter& p : s.parameters)
            if (p.default_value) expr(*p.default_value, false);
    }

    void expr(const Expr& e, bool soft) {
        if (std::holds_alternative<Conditional>(e.node)) soft = true;
        if (!soft) {
            if (const auto* f = std::get_if<Filter>(&e.node); f && !find_filter(f->name))
                throw Failure{ErrorKind::syntax, fmt::format("No filter named '{}'.", f->name),
                              e.at};
            if (const auto* t = std::get_if<Test>(&e.node); t && !find_test(t->name))
                throw Failure{ErrorKind::syntax, fmt::format("No test named '{}'.", t->name), e.at};
        }
        for_each_child(e, [&](const Expr& child) { expr(child, soft); });
    }
};

// --- what a template reads
// ------------------------------------------------------------------------

class UsageFinder {
  public:
    explicit UsageFinder(Usage& usage) : usage_(usage) {}

    /// Statements of one scope. Macro bodies come last: they run when the names around them are
    /// bound.
    void body(const Body& statements) {
        for (const Stmt& s : statements) statement(s);
        for (const Stmt& s : statements)
            if (const auto* m = std::get_if<Macro>(&s.node)) function(m->signature, m->body);
    }

    void scoped(const Body& statements) {
        bound_.emplace_back();
        body(statements);
        bound_.pop_back();
    }

  private:
    void statement(const Stmt& s) {
        std::visit(Overloaded{
                       [](const auto&) {},
                       [&](const Output& n) { expr(n.value); },
                       [&](const If& n) {
                           for (const If::Branch& b : n.branches) {
                               expr(b.condition);
                               body(b.body);
                           }
                           body(n.otherwise);
                       },
                       [&](const For& n) { loop(n); },
                       [&](const Set& n) {
                           expr(n.value);
                           bind(n.target);
                       },
                       [&](const SetBlock& n) {
                           scoped(n.body);
                           if (n.filter) expr(*n.filter);
                           bind(n.target);
                       },
                       [&](const Macro& n) { bound_.back().insert(n.signature.name); },
                       [&](const CallBlock& n) {
                           expr(n.call);
                           function(n.signature, n.body);
                       },
                       [&](const FilterBlock& n) {
                           expr(n.filter);
                           scoped(n.body);
                       },
                       [&](const With& n) {
                           for (const auto& binding : n.bindings) expr(binding.second);
                           bound_.emplace_back();
                           for (const auto& binding : n.bindings) bind(binding.first);
                           body(n.body);
                           bound_.pop_back();
                       },
                       [&](const Block& n) { scoped(n.body); },
                       [&](const Autoescape& n) {
                           expr(n.enabled);
                           scoped(n.body);
                       },
                       [&](const Generation& n) { scoped(n.body); },
                   },
                   s.node);
    }

    void loop(const For& n) {
        expr(n.iterable);
        bound_.emplace_back();
        bind(n.target);
        if (n.condition) expr(*n.condition);
        bound_.back().insert("loop");
        body(n.body);
        bound_.pop_back();
        scoped(n.otherwise);
    }

    void function(const Signature& s, const Body& statements) {
        bound_.emplace_back(std::set<std::string_view>{"varargs", "kwargs", "caller"});
        for (const Parameter& p : s.parameters) {
            if (p.default_value) expr(*p.default_value);
            bound_.back().insert(p.name);
        }
        body(statements);
        bound_.pop_back();
    }

    void bind(const Target& t) {
        for (const Target& part : t.parts) bind(part);
        if (t.is_tuple) return;
        if (t.attribute.empty()) {
            bound_.back().insert(t.name);
        } else {
            read(t.name);
        }
    }

    void read(const std::string& name) {
        for (const auto& scope : bound_)
            if (scope.count(name)) return;
        if (!find_function(name)) usage_.variables.insert(name);
    }

    void expr(const Expr& e) {
        if (const auto* n = std::get_if<Name>(&e.node)) read(n->name);
        if (const auto* a = std::get_if<Attribute>(&e.node)) usage_.attributes.insert(a->name);
        if (const auto* s = std::get_if<Subscript>(&e.node)) {
            const auto* key = std::get_if<Literal>(&s->key->node);
            if (key && key->value.is_string()) usage_.attributes.emplace(key->value.as_string());
        }
        if (const auto* l = std::get_if<Literal>(&e.node); l && l->value.is_string())
            usage_.strings.emplace(l->value.as_string());
        for_each_child(e, [&](const Expr& child) { expr(child); });
    }

    Usage& usage_;
    std::vector<std::set<std::string_view>> bound_{1};
};

}  // namespace

void check_names(const Module& module) {
    NameChecker().body(module.body, false);
}

Usage find_usage(const Module& module) {
    Usage usage;
    UsageFinder(usage).body(module.body);
    return usage;
}

}  // namespace m2w::jinja
