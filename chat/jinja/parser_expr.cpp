// parser_expr.cpp — expressions, in the order in which they bind: conditional, or, and, not,
// comparison, + -, ~, * / // %,
// **, sign, primary with its attributes, subscripts, calls, filters and tests.
// Grammar: Jinja 3.1 documentation, "Expressions"; precedence observed on jinja2 3.1.
#include <algorithm>

#include "chat/jinja/numbers.h"
#include "chat/jinja/parser.h"

namespace m2w::jinja {

using namespace ast;

namespace {

ExprPtr boxed(Expr expr) {
    return std::make_unique<Expr>(std::move(expr));
}

uint32_t highest(const std::vector<Expr>& items) {
    uint32_t height = 0;
    for (const Expr& e : items) height = std::max(height, e.height);
    return height;
}

}  // namespace

Parser::Nesting::Nesting(Parser& parser) : parser_(parser) {
    if (++parser_.depth_ > parser_.limits_.parse_depth) {
        --parser_.depth_;
        throw Failure{ErrorKind::limit,
                      fmt::format("nested more than {} deep", parser_.limits_.parse_depth),
                      parser_.current().at};
    }
}

uint32_t Parser::checked_height(uint32_t child_height) const {
    if (child_height >= limits_.expression_height)
        throw Failure{ErrorKind::limit,
                      fmt::format("expression of more than {} operations in a row",
                                  limits_.expression_height),
                      current().at};
    return child_height + 1;
}

void Parser::check_arguments(size_t count) const {
    if (count >= limits_.arguments)
        throw Failure{
            ErrorKind::limit,
            fmt::format("more than {} parameters or keyword arguments", limits_.arguments),
            current().at};
}

bool Parser::at_tuple_end() const {
    const Token token = current().token;
    return token == Token::output_end || token == Token::statement_end || at_op(")");
}

/// One expression, or several with commas between and after them.
Expr Parser::parse_tuple(bool with_conditional, bool in_parentheses) {
    const Position at = current().at;
    std::vector<Expr> items;
    bool is_tuple = false;
    while (true) {
        if (!items.empty() && !skip_op(",")) break;
        if (!items.empty()) is_tuple = true;
        if (at_tuple_end()) break;
        items.push_back(with_conditional ? parse_expression() : parse_or());
    }
    if (is_tuple || (items.empty() && in_parentheses)) {
        const uint32_t height = highest(items);
        return make(at, height, TupleDisplay{std::move(items)});
    }
    if (items.empty()) fail("Expected an expression, got '{}'", describe(current()));
    return std::move(items.front());
}

Expr Parser::parse_conditional() {
    Nesting nesting(*this);
    Expr expr = parse_or();
    while (at_name("if")) {
        const Position at = take().at;
        Expr condition = parse_or();
        ExprPtr otherwise;
        uint32_t height = std::max(expr.height, condition.height);
        if (skip_name("else")) {
            otherwise = boxed(parse_conditional());
            height = std::max(height, otherwise->height);
        }
        expr = make(
            at, height,
            Conditional{boxed(std::move(condition)), boxed(std::move(expr)), std::move(otherwise)});
    }
    return expr;
}

Expr Parser::parse_or() {
    Expr left = parse_and();
    while (at_name("or")) {
        const Position at = take().at;
        Expr right = parse_and();
        const uint32_t height = std::max(left.height, right.height);
        left = make(at, height, Logic{false, boxed(std::move(left)), boxed(std::move(right))});
    }
    return left;
}

Expr Parser::parse_and() {
    Expr left = parse_not();
    while (at_name("and")) {
        const Position at = take().at;
        Expr right = parse_not();
        const uint32_t height = std::max(left.height, right.height);
        left = make(at, height, Logic{true, boxed(std::move(left)), boxed(std::move(right))});
    }
    return left;
}

Expr Parser::parse_not() {
    if (!at_name("not")) return parse_compare();
    Nesting nesting(*this);
    const Position at = take().at;
    Expr operand = parse_not();
    const uint32_t height = operand.height;
    return make(at, height, Unary{UnaryOp::logical_not, boxed(std::move(operand))});
}

bool Parser::at_compare_op(CompareOp& op, int& tokens) const {
    struct Row {
        std::string_view text;
        CompareOp op;
    };
    static constexpr Row kRows[] = {{"==", CompareOp::eq}, {"!=", CompareOp::ne},
                                    {"<", CompareOp::lt},  {"<=", CompareOp::le},
                                    {">", CompareOp::gt},  {">=", CompareOp::ge}};
    tokens = 1;
    for (const Row& row : kRows)
        if (at_op(row.text)) return op = row.op, true;
    if (at_name("in")) return op = CompareOp::in, true;
    tokens = 2;
    op = CompareOp::not_in;
    return at_name("not") && ahead().token == Token::name && ahead().text == "in";
}

Expr Parser::parse_compare() {
    Expr first = parse_sum();
    CompareOp op;
    int tokens;
    if (!at_compare_op(op, tokens)) return first;
    const Position at = current().at;
    Compare compare;
    uint32_t height = first.height;
    compare.first = boxed(std::move(first));
    while (at_compare_op(op, tokens)) {
        while (tokens-- > 0) take();
        Expr operand = parse_sum();
        height = std::max(height, operand.height);
        compare.rest.push_back({op, boxed(std::move(operand))});
    }
    return make(at, height, std::move(compare));
}

Expr Parser::parse_sum() {
    Expr left = parse_concat();
    while (at_op("+") || at_op("-")) {
        const Lexeme op = take();
        Expr right = parse_concat();
        const uint32_t height = std::max(left.height, right.height);
        left = make(op.at, height,
                    Binary{op.text == "+" ? BinaryOp::add : BinaryOp::subtract,
                           boxed(std::move(left)), boxed(std::move(right))});
    }
    return left;
}

Expr Parser::parse_concat() {
    Expr first = parse_product();
    if (!at_op("~")) return first;
    const Position at = current().at;
    std::vector<Expr> items;
    items.push_back(std::move(first));
    while (skip_op("~")) items.push_back(parse_product());
    const uint32_t height = highest(items);
    return make(at, height, Concat{std::move(items)});
}

Expr Parser::parse_product() {
    Expr left = parse_power();
    while (at_op("*") || at_op("/") || at_op("//") || at_op("%")) {
        const Lexeme op = take();
        Expr right = parse_power();
        const BinaryOp kind = op.text == "*"    ? BinaryOp::multiply
                              : op.text == "/"  ? BinaryOp::divide
                              : op.text == "//" ? BinaryOp::floor_divide
                                                : BinaryOp::modulo;
        const uint32_t height = std::max(left.height, right.height);
        left = make(op.at, height, Binary{kind, boxed(std::move(left)), boxed(std::move(right))});
    }
    return left;
}

/// Unlike Python's, Jinja's ** groups from the left.
Expr Parser::parse_power() {
    Expr left = parse_unary(true);
    while (at_op("**")) {
        const Position at = take().at;
        Expr right = parse_unary(true);
        const uint32_t height = std::max(left.height, right.height);
        left = make(at, height,
                    Binary{BinaryOp::power, boxed(std::move(left)), boxed(std::move(right))});
    }
    return left;
}

/// A sign binds tighter than a filter: -1|abs is 1.
Expr Parser::parse_unary(bool with_filters) {
    Expr expr;
    if (at_op("-") || at_op("+")) {
        Nesting nesting(*this);
        const Lexeme sign = take();
        Expr operand = parse_unary(false);
        const uint32_t height = operand.height;
        expr = make(
            sign.at, height,
            Unary{sign.text == "-" ? UnaryOp::negate : UnaryOp::plus, boxed(std::move(operand))});
    } else {
        expr = parse_primary();
    }
    expr = parse_postfix(std::move(expr));
    return with_filters ? parse_filters_and_tests(std::move(expr)) : std::move(expr);
}

Expr Parser::parse_primary() {
    const Lexeme& token = current();
    switch (token.token) {
        case Token::name:
            return parse_name_or_constant();
        case Token::integer:
        case Token::real:
            return parse_number();
        case Token::string: {
            const Position at = token.at;
            std::string text;
            while (current().token == Token::string) text += take().text;
            return make(at, 0, Literal{Value::string(text)});
        }
        default:
            break;
    }
    if (at_op("[")) return parse_list();
    if (at_op("{")) return parse_map();
    if (at_op("(")) {
        take();
        Expr inner = parse_tuple(true, true);
        expect_op(")");
        return inner;
    }
    fail("unexpected '{}'", describe(token));
}

Expr Parser::parse_name_or_constant() {
    const Lexeme name = take();
    const std::string& s = name.text;
    if (s == "true" || s == "True") return make(name.at, 0, Literal{Value::boolean(true)});
    if (s == "false" || s == "False") return make(name.at, 0, Literal{Value::boolean(false)});
    if (s == "none" || s == "None") return make(name.at, 0, Literal{Value::none()});
    note_name(s, true);
    return make(name.at, 0, Name{s});
}

Expr Parser::parse_number() {
    const Lexeme number = take();
    if (number.token == Token::real) {
        const auto value = parse_float(number.text);
        return make(number.at, 0, Literal{Value::real(value.value_or(0))});
    }
    auto value = parse_int(number.text, 0, limits_.integer_bits);
    if (!value)
        throw Failure{ErrorKind::limit,
                      fmt::format("integer wider than {} bits", limits_.integer_bits), number.at};
    return make(number.at, 0, Literal{std::move(*value)});
}

Expr Parser::parse_list() {
    const Position at = take().at;
    std::vector<Expr> items;
    while (!at_op("]")) {
        if (!items.empty()) expect_op(",");
        if (at_op("]")) break;
        items.push_back(parse_expression());
    }
    expect_op("]");
    const uint32_t height = highest(items);
    return make(at, height, ListDisplay{std::move(items)});
}

Expr Parser::parse_map() {
    const Position at = take().at;
    MapDisplay map;
    uint32_t height = 0;
    while (!at_op("}")) {
        if (!map.items.empty()) expect_op(",");
        if (at_op("}")) break;
        Expr key = parse_expression();
        expect_op(":");
        Expr value = parse_expression();
        height = std::max({height, key.height, value.height});
        map.items.push_back({std::move(key), std::move(value)});
    }
    expect_op("}");
    return make(at, height, std::move(map));
}

Expr Parser::parse_postfix(Expr expr) {
    while (true) {
        if (at_op(".")) {
            expr = parse_attribute(std::move(expr));
        } else if (at_op("[")) {
            expr = parse_subscript(std::move(expr));
        } else if (at_op("(")) {
            const Position at = current().at;
            uint32_t height = expr.height;
            Arguments arguments = parse_arguments(height);
            expr = make(at, height, Call{boxed(std::move(expr)), std::move(arguments)});
        } else {
            return expr;
        }
    }
}

Expr Parser::parse_attribute(Expr object) {
    const Position at = take().at;
    const Lexeme name = take();
    const uint32_t height = object.height;
    if (name.token == Token::name)
        return make(at, height, Attribute{boxed(std::move(object)), name.text});
    if (name.token != Token::integer) {
        throw Failure{ErrorKind::syntax, "expected name or number", name.at};
    }
    auto index = parse_int(name.text, 0, limits_.integer_bits);
    Expr key = make(name.at, 0, Literal{index ? std::move(*index) : Value::none()});
    return make(at, height, Subscript{boxed(std::move(object)), boxed(std::move(key))});
}

Expr Parser::parse_subscript(Expr object) {
    const Position at = take().at;
    if (at_op(":")) return parse_slice(std::move(object), {}, false);
    Expr key = at_op("]") ? make(at, 0, TupleDisplay{}) : parse_expression();
    if (at_op(":")) return parse_slice(std::move(object), std::move(key), true);
    if (at_op(",")) {
        std::vector<Expr> items;
        items.push_back(std::move(key));
        while (skip_op(",")) items.push_back(parse_expression());
        const uint32_t height = highest(items);
        key = make(at, height, TupleDisplay{std::move(items)});
    }
    expect_op("]");
    const uint32_t height = std::max(object.height, key.height);
    return make(at, height, Subscript{boxed(std::move(object)), boxed(std::move(key))});
}

Expr Parser::parse_slice(Expr object, Expr start, bool has_start) {
    const Position at = current().at;
    Slice slice;
    uint32_t height = object.height;
    slice.object = boxed(std::move(object));
    if (has_start) {
        height = std::max(height, start.height);
        slice.start = boxed(std::move(start));
    }
    const auto part = [&]() -> ExprPtr {
        if (at_op("]") || at_op(":")) return nullptr;
        Expr e = parse_expression();
        height = std::max(height, e.height);
        return boxed(std::move(e));
    };
    expect_op(":");
    slice.stop = part();
    if (skip_op(":")) slice.step = part();
    expect_op("]");
    return make(at, height, std::move(slice));
}

/// Calls may follow filters and tests as well: x|f(1)(2).
Expr Parser::parse_filters_and_tests(Expr expr) {
    while (true) {
        if (skip_op("|")) {
            expr = parse_filter(boxed(std::move(expr)));
        } else if (at_name("is")) {
            expr = parse_test(std::move(expr));
        } else if (at_op("(")) {
            const Position at = current().at;
            uint32_t height = expr.height;
            Arguments arguments = parse_arguments(height);
            expr = make(at, height, Call{boxed(std::move(expr)), std::move(arguments)});
        } else {
            return expr;
        }
    }
}

std::string Parser::parse_dotted_name() {
    std::string name = expect_identifier();
    while (skip_op(".")) (name += '.') += expect_identifier();
    return name;
}

Expr Parser::parse_filter(ExprPtr operand) {
    const Position at = current().at;
    uint32_t height = operand ? operand->height : 0;
    Filter filter{std::move(operand), parse_dotted_name(), {}};
    if (at_op("(")) filter.arguments = parse_arguments(height);
    return make(at, height, std::move(filter));
}

/// f|g(1)|h applied to what a block supplies.
Expr Parser::parse_filter_chain() {
    Expr expr = parse_filter(nullptr);
    while (skip_op("|")) expr = parse_filter(boxed(std::move(expr)));
    return expr;
}

bool Parser::at_test_operand() const {
    switch (current().token) {
        case Token::string:
        case Token::integer:
        case Token::real:
            return true;
        case Token::name:
            return !at_name("else") && !at_name("or") && !at_name("and");
        default:
            return at_op("(") || at_op("[") || at_op("{");
    }
}

Expr Parser::parse_test(Expr operand) {
    const Position at = take().at;
    const bool negated = skip_name("not");
    uint32_t height = operand.height;
    Test test{boxed(std::move(operand)), parse_dotted_name(), {}, negated};
    if (at_op("(")) {
        test.arguments = parse_arguments(height);
    } else if (at_test_operand()) {
        if (at_name("is")) fail("You cannot chain multiple tests with is");
        // As in Jinja, any name but else, or, and is the operand: `x is defined if y` does not
        // parse.
        Expr argument = parse_postfix(parse_primary());
        height = std::max(height, argument.height);
        test.arguments.positional.push_back(std::move(argument));
    }
    return make(at, height, std::move(test));
}

Arguments Parser::parse_arguments(uint32_t& height) {
    Arguments arguments;
    expect_op("(");
    bool comma_needed = false;
    const auto value = [&] {
        Expr e = parse_expression();
        height = std::max(height, e.height);
        return e;
    };
    while (!at_op(")")) {
        if (comma_needed) {
            expect_op(",");
            if (at_op(")")) break;
        }
        comma_needed = true;
        const bool only_named_left = arguments.rest || arguments.named_rest;
        if (at_op("*") && !only_named_left) {
            take();
            arguments.rest = boxed(value());
        } else if (at_op("**") && !arguments.named_rest) {
            take();
            arguments.named_rest = boxed(value());
        } else if (current().token == Token::name && ahead().token == Token::op &&
                   ahead().text == "=" && !arguments.named_rest) {
            std::string name = take().text;
            take();
            check_arguments(arguments.named.size());
            for (const NamedArgument& other : arguments.named)
                if (other.name == name) fail("keyword argument repeated: {}", name);
            arguments.named.push_back({std::move(name), boxed(value())});
        } else if (!only_named_left && arguments.named.empty()) {
            arguments.positional.push_back(value());
        } else {
            fail("invalid syntax for function call expression");
        }
    }
    expect_op(")");
    return arguments;
}

}  // namespace m2w::jinja
