// template_writer.h — what the two halves of the template printer share: scopes, symbols and the
// text under way. Statements are in template_printer.cpp, expressions in template_expressions.cpp.
#pragma once
#include <fmt/format.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "chat/jinja/ast.h"
#include "chat/jinja/builtins.h"
#include "web-export/script_text.h"

namespace m2w::web {

/// A printed expression: its text, what it is known to be, and how tightly it binds.
struct Code {
    enum class Type : uint8_t { any, boolean, text };
    enum class Binds : uint8_t { atom, unary, sum, comparison, conjunction, disjunction, loosest };

    std::string text;
    Type type = Type::any;
    Binds binds = Binds::atom;
};

/// A variable of the template and the one that it became.
struct Symbol {
    std::string name;                       // in TypeScript
    const jinja::ast::For* loop = nullptr;  // whose `loop` it is
    bool declared = false;                  // a declaration was printed where it is first assigned
    bool hoisted = false;                   // it is declared at the start of its scope
    bool read_early = false;  // read before it was assigned: begins with the value around it
    bool used = false, assigned = false;
    std::string recurse;  // the function of a recursive loop
};

/// The names of one block, innermost first.
struct Scope {
    Scope* outer = nullptr;
    std::map<std::string, Symbol, std::less<>> names;
    std::vector<std::string> order;  // of declaration
};

class TemplateWriter {
  public:
    /// The body of a render function.
    std::string print(const jinja::ast::Module& module);
    /// Why there is none, with a line.
    const std::optional<std::string>& error() const { return error_; }

  private:
    std::string print_once(const jinja::ast::Module& module);
    // --- statements (template_printer.cpp)
    std::string scoped_body(const jinja::ast::Body& body, Scope& scope);
    void body(const jinja::ast::Body& body, bool own_block);
    void print(const jinja::ast::Text& n);
    void print(const jinja::ast::Output& n);
    void print(const jinja::ast::If& n);
    void print(const jinja::ast::For& n);
    void print(const jinja::ast::Set& n);
    void print(const jinja::ast::SetBlock& n);
    void print(const jinja::ast::Macro& n);
    void print(const jinja::ast::CallBlock& n);
    void print(const jinja::ast::FilterBlock& n);
    void print(const jinja::ast::With& n);
    void print(const jinja::ast::Block& n);
    void print(const jinja::ast::Autoescape& n);
    void print(const jinja::ast::Generation& n);
    void print(const jinja::ast::Break&) { line("break;"); }
    void print(const jinja::ast::Continue&) { line("continue;"); }
    void block(const jinja::ast::Body& body, Scope* outer);
    std::string captured(const jinja::ast::Body& body, Scope& scope, const std::string& out);
    void loop(const jinja::ast::For& n, const std::string& iterable, const std::string& recurse,
              const std::string& depth);
    std::string filtered(const jinja::ast::For& n);
    std::string macro(const jinja::ast::Signature& signature, const jinja::ast::Body& body);
    void assign(const jinja::ast::Target& target, const std::string& value);
    void unpack(const jinja::ast::Target& target, const std::string& value);
    void declare_target(const jinja::ast::Target& target, Scope& scope);
    void line(std::string_view text);

    // --- names
    Symbol& declare(Scope& scope, std::string_view name);
    void declare_assigned(const jinja::ast::Body& body, Scope& scope);
    std::string fresh(const Scope* scope, std::string_view name) const;
    std::string temporary(std::string_view name);
    Symbol* find(std::string_view name);
    std::string read(std::string_view name);
    bool is_function(std::string_view name);

    // --- expressions (template_expressions.cpp)
    std::string value(const jinja::ast::Expr& e) { return code(e).text; }
    std::string text(const jinja::ast::Expr& e) { return as_text(code(e)); }
    std::string condition(const jinja::ast::Expr& e) { return truth(e).text; }
    Code code(const jinja::ast::Expr& e);
    Code truth(const jinja::ast::Expr& e);
    std::string as_text(const Code& c) const;
    Code code(const jinja::ast::Expr& e, const jinja::ast::Literal& n);
    Code code(const jinja::ast::Expr& e, const jinja::ast::Name& n);
    Code code(const jinja::ast::Expr& e, const jinja::ast::ListDisplay& n);
    Code code(const jinja::ast::Expr& e, const jinja::ast::TupleDisplay& n);
    Code code(const jinja::ast::Expr& e, const jinja::ast::MapDisplay& n);
    Code code(const jinja::ast::Expr& e, const jinja::ast::Unary& n);
    Code code(const jinja::ast::Expr& e, const jinja::ast::Binary& n);
    Code code(const jinja::ast::Expr& e, const jinja::ast::Compare& n);
    Code code(const jinja::ast::Expr& e, const jinja::ast::Logic& n);
    Code code(const jinja::ast::Expr& e, const jinja::ast::Concat& n);
    Code code(const jinja::ast::Expr& e, const jinja::ast::Conditional& n);
    Code code(const jinja::ast::Expr& e, const jinja::ast::Attribute& n);
    Code loop_attribute(Symbol& symbol, std::string_view name);
    Code code(const jinja::ast::Expr& e, const jinja::ast::Subscript& n);
    Code code(const jinja::ast::Expr& e, const jinja::ast::Slice& n);
    Code code(const jinja::ast::Expr& e, const jinja::ast::Call& n);
    Code code(const jinja::ast::Expr& e, const jinja::ast::Filter& n);
    Code code(const jinja::ast::Expr& e, const jinja::ast::Test& n);
    Code comparison(jinja::ast::CompareOp op, const Code& a, const Code& b) const;
    Code filter(const jinja::ast::Expr& e, const jinja::ast::Filter& n, const Code& subject);
    std::string filter_chain(const jinja::ast::Expr& chain, const std::string& innermost);
    Code map_filter(const jinja::ast::Expr& e, const jinja::ast::Filter& n, const Code& subject);
    Code select_filter(const jinja::ast::Expr& e, const jinja::ast::Filter& n, const Code& subject);
    Code function_call(const jinja::ast::Expr& e, std::string_view name,
                       const jinja::ast::Arguments& arguments);
    std::string bind(const jinja::ast::Expr& e, const jinja::Builtin& b, std::string function,
                     const std::string* subject, const jinja::ast::Arguments& arguments);
    std::string positional(const jinja::ast::Arguments& arguments, size_t from = 0);
    std::string named(const jinja::ast::Arguments& arguments, std::string_view further = {});
    std::string unsupported(jinja::Position at, std::string_view what);

    // What a first printing finds out and a second one knows.
    bool may_be_safe_ = false;                      // texts may be marked as safe HTML
    std::set<const jinja::ast::For*> whole_loops_;  // ask for more of `loop` than the index

    std::optional<std::string> error_;
    Scope* scope_ = nullptr;
    Scope* top_ = nullptr;
    std::string out_;  // the text printed so far
    std::string out_name_ = "out";
    size_t indent_ = 1;
    size_t temporaries_ = 0;
    bool own_block_ = true;  // whether a declaration printed now is seen by the rest of the scope
};

}  // namespace m2w::web
