// map_views.h — dict.items(), keys() and values(): live views of a map.
#pragma once
#include "chat/jinja/runtime.h"

namespace m2w::jinja {

class MapView final : public Opaque {
  public:
    enum class What : uint8_t { items, keys, values };

    MapView(Value map, What what) : map_(std::move(map)), what_(what) {}

    std::string_view type_name() const override;
    std::string repr(Runtime& rt) const override;
    bool truthy(Runtime&) const override { return !map_.entries().empty(); }
    std::optional<int64_t> length(Runtime&) override { return int64_t(map_.entries().size()); }
    Ref<Iterator> iterate(Runtime& rt) override;
    void drop_references() override { map_ = Value::map({}); }

    const Value& map() const { return map_; }
    What what() const { return what_; }

  private:
    Value map_;
    What what_;
};

/// dict.update: from a map, or from pairs.
void merge_into(Runtime& rt, Map& entries, const Value& more);

}  // namespace m2w::jinja
