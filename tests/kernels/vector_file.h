// vector_file.h — reads tests/vectors/<op>.gguf (see the README there) into cases. Runs nothing.
#pragma once
#include <string>
#include <vector>

#include "gguf/file.h"
#include "runtime/kernel_check/op_rig.h"

namespace m2w::test {

using namespace op_check;

struct VectorCase {
    StepCase step;  // its inputs and weights are those of the file
    BatchCase batch;
    RigOptions rig;
    std::map<std::string_view, std::vector<float>> expected;  // by binding
};

struct VectorFile {
    std::string path;
    std::string provenance;
    float rtol = 0;
    std::vector<VectorCase> cases;
};

std::string vector_path(const OpInfo& info);
/// Errors: those of gguf::File, and shape_mismatch for files that do not follow the contract.
Result<VectorFile> read_vectors(const OpInfo& info);

}  // namespace m2w::test
