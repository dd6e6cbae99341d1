// iterators.h — walking the elements of any value.
#pragma once
#include <vector>

#include "chat/jinja/runtime.h"

namespace m2w::jinja {

/// An iterator over a value, or null when it has no elements to walk.
Ref<Iterator> try_iterate(Runtime& rt, const Value& v);
/// The same; fails (type) where Python's iter() does.
Ref<Iterator> iterate(Runtime& rt, const Value& v);

/// All elements. Charges a step each.
std::vector<Value> collect(Runtime& rt, const Value& v);

/// len(): fails (type) for what has none.
int64_t length(Runtime& rt, const Value& v);

/// Calls each(element) along a value.
template <class Each>
void for_each(Runtime& rt, const Value& v, const Each& each) {
    const Ref<Iterator> it = iterate(rt, v);
    Value element;
    while (it->next(rt, element)) {
        rt.charge(1);
        each(element);
    }
}

/// A generator whose elements a function object makes: bool(Runtime&, Value&). `Source` holds its
/// values as members and lists them in drop_references().
template <class Source>
class Generator final : public Iterator {
  public:
    explicit Generator(Source source) : source_(std::move(source)) {}
    bool next(Runtime& rt, Value& element) override {
        if (running_) rt.fail_value("generator already executing");
        Nested nested(rt);  // generators over generators over ...
        running_ = true;
        struct Stop {
            bool& running;
            ~Stop() { running = false; }
        } stop{running_};
        return source_.next(rt, element);
    }
    void drop_references() override { source_ = Source(); }

  private:
    Source source_;
    bool running_ = false;
};

template <class Source>
Value make_generator(Runtime& rt, Source source) {
    return rt.make_value<Generator<Source>>(std::move(source));
}

}  // namespace m2w::jinja
