// kernel_report.h — m2w verify --kernels: every kernel of devices against the reference, as a
// table.
#pragma once
#include <string>
#include <vector>

#include "tools/verbs.h"

namespace m2w::tools {

/// ops and types by their names; empty: all of them. Errors: usage (an unknown name), those of
/// op_check::verify_kernels.
Result<Verdict> verify_kernels_of(const std::vector<std::string>& devices,
                                  const std::vector<std::string>& ops,
                                  const std::vector<std::string>& types, bool json);

}  // namespace m2w::tools
