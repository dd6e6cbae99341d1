// ast.h — the syntax tree of a template: plain structs, no behaviour. Built by the parser, read by
// the evaluator, the analysis and code generators.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "chat/jinja/error.h"
#include "chat/jinja/value.h"

namespace m2w::jinja::ast {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

/// Arguments of a call, filter or test in source order: f(a, b, k=c, *rest, **more).
struct NamedArgument {
    std::string name;
    ExprPtr value;
};
struct Arguments {
    std::vector<Expr> positional;
    std::vector<NamedArgument> named;
    ExprPtr rest;        // *rest or null
    ExprPtr named_rest;  // **named_rest or null
};

enum class UnaryOp : uint8_t { negate, plus, logical_not };
enum class BinaryOp : uint8_t { add, subtract, multiply, divide, floor_divide, modulo, power };
enum class CompareOp : uint8_t { eq, ne, lt, le, gt, ge, in, not_in };

/// none, a bool, a number or a string.
struct Literal {
    Value value;
};
struct Name {
    std::string name;
};
struct ListDisplay {
    std::vector<Expr> items;
};
struct TupleDisplay {
    std::vector<Expr> items;
};
/// {key: value, ...}
struct MapItem;
struct MapDisplay {
    std::vector<MapItem> items;
};
struct Unary {
    UnaryOp op;
    ExprPtr operand;
};
struct Binary {
    BinaryOp op;
    ExprPtr left, right;
};
/// a < b <= c: every operand is evaluated at most once, left to right, until one comparison fails.
struct Compare {
    struct Link {
        CompareOp op;
        ExprPtr operand;
    };
    ExprPtr first;
    std::vector<Link> rest;
};
/// `and` / `or`; the result is the deciding operand.
struct Logic {
    bool is_and;
    ExprPtr left, right;
};
/// a ~ b ~ c
struct Concat {
    std::vector<Expr> items;
};
/// then if condition else otherwise; without else (null) undefined.
struct Conditional {
    ExprPtr condition, then, otherwise;
};
/// object.name
struct Attribute {
    ExprPtr object;
    std::string name;
};
/// object[key]
struct Subscript {
    ExprPtr object, key;
};
/// object[start:stop:step]; each part may be null.
struct Slice {
    ExprPtr object, start, stop, step;
};
struct Call {
    ExprPtr callee;
    Arguments arguments;
};
/// operand|name(arguments). The operand is null where a block supplies it: {% filter x %}, {% set y
/// | x %}.
struct Filter {
    ExprPtr operand;
    std::string name;
    Arguments arguments;
};
/// operand is name(arguments); negated for `is not`.
struct Test {
    ExprPtr operand;
    std::string name;
    Arguments arguments;
    bool negated = false;
};

struct Expr {
    Position at;
    uint32_t height = 1;  // nodes on the longest way down, at most Limits::expression_height
    std::variant<Literal, Name, ListDisplay, TupleDisplay, MapDisplay, Unary, Binary, Compare,
                 Logic, Concat, Conditional, Attribute, Subscript, Slice, Call, Filter, Test>
        node;
};

struct MapItem {
    Expr key, value;
};

struct Stmt;
using Body = std::vector<Stmt>;

/// What an assignment or a loop binds: a name, namespace.attribute, or a tuple of these.
struct Target {
    Position at;
    std::string name;       // variable, or the namespace variable when attribute is set
    std::string attribute;  // empty unless ns.attribute
    std::vector<Target> parts;
    bool is_tuple = false;
};

/// Literal text between tags, white space control already applied.
struct Text {
    std::string text;
};
/// {{ value }}
struct Output {
    Expr value;
};
struct If {
    struct Branch {
        Expr condition;
        Body body;
    };
    std::vector<Branch> branches;  // if, elif, ...
    Body otherwise;
};
struct For {
    Target target;
    Expr iterable;
    std::optional<Expr> condition;  // for x in y if condition
    bool recursive = false;
    Body body, otherwise;
};
/// {% set target = value %}
struct Set {
    Target target;
    Expr value;
};
/// {% set target | filter %}body{% endset %}
struct SetBlock {
    Target target;
    std::optional<Expr> filter;  // a chain of Filter nodes
    Body body;
};
struct Parameter {
    std::string name;
    std::optional<Expr> default_value;
};
/// What macros and call blocks share.
struct Signature {
    std::string name;  // empty for a call block
    std::vector<Parameter> parameters;
    bool uses_varargs = false, uses_kwargs = false, uses_caller = false;
};
struct Macro {
    Signature signature;
    Body body;
};
/// {% call(parameters) callee(...) %}body{% endcall %}
struct CallBlock {
    Signature signature;
    Expr call;  // a Call
    Body body;
};
struct FilterBlock {
    Expr filter;  // a chain of Filter nodes
    Body body;
};
struct With {
    std::vector<std::pair<Target, Expr>> bindings;
    Body body;
};
struct Block {
    std::string name;
    bool scoped = false;
    Body body;
};
struct Autoescape {
    Expr enabled;
    Body body;
};
/// {% generation %}: renders its body; assignments inside stay inside.
struct Generation {
    Body body;
};
struct Break {};
struct Continue {};

struct Stmt {
    Position at;
    std::variant<Text, Output, If, For, Set, SetBlock, Macro, CallBlock, FilterBlock, With, Block,
                 Autoescape, Generation, Break, Continue>
        node;
};

/// A whole template.
struct Module {
    Body body;
};

}  // namespace m2w::jinja::ast
