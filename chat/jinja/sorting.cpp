// sorting.cpp — merge sort: the standard library's sorts need an order that no key can break.
#include "chat/jinja/sorting.h"

#include <algorithm>

#include "chat/jinja/operators.h"

namespace m2w::jinja {

std::vector<Value> sort_by_keys(Runtime& rt, std::vector<Value> items,
                                const std::vector<Value>& keys, bool reverse) {
    const size_t n = items.size();
    std::vector<size_t> order(n), merged(n);
    for (size_t i = 0; i < n; ++i) order[i] = i;
    const auto before = [&](size_t a, size_t b) {
        return reverse ? less(rt, keys[b], keys[a]) : less(rt, keys[a], keys[b]);
    };
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t start = 0; start < n; start += 2 * width) {
            const size_t middle = std::min(start + width, n), end = std::min(start + 2 * width, n);
            size_t a = start, b = middle;
            for (size_t i = start; i < end; ++i) {
                const bool take_b = b < end && (a == middle || before(order[b], order[a]));
                merged[i] = order[take_b ? b++ : a++];
            }
        }
        std::swap(order, merged);
    }
    std::vector<Value> out;
    out.reserve(n);
    for (size_t i : order) out.push_back(std::move(items[i]));
    return out;
}

}  // namespace m2w::jinja
