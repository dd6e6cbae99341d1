// edge_cases.h — Steps at the borders of shapes and numbers, for WGSL: those of tests/kernels that
// can tell one kernel from another, few enough to compile in seconds.
#pragma once
#include <vector>

#include "tests/web/case_writer.h"

namespace m2w::test {

std::vector<Run> elementwise_edges();
std::vector<Run> norm_edges();
std::vector<Run> rope_edges();
std::vector<Run> cache_edges();
std::vector<Run> attend_edges();
std::vector<Run> recurrent_edges();
std::vector<Run> expert_edges();
std::vector<Run> product_edges();

/// Runs of a step, one for each batch.
void add_runs(std::vector<Run>& out, const StepCase& step, std::initializer_list<BatchCase> batches,
              Adapters adapters = on_cpu);

}  // namespace m2w::test
