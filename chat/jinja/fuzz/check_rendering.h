// check_rendering.h — what must hold for any template and any variables. A violation aborts.
#pragma once
#include <string_view>

namespace m2w::jinja::fuzz {

/// Parses and renders under low limits, so that small inputs reach them: text or one error with its
/// place, valid UTF-8, within the limits and in little time; the same each time; the variables
/// unchanged; what renders strictly renders the same when forgiving.
/// variables: JSON; anything else stands for none.
void check_rendering(std::string_view source, std::string_view variables);

}  // namespace m2w::jinja::fuzz
