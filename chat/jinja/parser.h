// parser.h — tokens to syntax tree. Knows the grammar and the nesting limits; evaluates nothing.
#pragma once
#include <fmt/core.h>

#include <functional>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "chat/jinja/ast.h"
#include "chat/jinja/lexer.h"
#include "chat/jinja/limits.h"

namespace m2w::jinja {

/// Recursive descent over the tokens of one template. Expressions: parser_expr.cpp; statements:
/// parser_stmt.cpp. Every function throws Failure (syntax, limit).
class Parser {
  public:
    Parser(std::vector<Lexeme> tokens, const Limits& limits)
        : tokens_(std::move(tokens)), limits_(limits) {}

    ast::Module parse_module();

  private:
    /// Counts nested constructs while it lives.
    class Nesting {
      public:
        explicit Nesting(Parser& parser);
        ~Nesting() { --parser_.depth_; }
        Nesting(const Nesting&) = delete;
        Nesting& operator=(const Nesting&) = delete;

      private:
        Parser& parser_;
    };

    // --- tokens (parser_stmt.cpp)
    const Lexeme& current() const { return tokens_[at_]; }
    const Lexeme& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
    Lexeme take() { return at_ + 1 < tokens_.size() ? std::move(tokens_[at_++]) : tokens_[at_]; }
    bool at_op(std::string_view op) const;
    bool at_name(std::string_view name) const;
    bool skip_op(std::string_view op);
    bool skip_name(std::string_view name);
    void expect_op(std::string_view op);
    void expect_name(std::string_view name);
    std::string expect_identifier();
    template <class... A>
    [[noreturn]] void fail(fmt::format_string<A...> format, A&&... args) const {
        throw Failure{ErrorKind::syntax, fmt::format(format, std::forward<A>(args)...),
                      current().at};
    }
    [[noreturn]] void fail_unexpected(std::string_view expected) const;

    // --- statements
    ast::Body parse_body(std::initializer_list<std::string_view> ends);
    void parse_statement(ast::Body& out);
    void end_statement();
    ast::Body parse_block_body(std::string_view end);
    ast::If parse_if();
    ast::For parse_for();
    void parse_set(ast::Body& out, Position at);
    ast::Macro parse_macro();
    ast::CallBlock parse_call_block();
    ast::With parse_with();
    ast::Block parse_block();
    void parse_print(ast::Body& out, Position at);
    void parse_signature(ast::Signature& signature);
    ast::Body parse_function_body(ast::Signature& signature, std::string_view end);
    ast::Target parse_target(bool is_set);
    ast::Target parse_target_item(bool is_set);
    std::string parse_new_name();
    void note_name(std::string_view name, bool is_load);

    // --- expressions; each level binds tighter than the one before
    ast::Expr parse_expression() { return parse_conditional(); }
    ast::Expr parse_tuple(bool with_conditional, bool in_parentheses);
    bool at_tuple_end() const;
    ast::Expr parse_conditional();
    ast::Expr parse_or();
    ast::Expr parse_and();
    ast::Expr parse_not();
    ast::Expr parse_compare();
    ast::Expr parse_sum();
    ast::Expr parse_concat();
    ast::Expr parse_product();
    ast::Expr parse_power();
    ast::Expr parse_unary(bool with_filters);
    ast::Expr parse_primary();
    ast::Expr parse_name_or_constant();
    ast::Expr parse_number();
    ast::Expr parse_list();
    ast::Expr parse_map();
    ast::Expr parse_postfix(ast::Expr expr);
    ast::Expr parse_attribute(ast::Expr object);
    ast::Expr parse_subscript(ast::Expr object);
    ast::Expr parse_slice(ast::Expr object, ast::Expr start, bool has_start);
    ast::Expr parse_filters_and_tests(ast::Expr expr);
    ast::Expr parse_filter(ast::ExprPtr operand);
    ast::Expr parse_filter_chain();
    ast::Expr parse_test(ast::Expr operand);
    bool at_test_operand() const;
    std::string parse_dotted_name();
    ast::Arguments parse_arguments(uint32_t& height);
    bool at_compare_op(ast::CompareOp& op, int& tokens) const;

    /// A node whose highest child has the given height.
    template <class Node>
    ast::Expr make(Position at, uint32_t child_height, Node node) {
        return {at, checked_height(child_height), std::move(node)};
    }
    uint32_t checked_height(uint32_t child_height) const;
    /// Fails when a macro or a call already has as many parameters or keywords as it may have.
    void check_arguments(size_t count) const;

    std::vector<Lexeme> tokens_;
    Limits limits_;
    size_t at_ = 0;
    uint32_t depth_ = 0;
    /// A macro or call block under way: which of its special names were assigned before they were
    /// read.
    struct Function {
        ast::Signature* signature;
        bool hides_varargs = false, hides_kwargs = false, hides_caller = false;
    };
    std::vector<Function> functions_;
    uint32_t loops_ = 0;      // loops around, inside the same function: what break may end
    uint32_t all_loops_ = 0;  // loops around
    std::set<std::string, std::less<>> block_names_;
};

}  // namespace m2w::jinja
