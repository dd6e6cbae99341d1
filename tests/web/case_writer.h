// case_writer.h — Steps with their operands and the results of the reference as files, for a runner
// that has WebGPU and nothing else: cases.json and cases.bin. Knows no device.
#pragma once
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "runtime/executor.h"
#include "runtime/kernel_check/op_case.h"
#include "web-export/web_step.h"

namespace m2w::op_check {
struct OpPlan;
}

namespace m2w::test {

using namespace op_check;

/// Classes of adapters as a page finds them, by bits. What has barriers for its sums, kernels for
/// GPUs without subgroups, takes SwiftShader ten times as long.
enum Adapters : uint8_t {
    on_cpu = 1,
    on_gpu = 2,
    on_subgroups = 4,
    without_barriers = on_cpu | on_subgroups,
    on_all = on_cpu | on_gpu | on_subgroups,
};

/// A Step, a batch, and how a page might hold what they need.
struct Run {
    StepCase step;
    BatchCase batch{};
    CacheType cache = CacheType::f16;
    uint32_t n_ctx = 0;
    uint32_t ring = 0;    // rows of the caches that the Step stores into; 0: one for each position
    uint32_t pieces = 1;  // of the weight
    Adapters adapters = on_cpu;
    bool int8_activations = false;
    bool rounded_reference = false;  // with the same activations, else with those of the batch
    std::map<std::string_view, std::vector<float>> expected{};  // else the reference's
    bool halves = false;  // expected are halves, to which results are to be rounded
    double rtol = -1;     // else the contract's
};

class CaseWriter {
  public:
    explicit CaseWriter(const std::string& folder);

    /// A case for each class of adapters; of classes that run the same kernels, for the first.
    Result<void> add(const Run& run);
    /// `n_golden` is for the runner to check. Errors: io.
    Result<void> finish(size_t n_golden);
    size_t n_cases() const { return cases_.size(); }

  private:
    using json = nlohmann::json;
    struct Subject;

    Result<void> add_case(const Subject& subject, Adapters adapter);
    Result<void> round_reference(const Subject& subject);
    Result<void> add_buffers(const Subject& subject);
    Result<void> add_buffer(const Subject& subject, uint32_t binding);
    Result<void> add_cache(const Subject& subject, uint32_t binding, std::vector<float> rows);
    Result<json> kernels_of(const Subject& subject, web::WebContext context);
    void expect(const Subject& subject, uint32_t binding, const std::vector<float>& values);
    json entry(Op op, const web::WebKernel& kernel, const std::vector<size_t>& buffer_of);

    template <class T>
    json stored(const std::vector<T>& data);

    std::string folder_;
    std::ofstream bin_;
    uint64_t at_ = 0;
    json modules_ = json::object(), cases_ = json::array();
    std::set<std::string> names_;

    // Of the Step that is being added:
    json buffers_, expected_;
    std::vector<size_t> buffer_of_;
    std::vector<size_t> pieces_;  // of the weight
    std::optional<size_t> scratch_;
    std::vector<float> x_;  // before it was rounded for the reference
    uint32_t cache_rows_ = 0;
};

}  // namespace m2w::test
