// expert_ids.cpp — random choices without repetition.
#include "runtime/kernel_check/expert_ids.h"

#include <algorithm>
#include <numeric>

#include "kernels/reference.h"

namespace m2w::op_check {

void fill_ids(Spread spread, uint32_t n_expert, uint32_t n_used, const BatchCase& batch,
              std::span<float> out) {
    Random random(batch.name());
    for (size_t t = 0; t < out.size() / n_used; ++t) {
        std::vector<uint32_t> ids(n_expert);
        std::iota(ids.begin(), ids.end(), 0u);
        if (spread == Spread::few && n_expert / 2 >= n_used)
            ids.erase(ids.begin(), ids.begin() + n_expert / 2);
        for (uint32_t i = 0; i < n_used; ++i)
            std::swap(ids[i], ids[i + random.below(uint32_t(ids.size()) - i)]);
        if (spread == Spread::one)
            std::iter_swap(ids.begin(), std::find(ids.begin(), ids.end(), n_expert - 1));
        for (uint32_t j = 0; j < n_used; ++j) out[t * n_used + j] = float(ids[j]);
    }
}

bool fill_expert_inputs(Spread spread, uint32_t n_expert, uint32_t n_used, std::string_view binding,
                        const BatchCase& batch, std::span<float> out) {
    if (binding != "ids" && binding != "order") return false;
    fill_ids(spread, n_expert, n_used, batch, out);
    if (binding == "order") {
        const std::vector<float> ids(out.begin(), out.end());
        ref::expert_order(ids, n_expert, out);
    }
    return true;
}

}  // namespace m2w::op_check
