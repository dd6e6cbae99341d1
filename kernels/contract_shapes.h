// contract_shapes.h — shapes of the op contracts in numbers. Knows no Step.
#pragma once
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace m2w {

/// Evaluates the shape string of a binding, e.g. "[rows * groups][n_rot / 2]": dims, slowest first.
/// value_of gives params and dynamic values by their names. Within an expression factors go from
/// left to right, then the terms.
std::vector<uint64_t> evaluate_shape(std::string_view shape,
                                     const std::function<uint64_t(std::string_view)>& value_of);

}  // namespace m2w
