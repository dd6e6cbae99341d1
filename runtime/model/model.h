// model.h — the façade of runtime/model: a file becomes hyperparameters, tensors and a Plan.
// Touches no device.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "runtime/model/hparams.h"
#include "runtime/model/plan.h"

namespace m2w {

/// A model that this build can run. Immutable; share it between threads. Keeps the File alive.
class Model {
  public:
    /// Errors: those of Hparams::from and TensorTable::from, out_of_memory. Reads no weights except
    /// rope_freqs.
    static Result<std::shared_ptr<const Model>> from(std::shared_ptr<const gguf::File> file);

    const gguf::File& file() const { return *file_; }
    const std::shared_ptr<const gguf::File>& shared_file() const { return file_; }
    const Hparams& hparams() const { return hparams_; }
    const Plan& plan() const { return plan_; }
    /// Weights counted one by one; a tied output head counts once.
    uint64_t n_params() const { return n_params_; }
    /// Names of the file's tensors that the Plan does not use. Keys that nothing read are in
    /// hparams().
    const std::vector<std::string>& unused_tensors() const { return unused_tensors_; }
    /// Both of them, for a person to read.
    const std::vector<std::string>& warnings() const { return warnings_; }

  private:
    static Result<std::shared_ptr<const Model>> make(std::shared_ptr<const gguf::File> file);

    std::shared_ptr<const gguf::File> file_;
    Hparams hparams_;
    Plan plan_;
    uint64_t n_params_ = 0;
    std::vector<std::string> unused_tensors_, warnings_;
};

}  // namespace m2w
