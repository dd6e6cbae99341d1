// ref_executor.h — runs a Plan with the reference ops on the CPU. The oracle for every other
// executor; needs no GPU.
#pragma once
#include <memory>

#include "runtime/executor.h"

namespace m2w {

/// Reads weights from the file (in place when it is mapped). Errors: io, out_of_memory, nan_scale.
Result<std::unique_ptr<Backend>> make_ref_backend(std::shared_ptr<const Plan> plan,
                                                  std::shared_ptr<const gguf::File> file,
                                                  const ProgressFn& progress);

}  // namespace m2w
