// engine_printer.cpp — declarations where a Step first needs them, then its dispatch.
#include "web-export/engine_printer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "web-export/turns.h"
#include "web-export/value_slots.h"
#include "web-export/weight_copies.h"

namespace m2w::web {
namespace {

/// What a tensor is called where all that are near share a prefix.
std::string behind(const std::string& prefix, const std::string& name) {
    return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

/// blk.0.attn_q.weight+blk.0.attn_k.weight -> attn_q_attn_k behind blk.0.
std::string name_of_tensor(const std::string& name, const std::string& block_prefix) {
    const std::string first = name.substr(0, name.find(".weight"));
    const std::string prefix = first.substr(0, first.rfind('.') + 1);
    std::string out;
    for (size_t begin = 0; begin <= name.size();) {
        const size_t end = std::min(name.find('+', begin), name.size());
        const std::string part = name.substr(begin, end - begin);
        out += (begin > 0 ? "_" : "") +
               script_name(behind(block_prefix, begin > 0 ? behind(prefix, part) : part));
        begin = end + 1;
    }
    return script_variable(out);
}

std::string print_copy(const ByteCopy& copy) {
    if (copy.count == 1) return fmt::format("[{}, {}, {}]", copy.from, copy.to, copy.bytes);
    return fmt::format("[{}, {}, {}, {}, {}]", copy.from, copy.to, copy.bytes, copy.count,
                       copy.stride);
}

/// Where the bytes of a buffer come from: a tensor as it is, or parts of some.
std::string print_source(const WeightBuffer& buffer, const std::string& tensor,
                         const std::string& prefix) {
    if (buffer.whole) return script_string(behind(prefix, tensor));
    std::string out;
    for (const WeightSourcePart& part : buffer.parts) {
        std::string copies;
        for (const ByteCopy& copy : part.copies)
            copies += (copies.empty() ? "" : ", ") + print_copy(copy);
        out += fmt::format("{}{}: [{}]", out.empty() ? "" : ", ",
                           script_string(behind(prefix, part.tensor)), copies);
    }
    return "{ " + out + " }";
}

/// A tensor's buffers: what stands for them in the file, and what kernels have to know of them.
struct PrintedWeight {
    std::vector<std::string> names;
    std::vector<WebWeight> pieces;
};

/// Where the Steps are that read an operand: in one block, or in several places.
struct Uses {
    uint32_t count = 0;
    std::set<uint32_t> blocks;
};

class EnginePrinter {
  public:
    EnginePrinter(const Plan& plan, const EngineFacts& facts, const EngineOptions& options,
                  const KernelSource& kernels)
        : plan_(plan),
          facts_(facts),
          options_(options),
          slots_(place_in_slots(plan)),
          kernels_(kernels),
          weights_(plan.tensors.size()) {}

    Result<PrintedEngine> print() {
        find_blocks();
        print_slots();
        uint32_t tap = 0;
        auto cut = plan_.short_cuts.begin();
        const std::vector<Moment> moments = moments_of(plan_);
        for (uint32_t s = 0; s < plan_.steps.size(); ++s) {
            const Step& step = plan_.steps[s];
            if (block_of_step_[s] != block_) {
                close_block();
                block_ = block_of_step_[s];
                if (block_ != 0)
                    TRY(open_block(step.layer));
                else
                    steps_ += "\n  // Behind the layers.\n";
            }
            const bool in_cut = cut != plan_.short_cuts.end() && cut->first <= s;
            StepPlace place{in_cut ? &cut->step : nullptr};
            TRY(print_step(step, place));
            if (s < moments[s].last) continue;
            place.is_cut = true;
            if (in_cut) TRY(print_step((cut++)->step, place));
            for (; tap < plan_.taps.size() && plan_.taps[tap].step <= s; ++tap) print_tap(tap);
        }
        close_block();
        steps_ += fmt::format("  d.logits = {};\n", slot_name(slots_.slot_of[plan_.logits]));
        return PrintedEngine{engine_text(), shaders_text()};
    }

  private:
    /// Steps of one layer that follow each other are a block, from 1; what is in no layer is in 0.
    void find_blocks() {
        uint32_t n_blocks = 0;
        for (uint32_t s = 0; s < plan_.steps.size(); ++s) {
            const Step& step = plan_.steps[s];
            if (step.layer >= 0 && (s == 0 || plan_.steps[s - 1].layer != step.layer)) ++n_blocks;
            block_of_step_.push_back(step.layer >= 0 ? n_blocks : 0);
            count_uses(step, block_of_step_.back());
        }
        for (const ShortCut& cut : plan_.short_cuts)
            count_uses(cut.step, block_of_step_[cut.first + cut.n - 1]);
    }

    void count_uses(const Step& step, uint32_t block) {
        const OpInfo& info = op_info(step.op);
        for (size_t i = 0; i < info.n_bindings(); ++i) {
            if (!step.operands[i].present()) continue;
            Uses& uses = uses_[{info.bindings[i].kind, step.operands[i].index}];
            ++uses.count;
            uses.blocks.insert(block);
        }
    }

    /// What a block's tensors are called begins alike: it is printed once.
    Result<void> open_block(int32_t layer) {
        block_prefix_.clear();
        bool first = true;
        for (uint32_t i = 0; i < plan_.tensors.size(); ++i) {
            if (!is_local(i)) continue;
            TRY(const auto buffers, weight_buffers(plan_.tensors[i], options_.max_buffer_bytes));
            for (const WeightBuffer& buffer : buffers)
                for (const WeightSourcePart& part : buffer.parts) {
                    if (first) block_prefix_ = part.tensor;
                    first = false;
                    while (!part.tensor.starts_with(block_prefix_)) block_prefix_.pop_back();
                }
        }
        block_prefix_.resize(block_prefix_.rfind('.') + 1);
        block_names_ = names_;
        block_names_.unique("w");
        block_text_ = fmt::format("\n  {{ // Layer {}.\n", layer);
        if (!block_prefix_.empty())
            block_text_ +=
                fmt::format("    const w = d.weights({});\n", script_string(block_prefix_));
        return {};
    }

    void close_block() {
        if (block_ != 0) steps_ += block_text_ + "  }\n";
        block_ = 0;
    }

    /// A line among those of the block, or in front of it.
    void line(bool local, const std::string& text) {
        if (local && block_ != 0)
            block_text_ += "    " + text + "\n";
        else
            steps_ += "  " + text + "\n";
    }

    std::string new_name(bool local, const std::string& name) {
        if (block_ == 0) return names_.unique(name);
        const std::string unique = block_names_.unique(name);
        return local ? unique : names_.unique(unique);
    }

    bool is_in_block(const std::set<uint32_t>& blocks) const {
        return block_ != 0 && blocks.size() == 1 && *blocks.begin() == block_;
    }

    std::string slot_name(uint32_t slot) const {
        return fmt::format("{}{}", slots_.slots[slot].rows == Rows::n_tok ? "v" : "out", slot);
    }

    void print_slots() {
        for (uint32_t i = 0; i < slots_.slots.size(); ++i) {
            const ValueSlots::Slot& slot = slots_.slots[i];
            line(false, fmt::format("const {} = d.{}({});", slot_name(i),
                                    slot.rows == Rows::n_tok ? "value" : "outValue", slot.width));
        }
    }

    void print_tap(uint32_t index) {
        const Tap& tap = plan_.taps[index];
        line(true, fmt::format("d.tap({}, {});", slot_name(slots_.slot_of[tap.value]),
                               plan_.values[tap.value].width));
    }

    static WebWeight piece_of(const Tensor& tensor, const WeightBuffer& buffer) {
        WebWeight piece{tensor.is_vector ? DType::f32 : tensor.dtype, {}, buffer.row0, buffer.rows};
        if (tensor.nbits) piece.nbits = tensor.nbits->format;
        return piece;
    }

    /// The matrix of a Step, or nullptr.
    const Tensor* weight_of(const Step& step) const {
        const OpInfo& info = op_info(step.op);
        for (size_t i = 0; i < info.n_bindings(); ++i)
            if (info.bindings[i].kind == Bind::weight)
                return &plan_.tensors[step.operands[i].index];
        return nullptr;
    }

    Result<const PrintedWeight*> weight(uint32_t index) {
        const Tensor& tensor = plan_.tensors[index];
        PrintedWeight& out = weights_[index];
        if (!out.names.empty()) return &out;
        TRY(const auto buffers, weight_buffers(tensor, options_.max_buffer_bytes));
        const bool local = is_local(index);
        const std::string prefix = local ? block_prefix_ : "";
        for (const WeightBuffer& buffer : buffers) {
            const DType dtype = out.pieces.emplace_back(piece_of(tensor, buffer)).dtype;
            const std::string text =
                fmt::format("{}({}, {})", prefix.empty() ? "d.weight" : "w", buffer.size_bytes,
                            print_source(buffer, tensor.name, prefix));
            const bool inlined = is_inlined(index) && buffers.size() == 1 && buffer.whole &&
                                 dtype_info(dtype).grid.empty();
            if (inlined) {
                out.names.push_back(text);
            } else {
                out.names.push_back(new_name(local, name_of_tensor(tensor.name, prefix)));
                line(local, fmt::format("const {} = {};", out.names.back(), text));
            }
            print_grid(dtype, out.names.back(), buffer, local);
            weight_bytes_ += buffer.size_bytes;
            largest_bytes_ = std::max(largest_bytes_, buffer.size_bytes);
        }
        return &out;
    }

    void print_grid(DType dtype, const std::string& name, const WeightBuffer& buffer, bool local) {
        const DTypeInfo& type = dtype_info(dtype);
        if (type.grid.empty()) return;
        const std::string table = "grid_" + script_name(type.name);
        if (tables_.find("const " + table + " ") == std::string::npos)
            tables_ +=
                fmt::format("\n/** What the indices of {} stand for. */\nconst {} =\n  '{}';\n",
                            type.name, table, base64(std::as_bytes(type.grid)));
        line(local, fmt::format("d.table({}, {}, {});", name, buffer.grid_offset_bytes, table));
    }

    /// Caches, states and constants, where a Step first needs them.
    template <class Print>
    std::string declare(Bind kind, uint32_t index, const std::string& name, Print&& print) {
        const auto [at, is_new] = declared_.emplace(name, std::string());
        if (is_new) {
            const bool local = is_in_block(uses_[{kind, index}].blocks);
            at->second = new_name(local, script_name(name));
            line(local, fmt::format("const {} = d.{};", at->second, print()));
        }
        return at->second;
    }

    Result<std::string> operand_name(Bind kind, uint32_t index, size_t piece) {
        switch (kind) {
            case Bind::activation:
                return slot_name(slots_.slot_of[index]);
            case Bind::weight:
            case Bind::vector: {
                TRY(const PrintedWeight* printed, weight(index));
                return printed->names[kind == Bind::weight ? piece : 0];
            }
            case Bind::constant:
                return declare(kind, index, plan_.constants[index].name, [&] {
                    const auto& words = plan_.constants[index].words;
                    if (const auto turns = turns_arguments(words))
                        return fmt::format("turns({})", *turns);
                    return fmt::format("constant([{}])", fmt::join(words, ", "));
                });
            case Bind::cache:
                return declare(kind, index, plan_.caches[index].name, [&] {
                    const PlanCache& cache = plan_.caches[index];
                    return fmt::format("cache({}, {})", cache.width, cache.window);
                });
            case Bind::state:
                return declare(kind, index, plan_.states[index].name,
                               [&] { return fmt::format("state({})", plan_.states[index].words); });
            case Bind::tokens:
                return std::string("d.tokens");
            case Bind::none:
                break;
        }
        return Error{Category::internal, "an operand of no kind"};
    }

    Result<void> print_step(const Step& step, StepPlace place) {
        std::vector<WebWeight> pieces{{}};
        if (const Tensor* tensor = weight_of(step)) {
            TRY(const PrintedWeight* printed, weight(uint32_t(tensor - plan_.tensors.data())));
            pieces = printed->pieces;
        }
        const Tensor* of_cut = place.cut ? weight_of(*place.cut) : nullptr;
        if (of_cut) {
            TRY(const auto buffers, weight_buffers(*of_cut, options_.max_buffer_bytes));
            place.cut_weight = piece_of(*of_cut, buffers[0]);
        }
        const OpInfo& info = op_info(step.op);
        for (size_t piece = 0; piece < pieces.size(); ++piece) {
            TRY(const KernelNames kernel, kernels_.names_of(plan_, step, pieces[piece], place));
            if (kernel.kernels.empty()) return {};
            scratch_.one = std::max(scratch_.one, kernel.scratch.one);
            scratch_.row = std::max(scratch_.row, kernel.scratch.row);
            takes_int8_ |= kernel.takes_int8;
            print_rounding(kernel, step);
            std::string buffers, writes;
            for (size_t i = 0; i < info.n_bindings(); ++i) {
                const Binding& binding = info.bindings[i];
                const Operand operand = step.operands[i];
                if (binding.kind != Bind::tokens && !operand.present()) continue;
                TRY(const std::string name, operand_name(binding.kind, operand.index, piece));
                buffers += ", " + name;
                if (binding.kind == Bind::activation && binding.mode == Mode::out)
                    writes += (writes.empty() ? place.is_cut ? " // one row: " : " // " : ", ") +
                              plan_.values[operand.index].name;
            }
            if (kernel.scratch.any()) buffers += ", scratch";
            line(true, fmt::format("d.run({}{});{}", kernel.kernels, buffers, writes));
        }
        return {};
    }

    /// The value as multiples of 8 bits, unless the buffer for them has it from the Step before.
    void print_rounding(const KernelNames& kernel, const Step& step) {
        if (!kernel.scratch.any()) return;
        std::pair<std::string, uint32_t> rounded;
        if (!kernel.rounding.empty()) rounded = {kernel.rounding, step.operand("x").index};
        if (rounded != rounded_ && !kernel.rounding.empty())
            line(true, fmt::format("if (int8) d.run({}, {}, scratch);", kernel.rounding,
                                   slot_name(slots_.slot_of[rounded.second])));
        rounded_ = rounded;
    }

    /// Of a tensor, whether all Steps that read it are in this block.
    bool is_local(uint32_t tensor) {
        std::set<uint32_t> blocks = uses_[{Bind::weight, tensor}].blocks;
        blocks.merge(std::set(uses_[{Bind::vector, tensor}].blocks));
        return is_in_block(blocks);
    }

    bool is_inlined(uint32_t tensor) {
        return uses_[{Bind::weight, tensor}].count + uses_[{Bind::vector, tensor}].count == 1;
    }

    std::string facts_text() const;
    std::string engine_text() const;
    std::string shaders_text() const;

    const Plan& plan_;
    const EngineFacts& facts_;
    const EngineOptions& options_;
    const ValueSlots slots_;
    KernelTable kernels_;
    ScriptNames names_;
    std::vector<PrintedWeight> weights_;           // [tensors]; empty: not printed yet
    std::map<std::string, std::string> declared_;  // caches, states and constants to their names
    std::string steps_, tables_;
    std::vector<uint32_t> block_of_step_;
    std::map<std::pair<Bind, uint32_t>, Uses> uses_;
    uint32_t block_ = 0;  // that is being printed: its number, its text, its names
    std::string block_text_, block_prefix_;
    ScriptNames block_names_;
    uint64_t weight_bytes_ = 0, largest_bytes_ = 0;
    ScratchWords scratch_;  // at most
    bool takes_int8_ = false;
    std::pair<std::string, uint32_t> rounded_;  // whose what the scratch buffer has, of which value
};

std::string EnginePrinter::facts_text() const {
    std::string tokens, outs, caches;
    for (const ValueSlots::Slot& slot : slots_.slots) {
        std::string& widths = slot.rows == Rows::n_tok ? tokens : outs;
        widths += fmt::format("{}{}", widths.empty() ? "" : ", ", slot.width);
    }
    if (scratch_.row) tokens += fmt::format("{}{}", tokens.empty() ? "" : ", ", scratch_.row);
    if (scratch_.one) outs += fmt::format("{}{}", outs.empty() ? "" : ", ", scratch_.one);
    std::map<uint32_t, uint64_t> width_of_window;
    for (const PlanCache& cache : plan_.caches) width_of_window[cache.window] += cache.width;
    for (const auto& [window, width] : width_of_window)
        caches +=
            fmt::format("{}{{ width: {}, window: {} }}", caches.empty() ? "" : ", ", width, window);
    uint64_t state_bytes = 0;
    for (const PlanState& state : plan_.states) state_bytes += uint64_t(state.words) * 8;
    std::string out = "export const model: ModelFacts = {\n";
    const auto line = [&](std::string_view key, const std::string& value) {
        out += fmt::format("  {}: {},\n", key, value);
    };
    line("name", script_string(facts_.name));
    line("nVocab", fmt::to_string(plan_.n_vocab));
    line("contextLength", fmt::to_string(plan_.context_length));
    line("layers", fmt::to_string(plan_.taps.size() - 1));
    line("parameters", fmt::to_string(facts_.n_params));
    line("weightBytes", fmt::to_string(weight_bytes_));
    line("largestWeightBytes", fmt::to_string(largest_bytes_));
    line("tokenWidths", "[" + tokens + "]");
    line("outWidths", "[" + outs + "]");
    line("caches", "[" + caches + "]");
    line("int8", takes_int8_ ? "true" : "false");
    line("stateBytes", fmt::to_string(state_bytes));
    line("planSha256", script_string(facts_.plan_sha256));
    line("headerSha256", script_string(facts_.header_sha256));
    return out + "};\n";
}

std::string EnginePrinter::engine_text() const {
    // What a model does not need is not named: the compiler refuses unused variables.
    const std::string& kernels = kernels_.declarations();
    std::string chosen_by;
    for (const std::string_view name : {"int8", "cpu", "subgroups", "halfCache"})
        if (kernels.find(fmt::format("{} ?", name)) != std::string::npos)
            chosen_by += fmt::format("{}{}", chosen_by.empty() ? "" : ", ", name);
    if (!chosen_by.empty()) chosen_by = fmt::format("  const {{ {} }} = d;\n", chosen_by);
    std::string scratch;
    if (scratch_.any())
        scratch = fmt::format("  const scratch = d.scratch({}, {});\n", scratch_.one, scratch_.row);
    std::string imports;
    for (const std::string_view name : {"perOutput", "perToken"})
        if (kernels.find(fmt::format("{}(", name)) != std::string::npos)
            imports += fmt::format(", {}", name);
    return fmt::format(
        "// engine.ts — every dispatch of a batch of {}, in order. Printed by m2w export from the "
        "model's Plan.\n"
        "import {{ Dispatches{} }} from './dispatches';\n"
        "import * as wgsl from './shaders';\n"
        "import type {{ EngineGpu, EngineOptions, ModelFacts }} from './types';\n\n"
        "{}\n"
        "/** The model, a line a dispatch: its kernels and, in the order of their bindings, its "
        "buffers. */\n"
        "function record(d: Dispatches): void {{\n"
        "{}"
        "  // Kernels with this model's sizes: buffers are read (r) and written (w), constants, "
        "and for "
        "a single row\n"
        "  // and, where that is another, for several: shader, workgroups, of how many rows each "
        "is; "
        "without that\n"
        "  // number workgroups are a row's. [] is none: a line for one row does there what "
        "several "
        "do for more.\n"
        "{}"
        "\n  // Values whose lives do not meet share a buffer; what a line writes is behind it.\n"
        "{}{}"
        "}}\n\n"
        "/** The model on a device: one timeline. */\n"
        "export class Engine extends Dispatches {{\n"
        "  /** Starts to compile; load() brings the weights. */\n"
        "  static create(gpu: EngineGpu, options: EngineOptions): Engine {{\n"
        "    const engine = new Engine(gpu, options);\n"
        "    record(engine);\n"
        "    return engine;\n"
        "  }}\n"
        "}}\n{}",
        script_name(facts_.name), imports, facts_text(), chosen_by, kernels, scratch, steps_,
        tables_);
}

std::string EnginePrinter::shaders_text() const {
    std::string out =
        "// shaders.ts — the WGSL that this model uses, and no other. Printed by m2w export.\n";
    for (const auto& [name, code] : kernels_.modules())
        out += fmt::format("\nexport const {} = /* wgsl */ {};\n", name, script_template(code));
    return out;
}

}  // namespace

Result<PrintedEngine> print_engine(const Plan& plan, const EngineFacts& facts,
                                   const EngineOptions& options, const KernelSource& kernels) {
    return EnginePrinter(plan, facts, options, kernels).print();
}

}  // namespace m2w::web
