// verify_text.h — the table that m2w verify prints of a device. Compares nothing.
#pragma once
#include <string>

#include "runtime/verify.h"

namespace m2w::tools {

/// "input", "0", "1", ..., "logits".
std::string layer_name(size_t index, size_t n_layers);

/// A line a layer; where one is off, the Steps of the first such, as far as they are known.
std::string verify_text(const VerifyReport& report, double tolerance);

}  // namespace m2w::tools
