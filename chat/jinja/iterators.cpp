// iterators.cpp — iterators over strings, sequences and maps.
#include "chat/jinja/iterators.h"

#include "chat/jinja/text.h"

namespace m2w::jinja {
namespace {

/// Elements by index: sees what is appended to a list meanwhile, as Python's does.
class SequenceIterator final : public Iterator {
  public:
    explicit SequenceIterator(Value sequence) : sequence_(std::move(sequence)) {}
    bool next(Runtime&, Value& element) override {
        const auto items = sequence_.items();
        if (at_ >= items.size()) return false;
        element = items[at_++];
        return true;
    }
    std::string_view type_name() const override {
        return sequence_.is(Kind::list) ? "list_iterator" : "tuple_iterator";
    }
    void drop_references() override { sequence_ = Value::list(); }

  private:
    Value sequence_;
    size_t at_ = 0;
};

class KeyIterator final : public Iterator {
  public:
    explicit KeyIterator(Value map) : map_(std::move(map)), size_(map_.entries().size()) {}
    bool next(Runtime& rt, Value& element) override {
        const Map& entries = map_.entries();
        if (entries.size() != size_)
            rt.fail(ErrorKind::runtime, "dictionary changed size during iteration");
        if (at_ >= size_) return false;
        element = entries.at(at_++).first;
        return true;
    }
    std::string_view type_name() const override { return "dict_keyiterator"; }
    void drop_references() override {
        map_ = Value::map({});
        size_ = 0;
    }

  private:
    Value map_;
    size_t size_, at_ = 0;
};

class CharacterIterator final : public Iterator {
  public:
    explicit CharacterIterator(Value string) : string_(std::move(string)) {}
    bool next(Runtime& rt, Value& element) override {
        const std::string_view s = string_.as_string();
        if (at_ >= s.size()) return false;
        const size_t begin = at_;
        text::next(s, at_);
        element = rt.string(s.substr(begin, at_ - begin));
        return true;
    }
    std::string_view type_name() const override { return "str_iterator"; }

  private:
    Value string_;
    size_t at_ = 0;
};

class EmptyIterator final : public Iterator {
  public:
    bool next(Runtime&, Value&) override { return false; }
};

}  // namespace

std::string Iterator::repr(Runtime&) const {
    return fmt::format("<{} object>", type_name());
}

Ref<Iterator> try_iterate(Runtime& rt, const Value& v) {
    const auto as_iterator = [](auto ref) { return Ref<Iterator>(ref.get()); };
    switch (v.kind()) {
        case Kind::list:
        case Kind::tuple:
            return as_iterator(rt.make<SequenceIterator>(v));
        case Kind::map:
            return as_iterator(rt.make<KeyIterator>(v));
        case Kind::string:
            return as_iterator(rt.make<CharacterIterator>(v));
        case Kind::undefined:
            return as_iterator(rt.make<EmptyIterator>());
        case Kind::opaque:
            return opaque_of(v).iterate(rt);
        default:
            return {};
    }
}

Ref<Iterator> iterate(Runtime& rt, const Value& v) {
    auto it = try_iterate(rt, v);
    if (!it) rt.fail_type("'{}' object is not iterable", type_name(v));
    return it;
}

std::vector<Value> collect(Runtime& rt, const Value& v) {
    std::vector<Value> out;
    if (v.is_sequence()) {
        rt.charge_values(v.items().size());
        out.assign(v.items().begin(), v.items().end());
        return out;
    }
    for_each(rt, v, [&](const Value& element) {
        rt.check_list_size(out.size() + 1);
        out.push_back(element);
    });
    return out;
}

int64_t length(Runtime& rt, const Value& v) {
    switch (v.kind()) {
        case Kind::undefined:
            return 0;
        case Kind::string:
            return int64_t(v.string_length());
        case Kind::list:
        case Kind::tuple:
            return int64_t(v.items().size());
        case Kind::map:
            return int64_t(v.entries().size());
        case Kind::opaque:
            if (const auto n = opaque_of(v).length(rt)) return *n;
            break;
        default:
            break;
    }
    rt.fail_type("object of type '{}' has no len()", type_name(v));
}

}  // namespace m2w::jinja
