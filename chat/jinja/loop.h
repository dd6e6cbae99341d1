// loop.h — the `loop` variable: position, neighbours, recursion. Looks one element ahead only when
// asked.
#pragma once
#include <optional>

#include "chat/jinja/evaluator.h"

namespace m2w::jinja {

class LoopObject final : public Opaque {
  public:
    /// iterable: what len() is asked of; elements: the iterator over it.
    LoopObject(Evaluator& evaluator, const ast::For& node, Ref<Scope> outer, Value iterable,
               Ref<Iterator> elements, int64_t depth0)
        : evaluator_(evaluator),
          node_(node),
          outer_(std::move(outer)),
          iterable_(std::move(iterable)),
          elements_(std::move(elements)),
          depth0_(depth0) {}

    /// Moves to the next element, or returns false at the end.
    bool advance(Runtime& rt, Value& element);
    bool started() const { return index0_ >= 0; }

    std::string_view type_name() const override { return "LoopContext"; }
    std::string repr(Runtime& rt) const override;
    std::optional<int64_t> length(Runtime& rt) override { return count(rt); }
    Ref<Iterator> iterate(Runtime& rt) override;
    std::optional<Value> attribute(Runtime& rt, std::string_view name) override;
    bool callable() const override { return true; }
    Value call(Runtime& rt, CallArguments& arguments) override;
    void drop_references() override;

  private:
    int64_t count(Runtime& rt);
    const std::optional<Value>& peek(Runtime& rt);
    static Value cycle(Runtime& rt, Opaque& object, CallArguments& arguments);
    static Value changed(Runtime& rt, Opaque& object, CallArguments& arguments);

    Evaluator& evaluator_;
    const ast::For& node_;
    Ref<Scope> outer_;
    Value iterable_;
    Ref<Iterator> elements_;
    int64_t depth0_;
    int64_t index0_ = -1;
    std::optional<int64_t> count_;
    Value before_, current_;
    std::optional<Value> after_;
    std::optional<Value> last_changed_;
};

/// The elements of a loop that satisfy its condition.
class FilteredElements final : public Iterator {
  public:
    FilteredElements(Evaluator& evaluator, const ast::For& node, Ref<Scope> outer,
                     Ref<Iterator> elements)
        : evaluator_(evaluator),
          node_(node),
          outer_(std::move(outer)),
          elements_(std::move(elements)) {}
    bool next(Runtime& rt, Value& element) override;
    void drop_references() override;

  private:
    Evaluator& evaluator_;
    const ast::For& node_;
    Ref<Scope> outer_;
    Ref<Iterator> elements_;
};

}  // namespace m2w::jinja
