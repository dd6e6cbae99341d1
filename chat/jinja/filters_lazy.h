// filters_lazy.h — filters whose result is a generator: elements are made when they are asked for,
// once.
#pragma once
#include "chat/jinja/builtins.h"

namespace m2w::jinja {

Value batch_filter(Runtime& rt, Args& a);
Value items_filter(Runtime& rt, Args& a);
Value map_filter(Runtime& rt, Args& a);
Value reject_filter(Runtime& rt, Args& a);
Value rejectattr_filter(Runtime& rt, Args& a);
Value select_filter(Runtime& rt, Args& a);
Value selectattr_filter(Runtime& rt, Args& a);
Value slice_filter(Runtime& rt, Args& a);
Value unique_filter(Runtime& rt, Args& a);

/// Strings in lower case, unless case matters; what sort, unique, min and max compare.
Value fold_case(Runtime& rt, const Value& v, bool case_sensitive);

}  // namespace m2w::jinja
