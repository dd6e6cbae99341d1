// ast_walk.h — visiting the direct parts of syntax tree nodes in source order. For walks that treat
// most nodes alike.
#pragma once
#include "chat/jinja/ast.h"

namespace m2w::jinja::ast {

namespace detail {

template <class... F>
struct Overloaded : F... {
    using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

template <class OnExpr>
void walk(const ExprPtr& p, const OnExpr& on_expr) {
    if (p) on_expr(*p);
}
template <class OnExpr>
void walk(const std::vector<Expr>& items, const OnExpr& on_expr) {
    for (const Expr& e : items) on_expr(e);
}
template <class OnExpr>
void walk(const Arguments& a, const OnExpr& on_expr) {
    walk(a.positional, on_expr);
    for (const NamedArgument& n : a.named) on_expr(*n.value);
    walk(a.rest, on_expr);
    walk(a.named_rest, on_expr);
}

}  // namespace detail

/// Calls on_expr(child) for every expression directly below one.
template <class OnExpr>
void for_each_child(const Expr& e, const OnExpr& on_expr) {
    using detail::walk;
    const auto all = [&](const auto&... parts) { (walk(parts, on_expr), ...); };
    std::visit(detail::Overloaded{
                   [](const Literal&) {},
                   [](const Name&) {},
                   [&](const ListDisplay& n) { all(n.items); },
                   [&](const TupleDisplay& n) { all(n.items); },
                   [&](const MapDisplay& n) {
                       for (const auto& [key, value] : n.items) {
                           on_expr(key);
                           on_expr(value);
                       }
                   },
                   [&](const Unary& n) { all(n.operand); },
                   [&](const Binary& n) { all(n.left, n.right); },
                   [&](const Compare& n) {
                       on_expr(*n.first);
                       for (const Compare::Link& link : n.rest) on_expr(*link.operand);
                   },
                   [&](const Logic& n) { all(n.left, n.right); },
                   [&](const Concat& n) { all(n.items); },
                   [&](const Conditional& n) { all(n.condition, n.then, n.otherwise); },
                   [&](const Attribute& n) { all(n.object); },
                   [&](const Subscript& n) { all(n.object, n.key); },
                   [&](const Slice& n) { all(n.object, n.start, n.stop, n.step); },
                   [&](const Call& n) { all(n.callee, n.arguments); },
                   [&](const Filter& n) { all(n.operand, n.arguments); },
                   [&](const Test& n) { all(n.operand, n.arguments); },
               },
               e.node);
}

/// Calls on_body(body) for every body directly below a statement.
template <class OnBody>
void for_each_body(const Stmt& stmt, const OnBody& on_body) {
    std::visit(
        [&](const auto& n) {
            if constexpr (requires { n.branches; })
                for (const auto& branch : n.branches) on_body(branch.body);
            if constexpr (requires { n.body; }) on_body(n.body);
            if constexpr (requires { n.otherwise; }) on_body(n.otherwise);
        },
        stmt.node);
}

}  // namespace m2w::jinja::ast
