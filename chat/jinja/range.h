// range.h — the range object: an arithmetic sequence that takes no memory.
#pragma once
#include "chat/jinja/runtime.h"

namespace m2w::jinja {

class Range final : public Opaque {
  public:
    /// step is not 0; the elements fit 64 bits (the sandbox caps their number).
    Range(int64_t start, int64_t stop, int64_t step) : start_(start), stop_(stop), step_(step) {}

    /// Number of elements; saturates.
    int64_t size() const;
    int64_t at(int64_t index) const { return start_ + index * step_; }
    int64_t step() const { return step_; }

    std::string_view type_name() const override { return "range"; }
    std::string repr(Runtime& rt) const override;
    bool truthy(Runtime&) const override { return size() > 0; }
    std::optional<int64_t> length(Runtime&) override { return size(); }
    Ref<Iterator> iterate(Runtime& rt) override;
    bool has_items() const override { return true; }
    std::optional<Value> item(Runtime& rt, const Value& key) override;
    std::optional<Value> attribute(Runtime& rt, std::string_view name) override;
    std::optional<bool> contains(Runtime& rt, const Value& element) override;
    bool equals(Runtime& rt, Opaque& other) override;

  private:
    int64_t start_, stop_, step_;
};

}  // namespace m2w::jinja
