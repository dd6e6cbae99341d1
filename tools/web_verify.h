// web_verify.h — m2w verify --web: a package's own comparison with the reference, in a browser, as
// the table of native devices.
#pragma once
#include <filesystem>

#include "tools/verbs.h"

namespace m2w::tools {

/// Runs the comparison of a folder that m2w export made, and prints what verify.json says then.
/// Errors: usage (no such package, its packages are not installed), io (Node.js is missing, or the
/// comparison did not come to an end).
Result<Verdict> verify_package(const std::filesystem::path& folder, bool json);

}  // namespace m2w::tools
