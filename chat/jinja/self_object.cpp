// self_object.cpp — finds a template's blocks and calls them.
#include "chat/jinja/self_object.h"

#include "chat/jinja/ast_walk.h"

namespace m2w::jinja {
namespace {

using ast::Block;

/// self.name()
class BlockFunction final : public Opaque {
  public:
    BlockFunction(Evaluator& evaluator, const Block& block)
        : evaluator_(evaluator), block_(block) {}
    std::string_view type_name() const override { return "BlockReference"; }
    std::string repr(Runtime&) const override { return "<BlockReference object>"; }
    bool callable() const override { return true; }
    Value call(Runtime& rt, CallArguments& arguments) override {
        if (!arguments.positional.empty() || !arguments.named.empty())
            rt.fail_type("a block takes no arguments");
        return evaluator_.render_block(block_);
    }

  private:
    Evaluator& evaluator_;
    const Block& block_;
};

void find_blocks(Runtime& rt, const ast::Body& body,
                 std::map<std::string_view, const Block*>& found) {
    for (const ast::Stmt& s : body) {
        rt.charge(1);
        if (const auto* block = std::get_if<Block>(&s.node)) found.emplace(block->name, block);
        ast::for_each_body(s, [&](const ast::Body& inner) { find_blocks(rt, inner, found); });
    }
}

}  // namespace

SelfObject::SelfObject(Evaluator& evaluator, const ast::Module& module) : evaluator_(evaluator) {
    find_blocks(evaluator.runtime(), module.body, blocks_);
}

std::optional<Value> SelfObject::attribute(Runtime& rt, std::string_view name) {
    const auto found = blocks_.find(name);
    if (found == blocks_.end()) return std::nullopt;
    return rt.make_value<BlockFunction>(evaluator_, *found->second);
}

}  // namespace m2w::jinja
