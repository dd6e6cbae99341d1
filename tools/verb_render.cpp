#include "tools/verbs.h"
namespace m2w::tools { Result<void> render(const Args&) { return Error{Category::unsupported,"later"}; } }
