// emitter.h — a Plan under construction: names, Steps and the ops that every part of a model uses.
// Decides nothing about architectures; the parts (layer_parts.h) do.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/model/arch_spec.h"
#include "runtime/model/hparams.h"
#include "runtime/model/plan.h"
#include "runtime/model/tensors.h"

namespace m2w {

/// An activation of the Plan.
struct ValueId {
    uint32_t index = Operand::kAbsent;
};

/// A param value for a contract; emit() checks the type against the table.
using ParamValue = std::variant<uint32_t, float>;

/// Appends Steps to one Plan. Names of values, caches and states get the layer as prefix ("l3.q").
class Emitter {
  public:
    Emitter(const ArchSpec& arch, const Hparams& hparams, const TensorTable& table);

    const ArchSpec& arch;
    const Hparams& hp;

    /// Steps from here on belong to this layer; -1: to none.
    void enter_layer(int32_t layer) { layer_ = layer; }
    uint32_t layer() const { return uint32_t(layer_); }

    /// Operands in binding order, params in contract order.
    void emit(Op op, std::initializer_list<uint32_t> operands,
              std::initializer_list<ParamValue> params);

    ValueId value(std::string_view name, uint32_t width, Rows rows = Rows::n_tok);
    /// window: positions that a query sees, 0 for all.
    uint32_t cache(std::string_view name, uint32_t width, uint32_t window);
    uint32_t state(std::string_view name, uint32_t words);
    uint32_t constant(std::string_view name, std::vector<uint32_t> words);
    /// The residual stream, after the last Step.
    void tap(ValueId x);

    uint32_t width(ValueId x) const { return plan_.values[x.index].width; }
    Rows rows(ValueId x) const { return plan_.values[x.index].rows; }
    /// Index of the tensor in the Plan, or kNoTensor: of this layer, for slots of layers.
    uint32_t find(Slot slot) const;
    /// The same for a tensor that TensorTable::from made sure of.
    uint32_t tensor(Slot slot) const;

    /// A norm of the architecture's kind; each of `groups` equal parts of a row is normalised by
    /// itself. bias: Slot::count for none; used where the file has it.
    ValueId norm(std::string_view name, ValueId x, Slot weight, uint32_t groups = 1,
                 Slot bias = Slot::count);
    /// bias: Slot::count for none; used where the file has it.
    ValueId matmul(std::string_view name, ValueId x, Slot weight, Slot bias = Slot::count);
    /// A matrix whose rows are those of up to three products, one after the other.
    struct Product {
        std::string_view name;
        uint32_t width;
    };
    std::array<ValueId, 3> matmul_split(ValueId x, Slot weight, Slot bias,
                                        std::initializer_list<Product> products);
    /// a + scale * b
    ValueId add(std::string_view name, ValueId a, ValueId b, float scale = 1);
    /// Turns each head of x by its position, as `table` has the angles.
    ValueId rope(std::string_view name, ValueId x, ValueId table, uint32_t n_head);
    /// of: its activation, limit and shift.
    ValueId glu(std::string_view name, ValueId gate, ValueId up, const FfnSpec& of);

    /// The finished Plan; logits f32 [n_out][n_vocab].
    Plan finish(ValueId logits);

  private:
    uint32_t find_optional(Slot slot) const;
    std::string scoped(std::string_view name) const;

    const TensorTable& table_;
    Plan plan_;
    int32_t layer_ = -1;
};

}  // namespace m2w
