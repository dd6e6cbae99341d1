// grids.cpp — the tables of grids.h. Knows no block.
#include "gguf/grids.h"

namespace m2w::detail {

#include "gguf/grids.inc"

}  // namespace m2w::detail
