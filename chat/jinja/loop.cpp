// loop.cpp — the attributes of `loop`.
// Source: Jinja 3.1 documentation, "For"; what looks ahead and when was observed on jinja2 3.1.
#include "chat/jinja/loop.h"

#include "chat/jinja/globals.h"
#include "chat/jinja/iterators.h"
#include "chat/jinja/operators.h"

namespace m2w::jinja {

bool LoopObject::advance(Runtime& rt, Value& element) {
    if (after_) {
        element = *std::exchange(after_, std::nullopt);
    } else if (!elements_ || !elements_->next(rt, element)) {
        return false;
    }
    ++index0_;
    before_ = std::exchange(current_, element);
    return true;
}

const std::optional<Value>& LoopObject::peek(Runtime& rt) {
    Value element;
    if (!after_ && elements_ && elements_->next(rt, element)) after_ = std::move(element);
    return after_;
}

int64_t LoopObject::count(Runtime& rt) {
    if (count_) return *count_;
    const bool sized = iterable_.is_string() || iterable_.is_sequence() ||
                       iterable_.is(Kind::map) || iterable_.is_undefined() ||
                       (iterable_.is(Kind::opaque) && opaque_of(iterable_).length(rt).has_value());
    if (sized) {
        count_ = jinja::length(rt, iterable_);
    } else {
        const Value rest = rt.list(collect(rt, opaque_value(elements_)));
        elements_ = jinja::iterate(rt, rest);
        count_ = int64_t(rest.items().size()) + index0_ + 1 + (after_ ? 1 : 0);
    }
    return *count_;
}

std::string LoopObject::repr(Runtime& rt) const {
    auto& self = const_cast<LoopObject&>(*this);  // counting may have to read ahead
    return fmt::format("<LoopContext {}/{}>", index0_ + 1, self.count(rt));
}

Ref<Iterator> LoopObject::iterate(Runtime& rt) {
    rt.fail(ErrorKind::unsupported, "iterating over the loop variable is not supported");
}

Value LoopObject::cycle(Runtime& rt, Opaque& object, CallArguments& arguments) {
    const auto& loop = static_cast<LoopObject&>(object);
    if (arguments.positional.empty()) rt.fail_type("no items for cycling given");
    return arguments.positional[size_t(loop.index0_) % arguments.positional.size()];
}

Value LoopObject::changed(Runtime& rt, Opaque& object, CallArguments& arguments) {
    auto& loop = static_cast<LoopObject&>(object);
    Value now = rt.tuple(std::move(arguments.positional));
    if (loop.last_changed_ && jinja::equals(rt, *loop.last_changed_, now))
        return Value::boolean(false);
    loop.last_changed_ = std::move(now);
    return Value::boolean(true);
}

std::optional<Value> LoopObject::attribute(Runtime& rt, std::string_view name) {
    const auto integer = [](int64_t i) { return Value::integer(i); };
    if (name == "index") return integer(index0_ + 1);
    if (name == "index0") return integer(index0_);
    if (name == "first") return Value::boolean(index0_ == 0);
    if (name == "last") return Value::boolean(!peek(rt));
    if (name == "length") return integer(count(rt));
    if (name == "revindex") return integer(count(rt) - index0_);
    if (name == "revindex0") return integer(count(rt) - index0_ - 1);
    if (name == "depth") return integer(depth0_ + 1);
    if (name == "depth0") return integer(depth0_);
    if (name == "previtem")
        return index0_ == 0 ? rt.undefined("there is no previous item") : before_;
    if (name == "nextitem") {
        const auto& next = peek(rt);
        return next ? *next : rt.undefined("there is no next item");
    }
    if (name == "cycle") return rt.make_value<OpaqueMethod>(Ref<Opaque>(this), "cycle", cycle);
    if (name == "changed")
        return rt.make_value<OpaqueMethod>(Ref<Opaque>(this), "changed", changed);
    return std::nullopt;
}

Value LoopObject::call(Runtime& rt, CallArguments& arguments) {
    if (!node_.recursive)
        rt.fail_type("The loop must have the 'recursive' marker to be called recursively.");
    if (arguments.positional.size() != 1 || !arguments.named.empty())
        rt.fail_type("loop() takes exactly one argument");
    return evaluator_.recurse(node_, outer_, arguments.positional[0], depth0_ + 1);
}

void LoopObject::drop_references() {
    outer_ = {};
    elements_ = {};
    iterable_ = before_ = current_ = Value();
    after_.reset();
    last_changed_.reset();
}

bool FilteredElements::next(Runtime& rt, Value& element) {
    while (elements_ && elements_->next(rt, element)) {
        rt.charge(1);
        if (evaluator_.passes_condition(node_, outer_, element)) return true;
    }
    return false;
}

void FilteredElements::drop_references() {
    outer_ = {};
    elements_ = {};
}

}  // namespace m2w::jinja
