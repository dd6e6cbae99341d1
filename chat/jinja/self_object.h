// self_object.h — the `self` variable: the template's blocks as functions.
#pragma once
#include <map>

#include "chat/jinja/evaluator.h"

namespace m2w::jinja {

class SelfObject final : public Opaque {
  public:
    SelfObject(Evaluator& evaluator, const ast::Module& module);
    std::string_view type_name() const override { return "TemplateReference"; }
    std::string repr(Runtime&) const override { return "<TemplateReference None>"; }
    std::optional<Value> attribute(Runtime& rt, std::string_view name) override;

  private:
    Evaluator& evaluator_;
    std::map<std::string_view, const ast::Block*> blocks_;
};

}  // namespace m2w::jinja
