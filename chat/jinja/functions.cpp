// functions.cpp — the global functions: range, dict, namespace, cycler, joiner of Jinja;
// raise_exception and strftime_now of transformers. lipsum is refused: its text is random.
#include "chat/jinja/builtins.h"
#include "chat/jinja/globals.h"
#include "chat/jinja/iterators.h"
#include "chat/jinja/map_views.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/range.h"
#include "chat/jinja/repr.h"

namespace m2w::jinja {

// --- range
// ----------------------------------------------------------------------------------------

int64_t Range::size() const {
    if (step_ > 0 ? start_ >= stop_ : start_ <= stop_) return 0;
    const uint64_t span =
        step_ > 0 ? uint64_t(stop_) - uint64_t(start_) : uint64_t(start_) - uint64_t(stop_);
    const uint64_t by = step_ > 0 ? uint64_t(step_) : 0 - uint64_t(step_);
    const uint64_t n = (span - 1) / by + 1;
    return n > uint64_t(INT64_MAX) ? INT64_MAX : int64_t(n);
}

std::string Range::repr(Runtime&) const {
    if (step_ == 1) return fmt::format("range({}, {})", start_, stop_);
    return fmt::format("range({}, {}, {})", start_, stop_, step_);
}

namespace {

class RangeIterator final : public Iterator {
  public:
    explicit RangeIterator(Ref<Range> range) : range_(std::move(range)), size_(range_->size()) {}
    bool next(Runtime&, Value& element) override {
        if (at_ >= size_) return false;
        element = Value::integer(range_->at(at_++));
        return true;
    }
    std::string_view type_name() const override { return "range_iterator"; }
    void drop_references() override { size_ = 0; }

  private:
    Ref<Range> range_;
    int64_t size_, at_ = 0;
};

}  // namespace

Ref<Iterator> Range::iterate(Runtime& rt) {
    return Ref<Iterator>(rt.make<RangeIterator>(Ref<Range>(this)).get());
}

std::optional<Value> Range::item(Runtime&, const Value& key) {
    if (!key.is_int64()) return std::nullopt;
    const int64_t n = size(), i = key.as_int() < 0 ? key.as_int() + n : key.as_int();
    if (i < 0 || i >= n) return std::nullopt;
    return Value::integer(at(i));
}

std::optional<Value> Range::attribute(Runtime&, std::string_view name) {
    if (name == "start") return Value::integer(start_);
    if (name == "stop") return Value::integer(stop_);
    if (name == "step") return Value::integer(step_);
    return std::nullopt;
}

std::optional<bool> Range::contains(Runtime&, const Value& element) {
    if (!element.is_int64()) return std::nullopt;
    const int64_t v = element.as_int(), n = size();
    if (n == 0) return false;
    const int64_t low = std::min(start_, at(n - 1)), high = std::max(start_, at(n - 1));
    return v >= low && v <= high &&
           (step_ < 0 ? uint64_t(start_) - uint64_t(v) : uint64_t(v) - uint64_t(start_)) %
                   (step_ < 0 ? 0 - uint64_t(step_) : uint64_t(step_)) ==
               0;
}

bool Range::equals(Runtime&, Opaque& other) {
    const auto* r = dynamic_cast<const Range*>(&other);
    if (!r || r->size() != size()) return false;
    if (size() == 0) return true;
    return r->start_ == start_ && (size() == 1 || r->step_ == step_);
}

// --- namespace and methods
// ------------------------------------------------------------------------

void Namespace::set(Runtime& rt, std::string_view name, Value value) {
    rt.check_list_size((attributes_.size() + 1) * 2);
    attributes_.set(rt.string(name), std::move(value));
    rt.heap().resize(*this, attributes_.size_bytes());
}

std::string Namespace::repr(Runtime& rt) const {
    Nested nested(rt);
    return fmt::format("<Namespace {}>", jinja::repr(rt, rt.map(attributes_)));
}

std::optional<Value> Namespace::attribute(Runtime& rt, std::string_view name) {
    const Value* v = attributes_.find(name);
    if (!v) return std::nullopt;
    if (name.starts_with('_'))
        return rt.undefined(
            fmt::format("access to attribute {} of 'Namespace' object is unsafe.", quote(name)),
            ErrorKind::security);
    return *v;
}

Value OpaqueMethod::call(Runtime& rt, CallArguments& arguments) {
    return function_(rt, *object_, arguments);
}

namespace {

void refuse_named(Runtime& rt, const CallArguments& arguments, std::string_view name) {
    if (!arguments.named.empty()) rt.fail_type("{}() takes no keyword arguments", name);
}

/// cycler(a, b, ...): next() walks around.
class Cycler final : public Opaque {
  public:
    explicit Cycler(std::vector<Value> items) : items_(std::move(items)) {}
    std::string_view type_name() const override { return "Cycler"; }
    std::string repr(Runtime&) const override { return "<Cycler object>"; }
    void drop_references() override { items_.clear(); }

    std::optional<Value> attribute(Runtime& rt, std::string_view name) override {
        if (name == "next")
            return method(rt, name, [](Runtime&, Opaque& o, CallArguments&) {
                auto& c = static_cast<Cycler&>(o);
                const Value out = c.items_[c.at_];
                c.at_ = (c.at_ + 1) % c.items_.size();
                return out;
            });
        if (name == "reset")
            return method(rt, name, [](Runtime&, Opaque& o, CallArguments&) {
                static_cast<Cycler&>(o).at_ = 0;
                return Value::none();
            });
        if (name == "current") return items_[at_];
        if (name == "items") return rt.tuple(items_);
        if (name == "pos") return Value::integer(int64_t(at_));
        return std::nullopt;
    }

  private:
    Value method(Runtime& rt, std::string_view name, OpaqueMethod::Function function) {
        // The name is a literal of attribute(): find it again, its argument may die.
        return rt.make_value<OpaqueMethod>(Ref<Opaque>(this), name == "next" ? "next" : "reset",
                                           function);
    }

    std::vector<Value> items_;
    size_t at_ = 0;
};

/// joiner(sep): nothing on the first call, the separator from then on.
class Joiner final : public Opaque {
  public:
    explicit Joiner(Value separator) : separator_(std::move(separator)) {}
    std::string_view type_name() const override { return "Joiner"; }
    std::string repr(Runtime&) const override { return "<Joiner object>"; }
    void drop_references() override { separator_ = Value(); }
    bool callable() const override { return true; }
    Value call(Runtime& rt, CallArguments& arguments) override {
        if (!arguments.positional.empty() || !arguments.named.empty())
            rt.fail_type("a joiner takes no arguments");
        if (std::exchange(used_, true)) return separator_;
        return rt.string("");
    }
    std::optional<Value> attribute(Runtime&, std::string_view name) override {
        if (name == "sep") return separator_;
        if (name == "used") return Value::boolean(used_);
        return std::nullopt;
    }

  private:
    Value separator_;
    bool used_ = false;
};

// --- the functions
// --------------------------------------------------------------------------------

Value range(Runtime& rt, Args& a) {
    const int64_t first = a.integer(rt, 0);
    const int64_t start = a.has(1) ? first : 0, stop = a.has(1) ? a.integer(rt, 1) : first;
    const int64_t step = a.integer(rt, 2, 1);
    if (step == 0) rt.fail_value("range() arg 3 must not be zero");
    auto out = rt.make<Range>(start, stop, step);
    if (uint64_t(out->size()) > rt.limits().range_items)
        rt.fail(ErrorKind::overflow, "Range too big. The sandbox blocks ranges larger than {}.",
                rt.limits().range_items);
    return opaque_value(out);
}

Map to_map(Runtime& rt, Args& a) {
    Map out;
    if (a.rest.size() > 1) rt.fail_type("dict expected at most 1 argument, got {}", a.rest.size());
    if (!a.rest.empty()) merge_into(rt, out, a.rest[0]);
    for (auto& [key, value] : a.named) out.set(rt.string(key), std::move(value));
    return out;
}

Value dict(Runtime& rt, Args& a) {
    return rt.map(to_map(rt, a));
}

Value make_namespace(Runtime& rt, Args& a) {
    auto out = rt.make<Namespace>(to_map(rt, a));
    rt.heap().resize(*out, out->size_bytes());
    return opaque_value(out);
}

Value cycler(Runtime& rt, Args& a) {
    refuse_named(rt, {{}, std::move(a.named)}, "cycler");
    if (a.rest.empty()) rt.fail_type("at least one item has to be provided");
    return rt.make_value<Cycler>(std::move(a.rest));
}

Value joiner(Runtime& rt, Args& a) {
    return rt.make_value<Joiner>(a.has(0) ? a[0] : rt.string(", "));
}

Value lipsum(Runtime& rt, Args&) {
    rt.fail(ErrorKind::unsupported, "lipsum() is not supported: its text is random");
}

Value raise_exception(Runtime& rt, Args& a) {
    rt.fail_with(ErrorKind::raise, str(rt, a[0]));
}

Value strftime_now(Runtime& rt, Args& a) {
    const std::string_view format = a.string(rt, 0);
    if (!rt.now())
        rt.fail(ErrorKind::unsupported, "strftime_now() needs a time, and the caller gave none");
    rt.charge_scan(format.size());
    rt.check_string_size(format.size() *
                         64);  // the widest that a conversion of two characters gets
    return rt.string(strftime(*rt.now(), format));
}

constexpr Builtin kFunctions[] = {
    {"cycler", cycler, {}, 0, true},
    {"dict", dict, {}, 0, true},
    {"joiner", joiner, {"sep"}},
    {"lipsum", lipsum, {}, 0, true},
    {"namespace", make_namespace, {}, 0, true},
    {"raise_exception", raise_exception, {"message"}, 1},
    {"range", range, {"start", "stop", "step"}, 1},
    {"strftime_now", strftime_now, {"format"}, 1},
};
static_assert(is_sorted_table(kFunctions));

}  // namespace

std::span<const Builtin> all_functions() {
    return kFunctions;
}

}  // namespace m2w::jinja
