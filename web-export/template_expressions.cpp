// template_expressions.cpp — expressions: operators, access, calls, filters and tests become calls
// of the runtime, with arguments bound to parameters while printing.
#include <algorithm>
#include <cmath>

#include "chat/jinja/bigint.h"
#include "chat/jinja/numbers.h"
#include "web-export/template_writer.h"

namespace m2w::web {

using namespace jinja::ast;
using jinja::Builtin;
using jinja::Kind;
using Binds = Code::Binds;
using Type = Code::Type;

namespace {

template <class... F>
struct Overloaded : F... {
    using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

/// In parentheses where it binds less tightly than wanted.
std::string within(const Code& c, Binds wanted) {
    return c.binds > wanted ? "(" + c.text + ")" : c.text;
}

Code boolean(std::string text, Binds binds = Binds::atom) {
    return {std::move(text), Type::boolean, binds};
}

Code failure(std::string_view message) {
    return {fmt::format("py.fail({})", script_string(message))};
}

const jinja::Value* literal(const Expr& e) {
    const auto* n = std::get_if<Literal>(&e.node);
    return n ? &n->value : nullptr;
}

std::optional<std::string_view> literal_text(const Expr& e) {
    const jinja::Value* v = literal(e);
    if (!v || !v->is_string()) return std::nullopt;
    return v->as_string();
}

/// The method of that name, whatever has it. Where several do: the parameters of the one with most,
/// of which as many are required as with the one that asks least.
std::optional<Builtin> find_any_method(std::string_view name) {
    std::optional<Builtin> found;
    const auto parameters = [](const Builtin& b) {
        return std::ranges::count_if(b.parameters, [](auto p) { return !p.empty(); });
    };
    for (const auto table : {jinja::string_methods(), jinja::string_predicates(),
                             jinja::list_methods(), jinja::tuple_methods(), jinja::map_methods(),
                             jinja::integer_methods(), jinja::real_methods()}) {
        const Builtin* b = jinja::find_builtin(table, name);
        if (!b) continue;
        const uint8_t required = found ? std::min(found->required, b->required) : b->required;
        if (!found || parameters(*b) > parameters(*found)) found = *b;
        found->required = required;
    }
    return found;
}

/// Filters that no chat template of 51 uses.
constexpr std::string_view kUnprintedFilters[] = {"filesizeformat", "pprint", "urlize", "wordwrap",
                                                  "xmlattr"};
constexpr std::string_view kTextFilters[] = {
    "capitalize", "center", "format", "indent", "join",  "lower",    "replace",
    "striptags",  "title",  "tojson", "trim",   "upper", "urlencode"};
constexpr std::string_view kSafeFilters[] = {"e", "escape", "forceescape", "safe"};

bool among(std::string_view name, std::span<const std::string_view> names) {
    return std::ranges::find(names, name) != names.end();
}

/// The runtime's name of a test: those of one meaning share a function.
std::string_view test_name(std::string_view name) {
    constexpr std::pair<std::string_view, std::string_view> kSame[] = {
        {"==", "eq"}, {"!=", "ne"},      {"<", "lt"},           {"<=", "le"},      {">", "gt"},
        {">=", "ge"}, {"equalto", "eq"}, {"greaterthan", "gt"}, {"lessthan", "lt"}};
    for (const auto& [alias, meaning] : kSame)
        if (alias == name) return meaning;
    return name;
}

}  // namespace

std::string TemplateWriter::unsupported(jinja::Position at, std::string_view what) {
    if (!error_)
        error_ = fmt::format("chat template, line {}: {} cannot be exported", at.line, what);
    return "undefined";
}

std::string TemplateWriter::as_text(const Code& c) const {
    return c.type == Type::text ? within(c, Binds::sum) : fmt::format("py.str({})", c.text);
}

Code TemplateWriter::code(const Expr& e) {
    return std::visit([&](const auto& n) { return code(e, n); }, e.node);
}

/// What an expression is as a condition.
Code TemplateWriter::truth(const Expr& e) {
    if (const auto* n = std::get_if<Logic>(&e.node)) {
        const Binds binds = n->is_and ? Binds::conjunction : Binds::disjunction;
        const std::string left = within(truth(*n->left), binds);
        return boolean(
            fmt::format("{} {} {}", left, n->is_and ? "&&" : "||", within(truth(*n->right), binds)),
            binds);
    }
    const Code c = code(e);
    return c.type == Type::boolean ? c : boolean(fmt::format("py.truthy({})", c.text));
}

// --- values

Code TemplateWriter::code(const Expr&, const Literal& n) {
    const jinja::Value& v = n.value;
    switch (v.kind()) {
        case Kind::none:
            return {"null"};
        case Kind::boolean:
            return boolean(v.as_bool() ? "true" : "false");
        case Kind::integer: {
            constexpr int64_t kExact = (int64_t(1) << 53) - 1;
            const bool exact = v.as_int() >= -kExact && v.as_int() <= kExact;
            return {fmt::format("{}{}", v.as_int(), exact ? "" : "n")};
        }
        case Kind::big_integer:
            return {v.as_big().to_string() + "n"};
        case Kind::real: {
            const double d = v.as_real();
            if (std::isinf(d)) return {"Infinity"};
            const std::string digits = fmt::format("{}", d);
            return {std::trunc(d) == d ? fmt::format("new py.Float({})", digits) : digits};
        }
        case Kind::string:
            return {script_string(v.as_string()), Type::text};
        default:
            return {"undefined"};
    }
}

Code TemplateWriter::code(const Expr& e, const Name& n) {
    if (n.name == "self" && !find(n.name)) return {unsupported(e.at, "self")};
    return {read(n.name)};
}

Code TemplateWriter::code(const Expr&, const ListDisplay& n) {
    std::string items;
    for (const Expr& item : n.items) items += (items.empty() ? "" : ", ") + value(item);
    return {fmt::format("[{}]", items)};
}

Code TemplateWriter::code(const Expr&, const TupleDisplay& n) {
    std::string items;
    for (const Expr& item : n.items) items += (items.empty() ? "" : ", ") + value(item);
    return {fmt::format("py.tuple([{}])", items)};
}

Code TemplateWriter::code(const Expr&, const MapDisplay& n) {
    std::string items;
    for (const MapItem& item : n.items) {
        const std::string key = value(item.key);
        items += fmt::format("{}[{}, {}]", items.empty() ? "" : ", ", key, value(item.value));
    }
    return {fmt::format("py.dict([{}])", items)};
}

// --- operators

Code TemplateWriter::code(const Expr&, const Unary& n) {
    if (n.op == UnaryOp::logical_not)
        return boolean("!" + within(truth(*n.operand), Binds::unary), Binds::unary);
    const jinja::Value* number = literal(*n.operand);
    if (n.op == UnaryOp::negate && number && number->is(Kind::integer) && number->as_int() > 0)
        return {"-" + value(*n.operand), Type::any, Binds::unary};
    return {fmt::format("py.{}({})", n.op == UnaryOp::negate ? "neg" : "pos", value(*n.operand))};
}

Code TemplateWriter::code(const Expr&, const Binary& n) {
    const Code a = code(*n.left), b = code(*n.right);
    const bool text = a.type == Type::text || b.type == Type::text;
    if (n.op == BinaryOp::add && a.type == Type::text && b.type == Type::text)
        return {fmt::format("{} + {}", within(a, Binds::sum), within(b, Binds::unary)), Type::text,
                Binds::sum};
    if (n.op == BinaryOp::add) {
        const std::string_view name = may_be_safe_ ? "addMarkup" : text ? "concat" : "add";
        return {fmt::format("py.{}({}, {})", name, a.text, b.text),
                text && !may_be_safe_ ? Type::text : Type::any};
    }
    const bool left_number = literal(*n.left) && literal(*n.left)->is_number();
    constexpr std::string_view kNames[] = {"add", "sub", "mul", "div", "floordiv", "mod", "pow"};
    std::string_view name = kNames[size_t(n.op)];
    if (n.op == BinaryOp::modulo && !left_number) name = "modOrFormat";
    return {fmt::format("py.{}({}, {})", name, a.text, b.text)};
}

Code TemplateWriter::comparison(CompareOp op, const Code& a, const Code& b) const {
    if (op == CompareOp::in || op == CompareOp::not_in) {
        const bool negated = op == CompareOp::not_in;
        return boolean(fmt::format("{}py.contains({}, {})", negated ? "!" : "", b.text, a.text),
                       negated ? Binds::unary : Binds::atom);
    }
    const auto identical = [&](const Code& c) {
        return c.text == "null" || (c.type == Type::text && !may_be_safe_);
    };
    constexpr std::string_view kNames[] = {"eq", "ne", "lt", "le", "gt", "ge"};
    if (op == CompareOp::eq || op == CompareOp::ne) {
        const bool negated = op == CompareOp::ne;
        if (identical(a) || identical(b))
            return boolean(fmt::format("{} {} {}", within(a, Binds::sum),
                                       negated ? "!==" : "===", within(b, Binds::sum)),
                           Binds::comparison);
        return boolean(fmt::format("{}py.eq({}, {})", negated ? "!" : "", a.text, b.text),
                       negated ? Binds::unary : Binds::atom);
    }
    return boolean(fmt::format("py.{}({}, {})", kNames[size_t(op)], a.text, b.text));
}

/// a < b < c: each link is a function of its left operand, so that every operand is evaluated once.
Code TemplateWriter::code(const Expr&, const Compare& n) {
    const Code first = code(*n.first);
    if (n.rest.size() == 1) return comparison(n.rest[0].op, first, code(*n.rest[0].operand));
    std::string open, close;
    Code left = first;
    for (size_t i = 0; i < n.rest.size(); ++i) {
        const bool last = i + 1 == n.rest.size();
        const Code right = code(*n.rest[i].operand);
        if (last) {
            open += within(comparison(n.rest[i].op, left, right), Binds::conjunction);
            break;
        }
        const Code name{temporary("operand")};
        const Code& from = left;
        open += fmt::format("(({}: Value) => {} && ", name.text,
                            within(comparison(n.rest[i].op, from, name), Binds::conjunction));
        close.insert(0, fmt::format(")({})", right.text));
        left = name;
    }
    return boolean(open + close);
}

Code TemplateWriter::code(const Expr&, const Logic& n) {
    const Code left = code(*n.left);
    const Code right = code(*n.right);
    const Binds binds = n.is_and ? Binds::conjunction : Binds::disjunction;
    const Type type = left.type == right.type ? left.type : Type::any;
    if (left.type == Type::boolean)
        return {fmt::format("{} {} {}", within(left, binds), n.is_and ? "&&" : "||",
                            within(right, binds)),
                type, binds};
    return {fmt::format("py.{}({}, () => {})", n.is_and ? "and" : "or", left.text, right.text),
            type};
}

Code TemplateWriter::code(const Expr&, const Concat& n) {
    std::string out;
    for (const Expr& item : n.items) {
        const Code c = code(item);
        out += out.empty() ? as_text(c)
                           : " + " + (c.type == Type::text ? within(c, Binds::unary) : as_text(c));
    }
    return {out, Type::text, Binds::sum};
}

Code TemplateWriter::code(const Expr&, const Conditional& n) {
    const std::string condition = within(truth(*n.condition), Binds::disjunction);
    const Code then = code(*n.then);
    const Code otherwise = n.otherwise ? code(*n.otherwise) : Code{"undefined"};
    return {
        fmt::format("{} ? {} : {}", condition, within(then, Binds::disjunction), otherwise.text),
        then.type == otherwise.type ? then.type : Type::any, Binds::loosest};
}

// --- access

/// loop.name: of the index alone where the body asks for no more, else of the loop object.
Code TemplateWriter::loop_attribute(Symbol& symbol, std::string_view name) {
    constexpr std::string_view kLoop[] = {"depth",    "depth0",   "first",    "index",
                                          "index0",   "last",     "length",   "nextitem",
                                          "previtem", "revindex", "revindex0"};
    symbol.used = true;
    const std::string& loop = symbol.name;
    if (!whole_loops_.contains(symbol.loop)) {
        if (name == "index0") return {loop};
        if (name == "index") return {loop + " + 1", Type::any, Binds::sum};
        if (name == "first") return boolean(loop + " === 0", Binds::comparison);
        whole_loops_.insert(symbol.loop);
    }
    const bool flag = name == "first" || name == "last";
    if (among(name, kLoop))
        return {fmt::format("{}.{}", loop, name), flag ? Type::boolean : Type::any};
    return {fmt::format("{}.attr({})", loop, script_string(name))};
}

Code TemplateWriter::code(const Expr&, const Attribute& n) {
    if (const auto* name = std::get_if<Name>(&n.object->node)) {
        Symbol* symbol = find(name->name);
        if (symbol && symbol->loop) return loop_attribute(*symbol, n.name);
    }
    const std::string object = value(*n.object);
    // Only a call reaches a method that changes its object, as in the sandbox.
    const auto method = find_any_method(n.name);
    if (method && !method->mutates)
        return {fmt::format("py.bound({}, py.method_{})", object, n.name)};
    return {fmt::format("py.attr({}, {})", object, script_string(n.name))};
}

Code TemplateWriter::code(const Expr&, const Subscript& n) {
    const std::string object = value(*n.object);
    const auto name = literal_text(*n.key);
    if (name && find_any_method(*name))
        return {fmt::format("py.keyOrBound({}, py.method_{})", object, *name)};
    return {fmt::format("py.item({}, {})", object, value(*n.key))};
}

Code TemplateWriter::code(const Expr&, const Slice& n) {
    const auto part = [&](const ExprPtr& p) { return p ? value(*p) : "null"; };
    const std::string object = value(*n.object);
    const std::string start = part(n.start), stop = part(n.stop);
    return {fmt::format("py.slice({}, {}, {}, {})", object, start, stop, part(n.step))};
}

// --- calls

std::string TemplateWriter::positional(const Arguments& arguments, size_t from) {
    std::string out;
    const auto add = [&](const std::string& s) { out += (out.empty() ? "" : ", ") + s; };
    for (size_t i = from; i < arguments.positional.size(); ++i) add(value(arguments.positional[i]));
    if (arguments.rest) add(fmt::format("...py.list({})", value(*arguments.rest)));
    return out;
}

/// further: one more entry, or empty.
std::string TemplateWriter::named(const Arguments& arguments, std::string_view further) {
    std::string out;
    const auto add = [&](std::string_view s) {
        out += out.empty() ? " " : ", ";
        out += s;
    };
    for (const NamedArgument& n : arguments.named)
        add(fmt::format("{}: {}",
                        is_script_property(n.name) ? n.name : "[" + script_string(n.name) + "]",
                        value(*n.value)));
    if (arguments.named_rest) add(fmt::format("...py.keywords({})", value(*arguments.named_rest)));
    if (!further.empty()) add(further);
    return out.empty() ? "{}" : "{" + out + " }";
}

/// function(subject, arguments...) in the order of a builtin's parameters.
std::string TemplateWriter::bind(const Expr& e, const Builtin& b, std::string function,
                                 const std::string* subject, const Arguments& arguments) {
    if (arguments.rest || arguments.named_rest)
        return unsupported(e.at, fmt::format("{}() with * or **", b.name));
    const size_t known =
        size_t(std::ranges::count_if(b.parameters, [](auto p) { return !p.empty(); }));
    std::vector<std::string> values(known);
    size_t given = 0;
    if (subject) values[given++] = *subject;
    if (given + arguments.positional.size() > known)
        return failure(fmt::format("{}() takes not so many arguments", b.name)).text;
    for (const Expr& p : arguments.positional) values[given++] = value(p);
    for (const NamedArgument& n : arguments.named) {
        const auto at = size_t(std::ranges::find(b.parameters, n.name) - b.parameters.begin());
        if (at >= known || !values[at].empty())
            return failure(fmt::format("{}() takes no argument '{}' here", b.name, n.name)).text;
        values[at] = value(*n.value);
    }
    for (size_t i = 0; i < b.required; ++i)
        if (values[i].empty())
            return failure(fmt::format("{}() needs an argument '{}'", b.name, b.parameters[i]))
                .text;
    while (!values.empty() && values.back().empty()) values.pop_back();
    for (std::string& v : values)
        if (v.empty()) v = "undefined";
    return fmt::format("{}({})", function, fmt::join(values, ", "));
}

Code TemplateWriter::function_call(const Expr& e, std::string_view name,
                                   const Arguments& arguments) {
    if (name == "lipsum") return failure("lipsum() is not supported: its text is random");
    const Builtin& b = *jinja::find_function(name);
    const std::string function = fmt::format("py.global_{}", name);
    if (!b.variadic) return {bind(e, b, function, nullptr, arguments)};
    return {fmt::format("{}([{}], {})", function, positional(arguments), named(arguments))};
}

Code TemplateWriter::code(const Expr& e, const Call& n) {
    if (const auto* name = std::get_if<Name>(&n.callee->node)) {
        if (is_function(name->name)) return function_call(e, name->name, n.arguments);
        const Symbol* symbol = find(name->name);
        if (symbol && symbol->loop) {
            if (symbol->recurse.empty() || n.arguments.positional.size() != 1 ||
                !n.arguments.named.empty())
                return failure("loop() takes one argument, in a recursive loop");
            const std::string loop = read(name->name), recurse = symbol->recurse;
            return {fmt::format("py.nested(() => {}({}, {}.depth))", recurse,
                                value(n.arguments.positional[0]), loop),
                    Type::text};
        }
    }
    if (const auto* a = std::get_if<Attribute>(&n.callee->node)) {
        if (const auto method = find_any_method(a->name)) {
            const std::string object = value(*a->object);
            const std::string function = fmt::format("py.method_{}", a->name);
            if (!method->variadic) return {bind(e, *method, function, &object, n.arguments)};
            return {fmt::format("{}({}, [{}], {})", function, object, positional(n.arguments),
                                named(n.arguments))};
        }
    }
    const std::string callee = value(*n.callee), arguments = positional(n.arguments);
    const std::string keywords = named(n.arguments);
    return {fmt::format("py.call({}, [{}]{}{})", callee, arguments, keywords == "{}" ? "" : ", ",
                        keywords == "{}" ? "" : keywords)};
}

// --- filters and tests

Code TemplateWriter::code(const Expr& e, const Filter& n) {
    return filter(e, n, code(*n.operand));
}

/// A chain of filters whose innermost operand a block supplies.
std::string TemplateWriter::filter_chain(const Expr& chain, const std::string& innermost) {
    const auto& n = std::get<Filter>(chain.node);
    const Code subject =
        n.operand ? Code{filter_chain(*n.operand, innermost)} : Code{innermost, Type::text};
    return filter(chain, n, subject).text;
}

Code TemplateWriter::filter(const Expr& e, const Filter& n, const Code& subject) {
    const Builtin* b = jinja::find_filter(n.name);
    if (!b) return failure(fmt::format("No filter named '{}' found.", n.name));
    if (n.name == "random") return failure("the filter random is not supported");
    if (among(n.name, kUnprintedFilters))
        return {unsupported(e.at, fmt::format("the filter {}", n.name))};
    may_be_safe_ |= among(n.name, kSafeFilters);
    if (n.name == "map") return map_filter(e, n, subject);
    if (n.name == "select" || n.name == "reject" || n.name == "selectattr" ||
        n.name == "rejectattr")
        return select_filter(e, n, subject);
    if (n.name == "attr" && n.arguments.positional.size() == 1) {
        const auto name = literal_text(n.arguments.positional[0]);
        if (name && find_any_method(*name))
            return {fmt::format("py.bound({}, py.method_{})", subject.text, *name)};
    }
    std::string function = fmt::format("py.filter_{}", n.name);
    if (n.name == "tojson" && (n.arguments.positional.size() || n.arguments.named.size()))
        function = "py.tojsonStyled";
    const Type type = among(n.name, kTextFilters) ? Type::text : Type::any;
    if (b->variadic)
        return {fmt::format("{}({}, [{}], {})", function, subject.text, positional(n.arguments),
                            named(n.arguments)),
                type};
    if (n.name == "string" && subject.type == Type::text) return subject;
    return {bind(e, *b, function, &subject.text, n.arguments), type};
}

/// x|map('filter', arguments...) or x|map(attribute='path', default=...)
Code TemplateWriter::map_filter(const Expr& e, const Filter& n, const Code& subject) {
    const Arguments& a = n.arguments;
    if (a.rest || a.named_rest) return {unsupported(e.at, "map() with * or **")};
    if (a.positional.empty()) {
        std::string path, otherwise;
        for (const NamedArgument& argument : a.named) {
            if (argument.name != "attribute" && argument.name != "default")
                return failure("map() takes a filter, or attribute and default");
            (argument.name == "attribute" ? path : otherwise) = value(*argument.value);
        }
        if (path.empty()) return failure("map requires a filter argument");
        return {fmt::format("py.mapAttribute({}, {}{}{})", subject.text, path,
                            otherwise.empty() ? "" : ", ", otherwise)};
    }
    const auto name = literal_text(a.positional[0]);
    if (!name) return {unsupported(e.at, "map() with a filter whose name is computed")};
    const Builtin* b = jinja::find_filter(*name);
    may_be_safe_ |= among(*name, kSafeFilters);
    if (!b)
        return {fmt::format("py.filter_map({}, () => {})", subject.text,
                            failure(fmt::format("No filter named '{}' found.", *name)).text)};
    if (b->variadic || among(*name, kUnprintedFilters) || *name == "random")
        return {unsupported(e.at, fmt::format("map('{}')", *name))};
    if (!a.named.empty()) return {unsupported(e.at, "map() with keywords of a filter")};
    const std::string function = fmt::format("py.filter_{}", *name);
    if (*name == "tojson" && a.positional.size() > 1)
        return {unsupported(e.at, "map('tojson') with arguments")};
    if (a.positional.size() == 1)
        return {fmt::format("py.filter_map({}, (x) => {}(x))", subject.text, function)};
    return {fmt::format("py.filter_map({}, {}, [{}])", subject.text, function, positional(a, 1))};
}

/// x|select('test', arguments...), x|selectattr('path', 'test', arguments...), and their opposites.
Code TemplateWriter::select_filter(const Expr& e, const Filter& n, const Code& subject) {
    const Arguments& a = n.arguments;
    if (a.rest || a.named_rest || !a.named.empty())
        return {unsupported(e.at, fmt::format("{}() with keywords", n.name))};
    const bool by_attribute = n.name.ends_with("attr");
    const bool keep = n.name.starts_with("select");
    if (by_attribute && a.positional.empty())
        return failure("Missing parameter for attribute name");
    const std::string path = by_attribute ? value(a.positional[0]) : "null";
    const size_t at = by_attribute;
    std::string rest;
    if (a.positional.size() > at) {
        const auto name = literal_text(a.positional[at]);
        if (!name) return {unsupported(e.at, "a test whose name is computed")};
        if (!jinja::find_test(*name)) {
            rest = fmt::format(", () => {}",
                               failure(fmt::format("No test named '{}' found.", *name)).text);
        } else if (*name == "filter" || *name == "test") {
            return {unsupported(e.at, fmt::format("{}('{}')", n.name, *name))};
        } else {
            rest = fmt::format(", py.test_{}", test_name(*name));
        }
        const std::string arguments = positional(a, at + 1);
        if (!arguments.empty()) rest += fmt::format(", [{}]", arguments);
    }
    return {fmt::format("py.filter_select({}, {}, {}{})", subject.text, keep, path, rest)};
}

Code TemplateWriter::code(const Expr& e, const Test& n) {
    const Builtin* b = jinja::find_test(n.name);
    if (!b) return failure(fmt::format("No test named '{}' found.", n.name));
    const auto same = [&](std::string_view what) {
        return boolean(fmt::format("{} {} {}", within(code(*n.operand), Binds::sum),
                                   n.negated ? "!==" : "===", what),
                       Binds::comparison);
    };
    for (const std::string_view word : {"undefined", "true", "false"})
        if (n.name == word) return same(word);
    if (n.name == "none") return same("null");
    if (n.name == "defined")
        return boolean(fmt::format("{} {} undefined", within(code(*n.operand), Binds::sum),
                                   n.negated ? "===" : "!=="),
                       Binds::comparison);
    if (n.name == "string" && !may_be_safe_)
        return boolean(fmt::format("typeof {} {} 'string'", within(code(*n.operand), Binds::unary),
                                   n.negated ? "!==" : "==="),
                       Binds::comparison);
    if (n.name == "filter" || n.name == "test") {
        const auto name = literal_text(*n.operand);
        if (!name) return {unsupported(e.at, fmt::format("is {} of a computed name", n.name))};
        const bool known = n.name == "test" ? jinja::find_test(*name) != nullptr
                                            : jinja::find_filter(*name) && *name != "from_json";
        return boolean(known != n.negated ? "true" : "false");
    }
    const std::string subject = value(*n.operand);
    const std::string call =
        bind(e, *b, fmt::format("py.test_{}", test_name(n.name)), &subject, n.arguments);
    return n.negated ? boolean("!" + call, Binds::unary) : boolean(call);
}

}  // namespace m2w::web
