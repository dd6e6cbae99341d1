// parser_stmt.cpp — token helpers, statements and assignment targets.
// Grammar: Jinja 3.1 documentation, "List of Control Structures"; transformers adds {% generation
// %}.
#include <algorithm>

#include "chat/jinja/parser.h"

namespace m2w::jinja {

using namespace ast;

// --- tokens
// ---------------------------------------------------------------------------------------

bool Parser::at_op(std::string_view op) const {
    return current().token == Token::op && current().text == op;
}

bool Parser::at_name(std::string_view name) const {
    return current().token == Token::name && current().text == name;
}

bool Parser::skip_op(std::string_view op) {
    if (!at_op(op)) return false;
    take();
    return true;
}

bool Parser::skip_name(std::string_view name) {
    if (!at_name(name)) return false;
    take();
    return true;
}

void Parser::fail_unexpected(std::string_view expected) const {
    fail("expected token '{}', got '{}'", expected, describe(current()));
}

void Parser::expect_op(std::string_view op) {
    if (!skip_op(op)) fail_unexpected(op);
}

void Parser::expect_name(std::string_view name) {
    if (!skip_name(name)) fail_unexpected(name);
}

std::string Parser::expect_identifier() {
    if (current().token != Token::name) fail_unexpected("name");
    return take().text;
}

void Parser::end_statement() {
    if (current().token != Token::statement_end) fail_unexpected("end of statement block");
    take();
}

/// Remembers reads of varargs, kwargs and caller: a macro takes what its body mentions.
void Parser::note_name(std::string_view name, bool is_load) {
    if (name != "varargs" && name != "kwargs" && name != "caller") return;
    const auto note = [&](bool& uses, bool& hides) {
        if (!is_load) hides = true;
        if (is_load && !hides) uses = true;
    };
    for (Function& f : functions_) {
        if (name == "varargs") note(f.signature->uses_varargs, f.hides_varargs);
        if (name == "kwargs") note(f.signature->uses_kwargs, f.hides_kwargs);
        if (name == "caller") note(f.signature->uses_caller, f.hides_caller);
    }
}

// --- statements
// -----------------------------------------------------------------------------------

Module Parser::parse_module() {
    Module module{parse_body({})};
    if (current().token != Token::end) fail("unexpected end of statement");
    return module;
}

/// Statements up to a tag named in `ends`, whose name is the current token then; without ends, to
/// the end.
Body Parser::parse_body(std::initializer_list<std::string_view> ends) {
    Nesting nesting(*this);
    Body out;
    while (current().token != Token::end) {
        const Position at = current().at;
        if (current().token == Token::text) {
            out.push_back({at, Text{take().text}});
        } else if (current().token == Token::output_begin) {
            take();
            Expr value = parse_tuple(true, false);
            if (current().token != Token::output_end) fail_unexpected("end of print statement");
            take();
            out.push_back({at, Output{std::move(value)}});
        } else {
            take();  // statement_begin
            for (std::string_view end : ends)
                if (at_name(end)) return out;
            parse_statement(out);
        }
    }
    if (ends.size() == 0) return out;
    std::string wanted;
    for (std::string_view end : ends)
        wanted += fmt::format("{}'{}'", wanted.empty() ? "" : " or ", end);
    fail("Unexpected end of template. Expected {}.", wanted);
}

/// Body of a statement that ends with one tag, that tag included.
Body Parser::parse_block_body(std::string_view end) {
    Body body = parse_body({end});
    expect_name(end);
    return body;
}

void Parser::parse_statement(Body& out) {
    if (current().token != Token::name) fail("tag name expected");
    const Lexeme tag = take();
    const std::string& name = tag.text;
    const auto add = [&](auto node) {
        end_statement();
        out.push_back({tag.at, std::move(node)});
    };
    if (name == "if") return add(parse_if());
    if (name == "for") return add(parse_for());
    if (name == "set") return parse_set(out, tag.at);
    if (name == "macro") return add(parse_macro());
    if (name == "call") return add(parse_call_block());
    if (name == "with") return add(parse_with());
    if (name == "block") return add(parse_block());
    if (name == "print") return parse_print(out, tag.at);
    if (name == "filter") {
        Expr filter = parse_filter_chain();
        end_statement();
        return add(FilterBlock{std::move(filter), parse_block_body("endfilter")});
    }
    if (name == "autoescape") {
        Expr enabled = parse_expression();
        end_statement();
        return add(Autoescape{std::move(enabled), parse_block_body("endautoescape")});
    }
    if (name == "generation") {
        end_statement();
        const uint32_t loops = std::exchange(loops_, 0);
        Generation generation{parse_block_body("endgeneration")};
        loops_ = loops;
        return add(std::move(generation));
    }
    if (name == "break" || name == "continue") {
        if (loops_ == 0)
            throw Failure{ErrorKind::syntax, fmt::format("'{}' outside loop", name), tag.at};
        if (name == "break") return add(Break{});
        return add(Continue{});
    }
    if (name == "include" || name == "import" || name == "from" || name == "extends")
        throw Failure{
            ErrorKind::unsupported,
            fmt::format("'{}' is refused: a chat template must not load other templates", name),
            tag.at};
    throw Failure{ErrorKind::syntax, fmt::format("Encountered unknown tag '{}'.", name), tag.at};
}

If Parser::parse_if() {
    If out;
    do {
        Expr condition = parse_tuple(false, false);
        end_statement();
        Body body = parse_body({"elif", "else", "endif"});
        out.branches.push_back({std::move(condition), std::move(body)});
    } while (skip_name("elif"));
    if (skip_name("else")) {
        end_statement();
        out.otherwise = parse_body({"endif"});
    }
    expect_name("endif");
    return out;
}

For Parser::parse_for() {
    ++all_loops_;
    For out;
    out.target = parse_target(false);
    expect_name("in");
    out.iterable = parse_tuple(false, false);
    if (skip_name("if")) out.condition = parse_expression();
    out.recursive = skip_name("recursive");
    end_statement();
    ++loops_;
    out.body = parse_body({"endfor", "else"});
    --loops_;
    if (skip_name("else")) {
        end_statement();
        out.otherwise = parse_body({"endfor"});
    }
    expect_name("endfor");
    --all_loops_;
    return out;
}

void Parser::parse_set(Body& out, Position at) {
    Target target = parse_target(true);
    if (skip_op("=")) {
        Expr value = parse_tuple(true, false);
        end_statement();
        out.push_back({at, Set{std::move(target), std::move(value)}});
        return;
    }
    SetBlock block{std::move(target), std::nullopt, {}};
    if (skip_op("|")) block.filter = parse_filter_chain();
    end_statement();
    block.body = parse_block_body("endset");
    end_statement();
    out.push_back({at, std::move(block)});
}

/// (a, b=1, ...)
void Parser::parse_signature(Signature& signature) {
    expect_op("(");
    while (!at_op(")")) {
        if (!signature.parameters.empty()) {
            expect_op(",");
            if (at_op(")")) break;
        }
        check_arguments(signature.parameters.size());
        Parameter parameter;
        parameter.name = parse_new_name();
        for (const Parameter& other : signature.parameters)
            if (other.name == parameter.name) fail("duplicate argument '{}'", parameter.name);
        if (skip_op("=")) {
            parameter.default_value = parse_expression();
        } else if (!signature.parameters.empty() && signature.parameters.back().default_value) {
            fail("non-default argument follows default argument");
        }
        signature.parameters.push_back(std::move(parameter));
    }
    expect_op(")");
}

Body Parser::parse_function_body(Signature& signature, std::string_view end) {
    end_statement();
    functions_.push_back({&signature});
    const uint32_t loops = std::exchange(loops_, 0);
    Body body = parse_block_body(end);
    loops_ = loops;
    functions_.pop_back();
    for (const Parameter& p : signature.parameters) {
        if (p.name == "varargs") signature.uses_varargs = false;
        if (p.name == "kwargs") signature.uses_kwargs = false;
        if (p.name == "caller" && signature.uses_caller && !p.default_value)
            fail("the special \"caller\" argument must be omitted or be given a default");
    }
    return body;
}

Macro Parser::parse_macro() {
    Macro out;
    out.signature.name = parse_new_name();
    parse_signature(out.signature);
    out.body = parse_function_body(out.signature, "endmacro");
    return out;
}

CallBlock Parser::parse_call_block() {
    CallBlock out;
    if (at_op("(")) parse_signature(out.signature);
    out.call = parse_expression();
    if (!std::holds_alternative<Call>(out.call.node)) fail("expected call");
    out.body = parse_function_body(out.signature, "endcall");
    return out;
}

With Parser::parse_with() {
    With out;
    while (current().token != Token::statement_end) {
        if (!out.bindings.empty()) expect_op(",");
        Target target = parse_target(false);
        expect_op("=");
        out.bindings.emplace_back(std::move(target), parse_expression());
    }
    end_statement();
    out.body = parse_block_body("endwith");
    return out;
}

Block Parser::parse_block() {
    Block out;
    out.name = expect_identifier();
    out.scoped = skip_name("scoped");
    skip_name("required");
    if (!block_names_.insert(out.name).second) fail("block '{}' defined twice", out.name);
    end_statement();
    const uint32_t loops = std::exchange(loops_, 0);
    out.body = parse_block_body("endblock");
    loops_ = loops;
    if (current().token == Token::name && current().text == out.name) take();
    return out;
}

void Parser::parse_print(Body& out, Position at) {
    bool first = true;
    while (current().token != Token::statement_end) {
        if (!first) expect_op(",");
        first = false;
        out.push_back({at, Output{parse_expression()}});
    }
    end_statement();
}

// --- assignment targets
// ---------------------------------------------------------------------------

/// A name that is no constant.
std::string Parser::parse_new_name() {
    const Position at = current().at;
    std::string name = expect_identifier();
    for (std::string_view constant : {"true", "false", "none", "True", "False", "None"})
        if (name == constant)
            throw Failure{ErrorKind::syntax, fmt::format("can't assign to '{}'", name), at};
    note_name(name, false);
    return name;
}

Target Parser::parse_target_item(bool is_set) {
    Target out;
    out.at = current().at;
    if (skip_op("(")) {
        Nesting nesting(*this);
        out = parse_target(is_set);
        expect_op(")");
        return out;
    }
    if (current().token != Token::name) {
        if (current().token == Token::statement_end)
            fail("Expected an expression, got '{}'", describe(current()));
        fail("can't assign to '{}'", describe(current()));
    }
    if (is_set && ahead().token == Token::op && ahead().text == ".") {
        out.name = expect_identifier();
        take();
        out.attribute = expect_identifier();
        return out;
    }
    out.name = parse_new_name();
    if (out.name == "loop" && all_loops_ > 0)
        fail("Can't assign to special loop variable in for-loop");
    return out;
}

/// One target, or a tuple of them: a, (b, c). In {% set %} also namespace.attribute.
Target Parser::parse_target(bool is_set) {
    Target first = parse_target_item(is_set);
    if (!at_op(",")) return first;
    Target tuple;
    tuple.at = first.at;
    tuple.is_tuple = true;
    tuple.parts.push_back(std::move(first));
    while (skip_op(",")) {
        if (at_op("=") || at_op(")") || at_name("in")) break;
        tuple.parts.push_back(parse_target_item(is_set));
    }
    return tuple;
}

}  // namespace m2w::jinja
