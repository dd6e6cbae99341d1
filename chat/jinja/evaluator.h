// evaluator.h — runs a syntax tree: scopes, statements, expressions, macros. Owned by one
// rendering.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "chat/jinja/ast.h"
#include "chat/jinja/runtime.h"

namespace m2w::jinja {

/// The names of one block. Macros keep the scope they were defined in, so scopes are shared.
class Scope final : public Object {
  public:
    explicit Scope(Ref<Scope> outer) : outer_(std::move(outer)) {}

    const Value* find(std::string_view name) const;  // here only
    const Scope* outer() const { return outer_.get(); }
    /// name must outlive the rendering: names are those of the syntax tree.
    void set(std::string_view name, Value value) {
        names_.insert_or_assign(name, std::move(value));
    }
    void clear() { names_.clear(); }
    void drop_references() override {
        names_.clear();
        outer_ = {};
    }

  private:
    std::map<std::string_view, Value> names_;
    Ref<Scope> outer_;
};

class LoopObject;

class Evaluator {
  public:
    /// globals: a map of the rendering's variables, already imported.
    Evaluator(Runtime& rt, const ast::Module& module, Value globals);

    /// The rendered text. Throws Failure.
    std::string run();

    // --- for macros, loops and blocks as values
    Runtime& runtime() { return rt_; }
    /// Runs a macro or call block and returns its text.
    Value call_function(const ast::Signature& signature, const ast::Body& body,
                        const Ref<Scope>& closure, CallArguments& arguments);
    /// Renders a loop over something else: loop(children) in a recursive loop.
    Value recurse(const ast::For& loop, const Ref<Scope>& scope, const Value& iterable,
                  int64_t depth0);
    /// Whether the loop's condition holds for an element.
    bool passes_condition(const ast::For& loop, const Ref<Scope>& scope, const Value& element);
    Value render_block(const ast::Block& block);

  private:
    enum class Flow : uint8_t { normal, break_loop, continue_loop };
    friend class ScopeGuard;
    friend class CaptureGuard;

    // --- statements (eval_stmt.cpp)
    Flow exec(const ast::Body& body);
    Flow exec(const ast::Stmt&, const ast::Text& n);
    Flow exec(const ast::Stmt&, const ast::Output& n);
    Flow exec(const ast::Stmt&, const ast::If& n);
    Flow exec(const ast::Stmt&, const ast::For& n);
    Flow exec(const ast::Stmt&, const ast::Set& n);
    Flow exec(const ast::Stmt&, const ast::SetBlock& n);
    Flow exec(const ast::Stmt&, const ast::Macro& n);
    Flow exec(const ast::Stmt&, const ast::CallBlock& n);
    Flow exec(const ast::Stmt&, const ast::FilterBlock& n);
    Flow exec(const ast::Stmt&, const ast::With& n);
    Flow exec(const ast::Stmt&, const ast::Block& n);
    Flow exec(const ast::Stmt&, const ast::Autoescape& n);
    Flow exec(const ast::Stmt&, const ast::Generation& n);
    Flow exec(const ast::Stmt&, const ast::Break&) { return Flow::break_loop; }
    Flow exec(const ast::Stmt&, const ast::Continue&) { return Flow::continue_loop; }
    Flow run_loop(const ast::For& n, const Value& iterable, int64_t depth0);
    void assign(const ast::Target& target, const Value& value);
    void write(std::string_view text);
    void write_value(const Value& v);
    /// Runs a body in a scope of its own and returns its text.
    Flow capture(const ast::Body& body, std::string& text);
    Ref<Scope> new_scope(const Ref<Scope>& outer) { return rt_.make<Scope>(outer); }

    // --- expressions (eval_expr.cpp)
    Value eval(const ast::Expr& e);
    Value eval(const ast::Expr& e, const ast::Literal& n);
    Value eval(const ast::Expr& e, const ast::Name& n);
    Value eval(const ast::Expr& e, const ast::ListDisplay& n);
    Value eval(const ast::Expr& e, const ast::TupleDisplay& n);
    Value eval(const ast::Expr& e, const ast::MapDisplay& n);
    Value eval(const ast::Expr& e, const ast::Unary& n);
    Value eval(const ast::Expr& e, const ast::Binary& n);
    Value eval(const ast::Expr& e, const ast::Compare& n);
    Value eval(const ast::Expr& e, const ast::Logic& n);
    Value eval(const ast::Expr& e, const ast::Concat& n);
    Value eval(const ast::Expr& e, const ast::Conditional& n);
    Value eval(const ast::Expr& e, const ast::Attribute& n);
    Value eval(const ast::Expr& e, const ast::Subscript& n);
    Value eval(const ast::Expr& e, const ast::Slice& n);
    Value eval(const ast::Expr& e, const ast::Call& n);
    Value eval(const ast::Expr& e, const ast::Filter& n);
    Value eval(const ast::Expr& e, const ast::Test& n);
    std::vector<Value> eval_all(const std::vector<ast::Expr>& items);
    CallArguments eval_arguments(const ast::Arguments& arguments);
    Value apply_filters(const ast::Expr& chain, Value subject);
    Value lookup(std::string_view name);

    Runtime& rt_;
    const ast::Module& module_;
    Value globals_;
    Ref<Scope> top_;    // what the template sets outside of all blocks
    Ref<Scope> scope_;  // the innermost one
    Value self_;        // made when it is first read
    std::string* out_ = nullptr;
    uint64_t out_limit_ = 0;
    uint64_t out_bytes_ = 0;  // that the heap counts for *out_
};

/// Makes a scope the innermost one while it lives.
class ScopeGuard {
  public:
    ScopeGuard(Evaluator& evaluator, Ref<Scope> scope)
        : evaluator_(evaluator), saved_(std::move(scope)) {
        std::swap(evaluator_.scope_, saved_);
    }
    ~ScopeGuard() { std::swap(evaluator_.scope_, saved_); }
    ScopeGuard(const ScopeGuard&) = delete;
    ScopeGuard& operator=(const ScopeGuard&) = delete;

  private:
    Evaluator& evaluator_;
    Ref<Scope> saved_;
};

/// Sends output to a string while it lives; the heap counts it as long.
class CaptureGuard {
  public:
    CaptureGuard(Evaluator& evaluator, std::string& text, uint64_t limit)
        : evaluator_(evaluator), saved_out_(&text), saved_limit_(limit) {
        swap();
    }
    ~CaptureGuard() {
        evaluator_.rt_.heap().release(evaluator_.out_bytes_);
        swap();
    }
    CaptureGuard(const CaptureGuard&) = delete;
    CaptureGuard& operator=(const CaptureGuard&) = delete;

  private:
    void swap() {
        std::swap(evaluator_.out_, saved_out_);
        std::swap(evaluator_.out_limit_, saved_limit_);
        std::swap(evaluator_.out_bytes_, saved_bytes_);
    }
    Evaluator& evaluator_;
    std::string* saved_out_;
    uint64_t saved_limit_;
    uint64_t saved_bytes_ = 0;
};

/// Counts a running macro, call block or recursive loop while it lives.
class CallGuard {
  public:
    explicit CallGuard(Runtime& rt) : rt_(rt) {
        if (++rt_.call_depth <= rt_.limits().call_depth) return;
        --rt_.call_depth;
        rt_.fail(ErrorKind::limit, "maximum recursion depth exceeded ({} calls)",
                 rt_.limits().call_depth);
    }
    ~CallGuard() { --rt_.call_depth; }
    CallGuard(const CallGuard&) = delete;
    CallGuard& operator=(const CallGuard&) = delete;

  private:
    Runtime& rt_;
};

/// A macro, or the body of a call block, as a value.
class MacroObject final : public Opaque {
  public:
    MacroObject(Evaluator& evaluator, const ast::Signature& signature, const ast::Body& body,
                Ref<Scope> closure)
        : evaluator_(evaluator), signature_(signature), body_(body), closure_(std::move(closure)) {}

    std::string_view type_name() const override { return "Macro"; }
    std::string repr(Runtime& rt) const override;
    std::optional<Value> attribute(Runtime& rt, std::string_view name) override;
    bool callable() const override { return true; }
    Value call(Runtime&, CallArguments& arguments) override {
        return evaluator_.call_function(signature_, body_, closure_, arguments);
    }
    void drop_references() override { closure_ = {}; }

  private:
    Evaluator& evaluator_;
    const ast::Signature& signature_;
    const ast::Body& body_;
    Ref<Scope> closure_;
};

}  // namespace m2w::jinja
