// model.cpp — puts hyperparameters, tensors and Plan together.
#include "runtime/model/model.h"

#include <fmt/format.h>

#include <cmath>

#include "gguf/guarded.h"
#include "runtime/model/arch_spec.h"
#include "runtime/model/plan_builder.h"

namespace m2w {
namespace {

Result<std::vector<float>> read_factors(const gguf::File& file, const TensorTable& table,
                                        Slot slot) {
    const uint32_t index = table.find(slot);
    if (index == kNoTensor) return std::vector<float>{};
    const Tensor& tensor = table.all()[index];
    TRY(auto factors, file.decode(*tensor.info));
    for (float f : factors)
        if (!std::isfinite(f) || f <= 0)
            return Error{Category::nan_scale,
                         fmt::format("{}: expected factors above 0, file has {}", tensor.name, f)};
    return factors;
}

}  // namespace

Result<std::shared_ptr<const Model>> Model::from(std::shared_ptr<const gguf::File> file) {
    return guarded("making a plan", [&] { return make(std::move(file)); });
}

Result<std::shared_ptr<const Model>> Model::make(std::shared_ptr<const gguf::File> file) {
    auto model = std::make_shared<Model>();
    TRY(model->hparams_, Hparams::from(*file));
    const ArchSpec& arch = *find_arch(model->hparams_.architecture);
    TRY(auto table, TensorTable::from(*file, model->hparams_, arch));
    RopeFactors factors;
    const bool two_sets = table.find(Slot::rope_factors_long) != kNoTensor;
    TRY(factors.usual,
        read_factors(*file, table, two_sets ? Slot::rope_factors_short : Slot::rope_freqs));
    TRY(factors.longer, read_factors(*file, table, Slot::rope_factors_long));
    model->plan_ = make_plan(arch, model->hparams_, table, factors);
    for (const Tensor& t : table.all()) model->n_params_ += t.rows * t.cols;
    for (const std::string& key : model->hparams_.unread_keys)
        model->warnings_.push_back("metadata not used: " + key);
    model->unused_tensors_ = table.unused_names();
    for (const std::string& name : model->unused_tensors_)
        model->warnings_.push_back("tensor not used: " + name);
    model->file_ = std::move(file);
    return std::shared_ptr<const Model>(std::move(model));
}

}  // namespace m2w
