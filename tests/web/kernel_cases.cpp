// kernel_cases.cpp — a program: the WGSL kernels of many Steps with their operands and the results
// of the reference, as files for a runner that has WebGPU. Every op and weight type, the vectors of
// tests/vectors, the shared cases of n-bit codes, and edges.
// usage: web_kernel_cases OUT_DIR, which gets cases.json and cases.bin
#include <cstdio>
#include <filesystem>

#include "kernels/push_layout.h"
#include "runtime/kernel_check/kernel_cases.h"
#include "tests/kernels/nbits_steps.h"
#include "tests/kernels/vector_file.h"
#include "tests/web/case_writer.h"
#include "tests/web/edge_cases.h"

namespace m2w::test {
namespace {

/// Ops with a weight have a kernel a format, of which CPU adapters run all.
Adapters adapters_of(const StepCase& step, bool weighted) {
    if (step.op == Op::norm_matmul)  // edges run those for GPUs without subgroups
        return step.weight_type == DType::q8_0 ? without_barriers : on_cpu;
    if (step.op == Op::rope_attend) return step.with.empty() ? on_cpu : on_all;  // large shaders
    if (!weighted || step.weight_type == DType::q8_0) return on_all;
    return step.weight_type == DType::f32 || step.weight_type == DType::q4_k ? without_barriers
                                                                             : on_cpu;
}

/// Whether packages have the op: no WGSL kernel needs sorted slots (drop_expert_orders()).
bool has_wgsl(const OpInfo& info) {
    return info.op != Op::expert_order;
}

bool is_weighted(const OpInfo& info) {
    return has_binding(info, Bind::weight);
}

Result<void> add_kernel_cases(CaseWriter& writer) {
    const BatchCase kBatches[] = {
        {.n_tok = 1, .pos = 0}, {.n_tok = 9, .pos = 4, .n_out = 3}, {.n_tok = 1, .pos = 78}};
    const std::vector<DType> types = weight_types();
    for (const OpInfo& info : all_ops())
        for (const StepCase& step : kernel_cases(info.op, types)) {
            if (!has_wgsl(info) || step.name.find("k=16640") != std::string::npos)
                continue;  // long rows are a matter of Vulkan's windows
            for (const BatchCase& batch : kBatches) {
                if (is_weighted(info) && batch.pos == 78) continue;
                if (info.one_token && batch.n_tok > 1) continue;
                Run run{.step = step, .batch = batch, .n_ctx = kCheckedContext};
                run.cache = batch.pos == 0 ? CacheType::f32 : CacheType::f16;
                run.pieces = step.weight_type == DType::q8_0 && batch.pos ? 3 : 1;
                run.adapters = adapters_of(step, is_weighted(info));
                TRY(writer.add(run));
            }
        }
    return {};
}

Result<void> add_vectors(CaseWriter& writer) {
    for (const OpInfo& info : all_ops()) {
        if (!has_wgsl(info)) continue;
        TRY(auto file, read_vectors(info));
        for (VectorCase& vector : file.cases) {
            Run run{.step = vector.step,
                    .batch = vector.batch,
                    .cache = vector.rig.cache,
                    .n_ctx = vector.rig.n_ctx,
                    .adapters = without_barriers};
            run.expected = std::move(vector.expected);
            run.rtol = double(file.rtol);
            TRY(writer.add(run));
        }
    }
    return {};
}

/// ONNX Runtime's cases, products also by an index into a stack. With the data missing there are
/// none, and the runner says so.
Result<size_t> add_nbits(CaseWriter& writer) {
    const std::filesystem::path folder = std::filesystem::path(M2W_SHARED_DIR) / "nbits";
    if (!std::filesystem::exists(folder)) return size_t(0);
    size_t n_cases = 0;
    for (const NBitsCase& golden : read_nbits_cases(folder, "MatMulNBits")) {
        Run run{.step = matmul_of(golden)};
        run.batch.n_tok = golden.facts["M"];
        run.expected["y"] = expected_of(golden, false);
        run.rtol = tolerance_of(golden, false);
        run.adapters = n_cases % 8 ? on_cpu : without_barriers;
        TRY(writer.add(run));
        run.step = indexed_matmul_of(golden);
        TRY(writer.add(run));
        ++n_cases;
    }
    for (const NBitsCase& golden : read_nbits_cases(folder, "GatherBlockQuantized")) {
        Run run{.step = embed_of(golden), .batch = gather_of(golden)};
        run.expected["y"] = golden.tensors.at("Y").floats();
        run.halves = golden.tensors.at("Y").dtype == "float16";
        run.rtol = kNBitsRtol;
        TRY(writer.add(run));
        ++n_cases;
    }
    return n_cases;
}

Result<void> add_edges(CaseWriter& writer) {
    for (const auto edges : {elementwise_edges, norm_edges, rope_edges, cache_edges, attend_edges,
                             recurrent_edges, expert_edges, product_edges})
        for (const Run& run : edges()) TRY(writer.add(run));
    return {};
}

Result<void> write_cases(const std::string& folder) {
    CaseWriter writer(folder);
    TRY(add_kernel_cases(writer));
    TRY(add_vectors(writer));
    TRY(const size_t n_nbits, add_nbits(writer));
    TRY(add_edges(writer));
    TRY(writer.finish(n_nbits));
    std::printf("%zu cases, %zu golden cases of n-bit codes\n", writer.n_cases(), n_nbits);
    return {};
}

}  // namespace
}  // namespace m2w::test

int main(int argc, char** argv) {
    if (argc != 2) return std::fputs("usage: web_kernel_cases OUT_DIR\n", stderr), 1;
    const auto written = m2w::test::write_cases(argv[1]);
    if (!written) std::fprintf(stderr, "web_kernel_cases: %s\n", written.error().str().c_str());
    return written ? 0 : 1;
}
