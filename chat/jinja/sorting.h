// sorting.h — stable sorting by keys that may fail to compare.
#pragma once
#include <vector>

#include "chat/jinja/runtime.h"

namespace m2w::jinja {

/// The items in the order of their keys (keys[i] belongs to items[i]); equal keys keep their order,
/// also in reverse. Fails (type) for keys that have no order.
std::vector<Value> sort_by_keys(Runtime& rt, std::vector<Value> items,
                                const std::vector<Value>& keys, bool reverse);

}  // namespace m2w::jinja
