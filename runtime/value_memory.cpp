// value_memory.cpp — first-fit placement in order of birth.
#include "runtime/value_memory.h"

#include <algorithm>

namespace m2w {
namespace {

constexpr uint64_t kAlignBytes = 256;

struct Life {
    uint32_t value;
    uint32_t first, last;  // Steps, of whole moments
    uint64_t size_bytes;
};

/// Lives of the values that take bytes, in order of birth.
std::vector<Life> lives_of(const Plan& plan, uint32_t n_tok, uint32_t n_out, bool keep_all) {
    const uint32_t end = uint32_t(plan.steps.size());
    std::vector<Life> lives;
    std::vector<bool> touched(plan.values.size(), keep_all);
    touched[plan.logits] = true;
    for (uint32_t v = 0; v < plan.values.size(); ++v) {
        const uint64_t rows = plan.values[v].rows == Rows::n_tok ? n_tok : n_out;
        const uint64_t size =
            (rows * plan.values[v].width * 4 + kAlignBytes - 1) / kAlignBytes * kAlignBytes;
        lives.push_back({v, 0, keep_all ? end : 0, size});
    }
    const std::vector<Moment> moments = moments_of(plan);
    for (uint32_t s = 0; s < end; ++s) {
        const OpInfo& info = op_info(plan.steps[s].op);
        for (size_t i = 0; i < info.n_bindings(); ++i) {
            const Operand operand = plan.steps[s].operands[i];
            if (info.bindings[i].kind != Bind::activation || !operand.present()) continue;
            Life& life = lives[operand.index];
            touched[operand.index] = true;
            if (info.bindings[i].mode == Mode::out && !keep_all) life.first = moments[s].first;
            life.last = std::max(life.last, moments[s].last);
        }
    }
    lives[plan.logits].last = end;
    // Fusing leaves products that nobody writes any more.
    std::erase_if(lives, [&](const Life& life) { return !touched[life.value]; });
    std::stable_sort(lives.begin(), lives.end(),
                     [](const Life& a, const Life& b) { return a.first < b.first; });
    return lives;
}

}  // namespace

ValueMemory place_values(const Plan& plan, uint32_t n_tok, uint32_t n_out, bool keep_all) {
    ValueMemory memory;
    memory.offset_bytes.resize(plan.values.size());
    struct Placed {
        uint64_t begin, end;
        uint32_t last;
    };
    std::vector<Placed> placed;  // sorted by begin; only values that are still alive
    for (const Life& life : lives_of(plan, n_tok, n_out, keep_all)) {
        std::erase_if(placed, [&](const Placed& p) { return p.last < life.first; });
        uint64_t at = 0;
        auto where = placed.begin();
        for (; where != placed.end() && where->begin < at + life.size_bytes; ++where)
            at = where->end;
        placed.insert(where, {at, at + life.size_bytes, life.last});
        memory.offset_bytes[life.value] = at;
        memory.size_bytes = std::max(memory.size_bytes, at + life.size_bytes);
    }
    return memory;
}

}  // namespace m2w
