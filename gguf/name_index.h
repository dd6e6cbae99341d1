// name_index.h — lookup by name and duplicate detection over sorted indices. Private to gguf.
#pragma once
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace m2w::gguf::detail {

/// Indices of items in the order of their names (equal names in file order). O(n log n) whatever
/// the names are. name(item) gives a std::string.
template <class Item>
std::vector<uint32_t> sort_by_name(std::span<const Item> items, std::string Item::*name) {
    std::vector<uint32_t> order(items.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
        const int c = (items[a].*name).compare(items[b].*name);
        return c != 0 ? c < 0 : a < b;
    });
    return order;
}

/// The first item (in name order) whose name an earlier item has.
template <class Item>
std::optional<uint32_t> find_duplicate(std::span<const Item> items, std::string Item::*name,
                                       std::span<const uint32_t> order) {
    for (size_t i = 1; i < order.size(); i++)
        if (items[order[i]].*name == items[order[i - 1]].*name) return order[i];
    return std::nullopt;
}

template <class Item>
const Item* find_by_name(std::span<const Item> items, std::string Item::*name,
                         std::span<const uint32_t> order, std::string_view wanted) {
    const auto at = std::lower_bound(
        order.begin(), order.end(), wanted,
        [&](uint32_t i, std::string_view w) { return std::string_view(items[i].*name) < w; });
    if (at == order.end() || items[*at].*name != wanted) return nullptr;
    return &items[*at];
}

}  // namespace m2w::gguf::detail
