// template_printer.cpp — statements: output, branches, loops, assignments, macros, blocks; and the
// variables that a template's names become. A block of Jinja begins with the values around it and
// keeps its own changes, so a name that it assigns is a variable of its own there.
#include "web-export/template_printer.h"

#include <algorithm>
#include <utility>

#include "web-export/template_writer.h"

namespace m2w::web {

using namespace jinja::ast;

namespace {

// What a printed function has in scope beside the template's variables.
constexpr std::string_view kTaken[] = {
    "g",         "messages",       "options",         "out",      "py", "render", "tools", "Value",
    "undefined", "renderStandard", "renderWithTools", "Infinity", "NaN"};

}  // namespace

// --- names

std::string TemplateWriter::fresh(const Scope* scope, std::string_view name) const {
    const std::string base = script_variable(name);
    const auto taken = [&](const std::string& candidate) {
        if (std::ranges::find(kTaken, candidate) != std::end(kTaken)) return true;
        for (const Scope* s = scope; s; s = s->outer)
            for (const auto& [_, symbol] : s->names)
                if (symbol.name == candidate || symbol.recurse == candidate) return true;
        return false;
    };
    std::string candidate = base;
    for (size_t i = 1; taken(candidate); ++i) candidate = fmt::format("{}_{}", base, i);
    return candidate;
}

/// No template variable ends in $ and a number.
std::string TemplateWriter::temporary(std::string_view name) {
    return fmt::format("{}${}", name, ++temporaries_);
}

Symbol& TemplateWriter::declare(Scope& scope, std::string_view name) {
    const auto found = scope.names.find(name);
    if (found != scope.names.end()) return found->second;
    Symbol symbol;
    symbol.name = fresh(&scope, name);
    scope.order.emplace_back(name);
    return scope.names.emplace(name, std::move(symbol)).first->second;
}

void TemplateWriter::declare_target(const Target& target, Scope& scope) {
    for (const Target& part : target.parts) declare_target(part, scope);
    if (!target.is_tuple && target.attribute.empty()) declare(scope, target.name);
}

/// Names that a body assigns in its own scope: branches have none of their own.
void TemplateWriter::declare_assigned(const Body& body, Scope& scope) {
    for (const Stmt& stmt : body) {
        if (const auto* set = std::get_if<Set>(&stmt.node)) declare_target(set->target, scope);
        if (const auto* set = std::get_if<SetBlock>(&stmt.node)) declare_target(set->target, scope);
        if (const auto* macro = std::get_if<Macro>(&stmt.node))
            declare(scope, macro->signature.name);
        if (const auto* branches = std::get_if<If>(&stmt.node)) {
            for (const If::Branch& branch : branches->branches)
                declare_assigned(branch.body, scope);
            declare_assigned(branches->otherwise, scope);
        }
    }
}

Symbol* TemplateWriter::find(std::string_view name) {
    for (Scope* s = scope_; s; s = s->outer) {
        const auto found = s->names.find(name);
        if (found != s->names.end()) return &found->second;
    }
    return nullptr;
}

bool TemplateWriter::is_function(std::string_view name) {
    return !find(name) && jinja::find_function(name);
}

std::string TemplateWriter::read(std::string_view name) {
    if (Symbol* symbol = find(name)) {
        if (!symbol->declared) symbol->hoisted = symbol->read_early = true;
        symbol->used = true;
        if (symbol->loop) whole_loops_.insert(symbol->loop);
        return symbol->name;
    }
    if (const jinja::Builtin* function = jinja::find_function(name)) {
        if (name == "lipsum") return "py.builtin(() => py.fail('lipsum() is random'))";
        return function->variadic ? fmt::format("py.global_{}", name)
                                  : fmt::format("py.builtin(py.global_{})", name);
    }
    return is_script_property(name) ? fmt::format("g.{}", name)
                                    : fmt::format("g[{}]", script_string(name));
}

// --- blocks

void TemplateWriter::line(std::string_view text) {
    out_.append(indent_ * 2, ' ');
    out_ += text;
    out_ += '\n';
}

/// A body with the declarations of its scope in front.
std::string TemplateWriter::scoped_body(const Body& statements, Scope& scope) {
    const std::string around = std::exchange(out_, {});
    Scope* const outer = std::exchange(scope_, &scope);
    declare_assigned(statements, scope);
    body(statements, true);
    std::string printed = std::exchange(out_, {});
    // Initial values are those around, and reading them may hoist their declarations in turn.
    scope_ = scope.outer;
    for (const std::string& name : scope.order) {
        const Symbol& symbol = scope.names.find(name)->second;
        if (symbol.hoisted)
            line(symbol.read_early ? fmt::format("let {}: Value = {};", symbol.name, read(name))
                                   : fmt::format("let {}: Value;", symbol.name));
    }
    printed.insert(0, out_);
    out_ = around;
    scope_ = outer;
    return printed;
}

void TemplateWriter::body(const Body& statements, bool own_block) {
    const bool outer = std::exchange(own_block_, own_block);
    for (const Stmt& stmt : statements) {
        std::visit([&](const auto& n) { print(n); }, stmt.node);
        own_block_ = own_block;
    }
    own_block_ = outer;
}

/// A block of its own scope.
void TemplateWriter::block(const Body& statements, Scope* outer) {
    Scope scope{outer};
    line("{");
    ++indent_;
    out_ += scoped_body(statements, scope);
    --indent_;
    line("}");
}

/// A body that writes to a text of its own.
std::string TemplateWriter::captured(const Body& statements, Scope& scope, const std::string& out) {
    const std::string outer = std::exchange(out_name_, out);
    const std::string printed = fmt::format("{}let {} = '';\n", std::string(indent_ * 2, ' '), out);
    const std::string rest = scoped_body(statements, scope);
    out_name_ = outer;
    return printed + rest;
}

std::string TemplateWriter::print_once(const Module& module) {
    temporaries_ = 0;
    Scope scope;
    scope_ = top_ = &scope;
    return captured(module.body, scope, "out") + "  return out;\n";
}

std::string TemplateWriter::print(const Module& module) {
    print_once(module);
    return print_once(module);
}

// --- statements

void TemplateWriter::print(const Text& n) {
    line(fmt::format("{} += {};", out_name_, script_string(n.text)));
}

void TemplateWriter::print(const Output& n) {
    line(fmt::format("{} += {};", out_name_, text(n.value)));
}

void TemplateWriter::print(const If& n) {
    std::string_view keyword = "if";
    for (const If::Branch& branch : n.branches) {
        line(fmt::format("{} ({}) {{", keyword, condition(branch.condition)));
        ++indent_;
        body(branch.body, false);
        --indent_;
        keyword = "} else if";
    }
    if (!n.otherwise.empty()) {
        line("} else {");
        ++indent_;
        body(n.otherwise, false);
        --indent_;
    }
    line("}");
}

void TemplateWriter::unpack(const Target& target, const std::string& value) {
    std::string names;
    std::vector<std::pair<const Target*, std::string>> rest;
    for (const Target& part : target.parts) {
        Symbol* symbol = part.is_tuple || !part.attribute.empty() ? nullptr : find(part.name);
        // A variable that is declared elsewhere is assigned from a temporary.
        const bool fresh_name = symbol && !symbol->declared && !symbol->hoisted && own_block_;
        if (fresh_name) symbol->declared = true;
        const std::string name = fresh_name ? symbol->name : temporary("part");
        if (!fresh_name) rest.emplace_back(&part, name);
        names += (names.empty() ? "" : ", ") + name;
    }
    line(fmt::format("let [{}] = py.unpack({}, {});", names, value, target.parts.size()));
    for (const auto& [part, name] : rest) assign(*part, name);
}

void TemplateWriter::assign(const Target& target, const std::string& value) {
    if (target.is_tuple) return unpack(target, value);
    if (!target.attribute.empty())
        return line(fmt::format("py.setAttr({}, {}, {});", read(target.name),
                                script_string(target.attribute), value));
    Symbol& symbol = *find(target.name);
    if (!symbol.declared && !symbol.hoisted && own_block_) {
        symbol.declared = true;
        return line(fmt::format("let {}: Value = {};", symbol.name, value));
    }
    if (!symbol.declared) symbol.hoisted = true;
    symbol.assigned = true;
    line(fmt::format("{} = {};", symbol.name, value));
}

void TemplateWriter::print(const Set& n) {
    assign(n.target, value(n.value));
}

void TemplateWriter::print(const SetBlock& n) {
    Scope scope{scope_};
    const std::string out = temporary("out");
    line(fmt::format("let {} = '';", out));
    line("{");
    ++indent_;
    const std::string outer = std::exchange(out_name_, out);
    out_ += scoped_body(n.body, scope);
    out_name_ = outer;
    --indent_;
    line("}");
    assign(n.target, n.filter ? filter_chain(*n.filter, out) : out);
}

void TemplateWriter::print(const FilterBlock& n) {
    Scope scope{scope_};
    const std::string out = temporary("out");
    line("{");
    ++indent_;
    out_ += captured(n.body, scope, out);
    line(fmt::format("{} += py.str({});", out_name_, filter_chain(n.filter, out)));
    --indent_;
    line("}");
}

void TemplateWriter::print(const With& n) {
    Scope scope{scope_};
    std::vector<std::string> values;
    for (const auto& [target, expr] : n.bindings) {
        values.push_back(value(expr));
        declare_target(target, scope);
    }
    line("{");
    ++indent_;
    Scope* const outer = std::exchange(scope_, &scope);
    const bool own = std::exchange(own_block_, true);
    for (size_t i = 0; i < values.size(); ++i) assign(n.bindings[i].first, values[i]);
    scope_ = outer;
    out_ += scoped_body(n.body, scope);
    own_block_ = own;
    --indent_;
    line("}");
}

void TemplateWriter::print(const Generation& n) {
    block(n.body, scope_);
}

void TemplateWriter::print(const Block& n) {
    block(n.body, n.scoped ? scope_ : top_);
}

void TemplateWriter::print(const Autoescape& n) {
    unsupported(n.enabled.at, "autoescape");
}

// --- loops

/// The iterable of a loop, reduced to what its condition lets through.
std::string TemplateWriter::filtered(const For& n) {
    std::string iterable = value(n.iterable);
    if (!n.condition) return iterable;
    Scope scope{scope_};
    declare_target(n.target, scope);
    Scope* const outer = std::exchange(scope_, &scope);
    const bool own = std::exchange(own_block_, true);
    std::string printed;
    if (!n.target.is_tuple) {
        Symbol& symbol = *find(n.target.name);
        symbol.declared = true;
        printed = fmt::format("({}) => {}", symbol.name, condition(*n.condition));
    } else {
        const std::string around = std::exchange(out_, {});
        const std::string element = temporary("element");
        ++indent_;
        unpack(n.target, element);
        line(fmt::format("return {};", condition(*n.condition)));
        --indent_;
        printed = fmt::format("({}) => {{\n{}{}}}", element, std::exchange(out_, around),
                              std::string(indent_ * 2, ' '));
    }
    own_block_ = own;
    scope_ = outer;
    return fmt::format("py.where({}, {})", iterable, printed);
}

void TemplateWriter::print(const For& n) {
    if (!n.recursive) return loop(n, filtered(n), "", "");
    if (n.condition) {
        unsupported(n.iterable.at, "a condition in a recursive loop");
        return;
    }
    const std::string recurse = temporary("recurse"), out = temporary("out"),
                      items = temporary("items"), depth = temporary("depth");
    line(fmt::format("const {} = ({}: Value, {}: number): string => {{", recurse, items, depth));
    ++indent_;
    line(fmt::format("let {} = '';", out));
    const std::string outer = std::exchange(out_name_, out);
    loop(n, items, recurse, depth);
    line(fmt::format("return {};", out));
    out_name_ = outer;
    --indent_;
    line("};");
    line(fmt::format("{} += {}({}, 0);", out_name_, recurse, value(n.iterable)));
}

/// recurse: the function around a recursive loop, or empty; depth: its parameter.
void TemplateWriter::loop(const For& n, const std::string& iterable, const std::string& recurse,
                          const std::string& depth) {
    const std::string empty = n.otherwise.empty() ? "" : temporary("empty");
    if (!empty.empty()) line(fmt::format("let {} = true;", empty));
    Scope scope{scope_};
    Symbol& loop = declare(scope, "loop");
    loop.loop = &n;
    loop.declared = true;
    if (!recurse.empty()) whole_loops_.insert(&n);
    if (!whole_loops_.contains(&n)) loop.name = fresh(&scope, "index0");
    loop.recurse = recurse;
    declare_target(n.target, scope);
    const bool simple = !n.target.is_tuple && n.target.attribute.empty() && n.target.name != "loop";
    Symbol* const element = simple ? &scope.names.find(n.target.name)->second : nullptr;
    const std::string item = simple ? element->name : temporary("element");
    if (element) element->declared = true;

    ++indent_;
    const std::string around = std::exchange(out_, {});
    Scope* const outer = std::exchange(scope_, &scope);
    const bool own = std::exchange(own_block_, true);
    if (!empty.empty()) line(fmt::format("{} = false;", empty));
    if (!simple) assign(n.target, item);
    std::string printed = std::exchange(out_, {});
    scope_ = outer;
    printed += scoped_body(n.body, scope);
    own_block_ = own;
    out_ = around;
    --indent_;

    const std::string_view keyword = element && element->assigned ? "let" : "const";
    if (loop.used && !whole_loops_.contains(&n)) {
        line(fmt::format("for ({} [{}, {}] of py.counted({})) {{", keyword, loop.name, item,
                         iterable));
    } else if (loop.used) {
        const std::string level = recurse.empty() ? "" : ", " + depth;
        line(fmt::format("for (const {} of py.loops({}{})) {{", loop.name, iterable, level));
        line(fmt::format("  {} {}: Value = {}.item;", keyword, item, loop.name));
    } else {
        line(fmt::format("for ({} {} of py.each({})) {{", keyword, item, iterable));
    }
    out_ += printed;
    line("}");
    if (empty.empty()) return;
    Scope otherwise{scope_};
    line(fmt::format("if ({}) {{", empty));
    ++indent_;
    out_ += scoped_body(n.otherwise, otherwise);
    --indent_;
    line("}");
}

// --- macros

std::string TemplateWriter::macro(const Signature& signature, const Body& statements) {
    Scope scope{scope_};
    std::string names, parameters, defaults, uses;
    size_t required = 0;
    const auto parameter = [&](std::string_view name) {
        Symbol& symbol = declare(scope, name);
        symbol.declared = true;
        parameters += (parameters.empty() ? "" : ", ") + symbol.name;
    };
    for (const Parameter& p : signature.parameters) {
        names += (names.empty() ? "" : ", ") + script_string(p.name);
        required += !p.default_value;
        parameter(p.name);
    }
    const auto further = [&](bool used, char letter, std::string_view name) {
        if (!used || scope.names.contains(name)) return;
        uses += letter;
        parameter(name);
    };
    further(signature.uses_caller, 'c', "caller");
    further(signature.uses_kwargs, 'k', "kwargs");
    further(signature.uses_varargs, 'v', "varargs");

    ++indent_;
    const std::string around = std::exchange(out_, {});
    // A default sees the parameters before its own, and what is around the macro.
    Scope before{scope_};
    Scope* const outer = std::exchange(scope_, &before);
    const bool own = std::exchange(own_block_, true);
    for (const Parameter& p : signature.parameters) {
        const Symbol& symbol = scope.names.find(p.name)->second;
        if (p.default_value)
            line(fmt::format("if ({0} === py.absent) {0} = {1};", symbol.name,
                             value(*p.default_value)));
        before.names.insert_or_assign(p.name, symbol);
    }
    scope_ = outer;
    defaults = std::exchange(out_, around);
    const std::string out = temporary("out");
    std::string printed = captured(statements, scope, out);
    printed += fmt::format("{}return {};\n", std::string(indent_ * 2, ' '), out);
    own_block_ = own;
    --indent_;
    return fmt::format("py.macro({}, [{}], {}, '{}', ({}) => {{\n{}{}{}}})",
                       script_string(signature.name), names, required, uses, parameters, defaults,
                       printed, std::string(indent_ * 2, ' '));
}

void TemplateWriter::print(const Macro& n) {
    Symbol& symbol = *find(n.signature.name);
    const bool here = !symbol.declared && !symbol.hoisted && own_block_;
    if (here) symbol.declared = true;  // its own body may call it
    const std::string printed = macro(n.signature, n.body);
    if (here) return line(fmt::format("let {}: Value = {};", symbol.name, printed));
    if (!symbol.declared) symbol.hoisted = true;
    symbol.assigned = true;
    line(fmt::format("{} = {};", symbol.name, printed));
}

void TemplateWriter::print(const CallBlock& n) {
    const auto& call = std::get<Call>(n.call.node);
    const std::string callee = value(*call.callee);
    const std::string caller = "caller: " + macro(n.signature, n.body);
    line(fmt::format("{} += py.str(py.call({}, [{}], {}));", out_name_, callee,
                     positional(call.arguments), named(call.arguments, caller)));
}

// --- the module

namespace {

Result<std::string> print_function(const jinja::Template& tmpl, std::string_view name) {
    TemplateWriter writer;
    const std::string body = writer.print(tmpl.module());
    if (writer.error()) return Error{Category::unsupported, *writer.error()};
    return fmt::format("function {}(g: py.Named): string {{\n{}}}\n", name, body);
}

}  // namespace

Result<std::string> print_chat(const jinja::Template& standard, const jinja::Template* with_tools) {
    TRY(const std::string first, print_function(standard, "renderStandard"));
    std::string out =
        "// chat.ts — this model's chat template as code. Printed by m2w export: change the "
        "template, not this.\n"
        "import * as py from './chat_runtime';\n\n"
        "type Value = py.Value;\n"
        "export type { RenderOptions } from './chat_runtime';\n\n"
        "/**\n"
        " * The text of a conversation. Messages and tools are those of OpenAI's interface; what "
        "users wrote has gone\n"
        " * through Tokenizer.guard() before. Throws `chat-template` where the template refuses "
        "the "
        "conversation.\n"
        " */\n"
        "export function render(\n"
        "  messages: readonly unknown[],\n"
        "  tools?: readonly unknown[] | null,\n"
        "  options: py.RenderOptions = {},\n"
        "): string {\n"
        "  const g = py.globals(messages, tools, options);\n";
    out += with_tools ? "  return tools ? renderWithTools(g) : renderStandard(g);\n}\n\n"
                      : "  return renderStandard(g);\n}\n\n";
    out += first;
    if (with_tools) {
        TRY(const std::string second, print_function(*with_tools, "renderWithTools"));
        out += '\n' + second;
    }
    return out;
}

}  // namespace m2w::web
