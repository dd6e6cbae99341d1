// map_views.cpp — walking and printing views of a map.
#include "chat/jinja/map_views.h"

#include "chat/jinja/iterators.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/repr.h"

namespace m2w::jinja {
namespace {

class ViewIterator final : public Iterator {
  public:
    ViewIterator(Value map, MapView::What what)
        : map_(std::move(map)), what_(what), size_(map_.entries().size()) {}

    bool next(Runtime& rt, Value& element) override {
        const Map& entries = map_.entries();
        if (entries.size() != size_)
            rt.fail(ErrorKind::runtime, "dictionary changed size during iteration");
        if (at_ >= size_) return false;
        const auto& [key, value] = entries.at(at_++);
        switch (what_) {
            case MapView::What::items:
                element = rt.tuple({key, value});
                break;
            case MapView::What::keys:
                element = Value(key);
                break;
            case MapView::What::values:
                element = Value(value);
                break;
        }
        return true;
    }
    void drop_references() override {
        map_ = Value::map({});
        size_ = 0;
    }

  private:
    Value map_;
    MapView::What what_;
    size_t size_, at_ = 0;
};

}  // namespace

std::string_view MapView::type_name() const {
    constexpr std::string_view kNames[] = {"dict_items", "dict_keys", "dict_values"};
    return kNames[size_t(what_)];
}

std::string MapView::repr(Runtime& rt) const {
    std::vector<Value> parts;
    for (const auto& [key, value] : map_.entries()) {
        parts.push_back(what_ == What::items  ? rt.tuple({key, value})
                        : what_ == What::keys ? key
                                              : value);
    }
    Nested nested(rt);
    return fmt::format("{}({})", type_name(), jinja::repr(rt, rt.list(std::move(parts))));
}

Ref<Iterator> MapView::iterate(Runtime& rt) {
    return Ref<Iterator>(rt.make<ViewIterator>(map_, what_).get());
}

void merge_into(Runtime& rt, Map& entries, const Value& more) {
    const auto set = [&](const Value& key, const Value& value) {
        check_hashable(rt, key);
        rt.check_list_size((entries.size() + 1) * 2);
        entries.set(key, value);
    };
    if (more.is(Kind::map)) {
        rt.charge(more.entries().size());
        for (const auto& [key, value] : Map(more.entries())) set(key, value);
        return;
    }
    for_each(rt, more, [&](const Value& pair) {
        const std::vector<Value> parts = collect(rt, pair);
        if (parts.size() != 2)
            rt.fail_value("dictionary update sequence element has length {}; 2 is required",
                          parts.size());
        set(parts[0], parts[1]);
    });
}

}  // namespace m2w::jinja
