// kernel_cases.cpp — a program: the WGSL kernels of many Steps with their operands and the results
// of the reference, as files for a runner that has WebGPU.
// usage: web_kernel_cases OUT_DIR, which gets cases.json and cases.bin
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "gguf/float16.h"
#include "runtime/kernel_check/kernel_cases.h"
#include "runtime/kernel_check/op_plan.h"
#include "runtime/ref_executor.h"
#include "tests/kernels/vector_file.h"
#include "web-export/web_step.h"

namespace m2w::test {
namespace {

using nlohmann::json;
using web::Adapter;
using web::BatchSize;
using web::CacheFormat;
using web::WebContext;
using web::WebKernel;

constexpr uint32_t kSlots = 3, kPastSlot = 1, kStateSlot = 2;
constexpr float kKept = 0.5f;  // what caches hold where nothing is stored

/// A class of adapters, as a page finds it.
struct AdapterClass {
    const char* name;
    Adapter adapter;
    bool subgroups;
};
constexpr AdapterClass kAdapters[] = {
    {"cpu", Adapter::cpu, false}, {"gpu", Adapter::gpu, false}, {"subgroups", Adapter::gpu, true}};

struct Run {
    StepCase step;
    BatchCase batch;
    CacheType cache = CacheType::f16;
    uint32_t n_ctx = 0;
    uint32_t pieces = 1;                                        // of the weight
    std::map<std::string_view, std::vector<float>> expected{};  // else the reference's
    double rtol = 0;
};

class Writer {
  public:
    explicit Writer(const std::string& folder)
        : folder_(folder), bin_(folder + "/cases.bin", std::ios::binary) {}

    Result<void> add(const Run& run, std::span<const AdapterClass> adapters) {
        TRY(const OpPlan ops, make_op_plan(std::span(&run.step, 1)));
        TRY(auto backend, make_ref_backend(ops.plan, ops.file, {}));
        const uint32_t end = run.batch.pos + run.batch.n_tok;
        TRY(auto executor,
            backend->new_executor({.n_ctx = std::max(run.n_ctx, end),
                                   .n_batch = std::max(run.batch.n_tok, run.batch.pos),
                                   .n_out = std::max(run.batch.n_tok, run.batch.n_out),
                                   .n_slots = kSlots,
                                   .cache = run.cache,
                                   .keep_values = true}));
        if (run.step.op == Op::attend && run.batch.pos > 0)
            TRY(run_reference(run, ops, *executor, {.n_tok = run.batch.pos}));
        TRY(run_reference(run, ops, *executor, run.batch));
        for (const AdapterClass& adapter : adapters) TRY(add_case(run, ops, *executor, adapter));
        return {};
    }

    bool finish() {
        std::ofstream(folder_ + "/cases.json") << json{{"modules", modules_}, {"cases", cases_}};
        return bool(bin_.flush());
    }
    size_t n_cases() const { return cases_.size(); }

  private:
    static Result<void> run_reference(const Run& run, const OpPlan& ops, Executor& executor,
                                      const BatchCase& batch) {
        for (const op_check::Slot& slot : ops.slots) {
            if (slot.mode == Mode::out || slot.kind == Bind::cache) continue;
            std::vector<float> data(slot.width * (slot.kind == Bind::state   ? 1
                                                  : slot.rows == Rows::n_tok ? batch.n_tok
                                                                             : batch.n_out));
            const bool zero = slot.kind == Bind::state && batch.pos == 0;
            const bool given = !zero && run.step.fill && run.step.fill(slot.binding, batch, data);
            if (!zero && !given) {
                Random random(fmt::format("{}.{}", run.step.full_name(), slot.binding));
                random.fill(data, run.step.scale_of(slot.binding));
            }
            if (slot.kind == Bind::state)
                TRY(executor.write_state(slot.index, kPastSlot, data));
            else
                TRY(executor.write_value(slot.index, data));
        }
        TRY(executor.write_value(ops.plan->logits,
                                 std::vector<float>(size_t(batch.n_out) * kLogitsWidth)));
        TRY(executor.run({tokens_of(ops, batch), batch.pos, batch.n_out, kPastSlot, kStateSlot}));
        return {};
    }

    static std::vector<uint32_t> tokens_of(const OpPlan& ops, const BatchCase& batch) {
        if (!batch.tokens.empty()) return batch.tokens;
        std::vector<uint32_t> ids(batch.n_tok);
        for (uint32_t t = 0; ops.n_vocab && t < batch.n_tok; ++t)
            ids[t] = (t * 31 + ops.n_vocab - 1) % ops.n_vocab;
        return ids;
    }

    Result<void> add_case(const Run& run, const OpPlan& ops, Executor& executor,
                          const AdapterClass& adapter) {
        const Step& step = ops.plan->steps[ops.step_of[0]];
        const OpInfo& info = op_info(step.op);
        json out{
            {"name", fmt::format("{} {} {}", run.step.full_name(), run.batch.name(), adapter.name)},
            {"batch", {run.batch.n_tok, run.batch.pos, run.batch.n_out, run.n_ctx}},
            {"buffers", json::array()},
            {"expected", json::array()},
            {"kernels", json::array()}};
        std::vector<size_t> buffer_of(info.n_bindings());
        const bool rows_out = std::any_of(
            ops.slots.begin(), ops.slots.end(),
            [](const op_check::Slot& s) { return s.mode == Mode::out && s.rows == Rows::n_out; });
        out["rows"] = rows_out ? run.batch.n_out : run.batch.n_tok;
        uint64_t cache_rows = 0;
        for (uint32_t b = 0; b < info.n_bindings(); ++b) {
            const Binding& binding = info.bindings[b];
            buffer_of[b] = out["buffers"].size();
            if (!step.operands[b].present() && binding.kind != Bind::tokens) continue;
            if (binding.kind == Bind::weight) continue;  // by pieces, below
            TRY(add_buffer(run, ops, executor, step, b, out, cache_rows));
        }
        WebContext context{
            .adapter = adapter.adapter,
            .batch = run.batch.n_tok > 1 ? BatchSize::many : BatchSize::one,
            .cache = run.cache == CacheType::f16 ? CacheFormat::f16 : CacheFormat::f32,
            .cache_rows = uint32_t(cache_rows),
            .rows_are_out = rows_out,
            .subgroups = adapter.subgroups};
        TRY(add_kernels(run, ops, step, context, buffer_of, out));
        cases_.push_back(std::move(out));
        return {};
    }

    Result<void> add_kernels(const Run& run, const OpPlan& ops, const Step& step,
                             WebContext context, std::vector<size_t> buffer_of, json& out) {
        const OpInfo& info = op_info(step.op);
        uint32_t w = 0;
        while (w < info.n_bindings() && info.bindings[w].kind != Bind::weight) ++w;
        const bool weighted = w < info.n_bindings();
        const Tensor* tensor = weighted ? &ops.plan->tensors[step.operands[w].index] : nullptr;
        const uint64_t rows = weighted ? tensor->rows : 1,
                       each = (rows + run.pieces - 1) / run.pieces;
        for (uint64_t first = 0; first < rows; first += each) {
            if (weighted) {
                context.weight = {tensor->dtype, {}, first, std::min(each, rows - first)};
                if (tensor->nbits) context.weight.nbits = tensor->nbits->format;
                TRY(const auto planes, planes_of(*ops.file, *tensor, context.weight));
                buffer_of[w] = out["buffers"].size();
                out["buffers"].push_back(stored(planes));
            }
            TRY(const auto kernels, web::web_kernels(step, context));
            for (const WebKernel& kernel : kernels)
                out["kernels"].push_back(entry(kernel, buffer_of));
        }
        return {};
    }

    /// The planes of some rows, as the package's weights.
    static Result<std::vector<std::byte>> planes_of(const gguf::File& file, const Tensor& tensor,
                                                    const web::WebWeight& piece) {
        if (piece.nbits) return nbits_planes(file, tensor, piece);
        const DTypeInfo& type = dtype_info(tensor.dtype);
        const uint64_t a_row = tensor.cols / type.block_elems, n_blocks = piece.rows * a_row;
        std::vector<std::byte> blocks(n_blocks * type.block_bytes);
        TRY(file.read(*tensor.info, piece.row0 * a_row * type.block_bytes, blocks));
        const PlaneLayout layout = plane_layout(tensor.dtype, n_blocks);
        std::vector<std::byte> out(layout.size_bytes);
        std::byte* planes[4] = {};
        for (uint32_t i = 0; i < layout.count; ++i) planes[i] = &out[layout.offset_bytes[i]];
        repack(type, blocks.data(), n_blocks, planes);
        if (!type.grid.empty())
            std::memcpy(planes[layout.count - 1], type.grid.data(), type.grid.size_bytes());
        return out;
    }

    static Result<std::vector<std::byte>> nbits_planes(const gguf::File& file, const Tensor& tensor,
                                                       const web::WebWeight& piece) {
        const NBits& format = *piece.nbits;
        const PlaneLayout layout = nbits_layout(format, piece.rows, tensor.cols);
        std::vector<std::byte> out(layout.size_bytes);
        const auto read = [&](const gguf::TensorInfo* from, uint64_t row_bytes, uint32_t plane) {
            return file.read(
                *from, piece.row0 * row_bytes,
                std::span(out).subspan(layout.offset_bytes[plane], piece.rows * row_bytes));
        };
        TRY(read(tensor.nbits->codes, format.code_bytes(tensor.cols), 0));
        TRY(read(tensor.nbits->scales, format.scale_bytes(tensor.cols), 1));
        if (format.zero != NBits::Zero::middle)
            TRY(read(tensor.nbits->zeros, format.zero_bytes(tensor.cols),
                     format.zero == NBits::Zero::codes ? kZeroCodesPlane : kZeroFloatsPlane));
        return out;
    }

    Result<void> add_buffer(const Run& run, const OpPlan& ops, Executor& executor, const Step& step,
                            uint32_t b, json& out, uint64_t& cache_rows) {
        const Binding& binding = op_info(step.op).bindings[b];
        const Operand operand = step.operands[b];
        std::vector<float> floats;
        switch (binding.kind) {
            case Bind::tokens:
                out["buffers"].push_back(stored(tokens_of(ops, run.batch)));
                return {};
            case Bind::constant:
                out["buffers"].push_back(stored(ops.plan->constants[operand.index].words));
                return {};
            case Bind::vector: {
                TRY(floats, ops.file->decode(*ops.plan->tensors[operand.index].info));
                out["buffers"].push_back(stored(floats));
                return {};
            }
            case Bind::activation: {
                TRY(floats, executor.read_value(operand.index));
                break;
            }
            case Bind::state: {
                TRY(floats, executor.read_state(operand.index,
                                                binding.mode == Mode::in ? kPastSlot : kStateSlot));
                if (binding.mode == Mode::in && run.batch.pos == 0)
                    std::fill(floats.begin(), floats.end(), NAN);  // must not be looked at
                break;
            }
            case Bind::cache: {
                TRY(floats, executor.read_cache(operand.index));
                cache_rows = floats.size() / ops.plan->caches[operand.index].width;
                return add_cache(run, binding, floats, cache_rows, out);
            }
            case Bind::weight:
            case Bind::none:
                break;
        }
        if (binding.mode == Mode::in) {
            out["buffers"].push_back(stored(floats));
            return {};
        }
        const auto given = run.expected.find(binding.name);
        expect(run, binding, given == run.expected.end() ? floats : given->second, false, out);
        out["buffers"].push_back({{"bytes", floats.size() * 4}});
        return {};
    }

    /// What a store leaves alone holds kKept; what attend must not see is not a number.
    Result<void> add_cache(const Run& run, const Binding& binding, std::vector<float> rows,
                           uint64_t cache_rows, json& out) {
        const uint64_t width = rows.size() / cache_rows;
        std::vector<float> before = rows;
        const uint64_t last = run.batch.pos + run.batch.n_tok;
        const uint64_t oldest = last > cache_rows ? last - cache_rows : 0;
        const uint64_t first = binding.mode == Mode::in ? oldest : run.batch.pos;
        for (uint64_t row = 0; row < cache_rows; ++row) {
            const bool held = (row + cache_rows - first % cache_rows) % cache_rows < last - first;
            if (binding.mode == Mode::in && held) continue;
            for (uint64_t i = row * width; i < (row + 1) * width; ++i) {
                before[i] = binding.mode == Mode::in ? NAN : kKept;
                if (!held) rows[i] = before[i];
            }
        }
        const bool f16 = run.cache == CacheType::f16;
        if (binding.mode == Mode::out) expect(run, binding, rows, f16, out);
        if (f16)
            out["buffers"].push_back(stored(halves(before)));
        else
            out["buffers"].push_back(stored(before));
        return {};
    }

    static std::vector<uint16_t> halves(const std::vector<float>& floats) {
        std::vector<uint16_t> out(floats.size());
        for (size_t i = 0; i < out.size(); ++i) out[i] = f32_to_f16(floats[i]);
        return out;
    }

    void expect(const Run& run, const Binding& binding, const std::vector<float>& values, bool f16,
                json& out) {
        json expected = stored(values);
        expected["buffer"] = out["buffers"].size();
        expected["binding"] = binding.name;
        expected["n"] = values.size();
        expected["f16"] = f16;
        if (binding.kind == Bind::cache) expected["kept"] = kKept;
        expected["rtol"] = run.rtol;
        out["expected"].push_back(std::move(expected));
    }

    json entry(const WebKernel& kernel, const std::vector<size_t>& buffer_of) {
        modules_[kernel.module] = kernel.code;
        json constants = json::object(), buffers = json::array();
        for (const web::WebConstant& c : kernel.constants)
            constants[c.name] = c.is_float ? json(std::bit_cast<float>(c.bits)) : json(c.bits);
        for (const uint32_t binding : kernel.bindings) buffers.push_back(buffer_of[binding]);
        return {{"module", kernel.module},
                {"constants", constants},
                {"buffers", buffers},
                {"fixed", kernel.grid.fixed},
                {"timesRows", kernel.grid.times_rows},
                {"per", kernel.grid.per},
                {"columns", kernel.grid.columns}};
    }

    /// Puts data into the binary file, a multiple of four bytes.
    template <class T>
    json stored(const std::vector<T>& data) {
        const auto bytes = std::as_bytes(std::span(data));
        json out{{"bytes", bytes.size()}, {"at", at_}};
        bin_.write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
        const size_t pad = (4 - bytes.size() % 4) % 4;
        bin_.write("\0\0\0", std::streamsize(pad));
        at_ += bytes.size() + pad;
        return out;
    }

    std::string folder_;
    std::ofstream bin_;
    uint64_t at_ = 0;
    json modules_ = json::object(), cases_ = json::array();
};

/// Ops with a weight have a kernel a format, of which CPU adapters run all.
bool of_few_types(const StepCase& step) {
    return step.weight_type == DType::f32 || step.weight_type == DType::q8_0 ||
           step.weight_type == DType::q4_k;
}

Result<void> add_kernel_cases(Writer& writer) {
    const BatchCase kBatches[] = {
        {.n_tok = 1, .pos = 0}, {.n_tok = 9, .pos = 4, .n_out = 3}, {.n_tok = 1, .pos = 78}};
    const std::vector<DType> types = weight_types();
    for (const OpInfo& info : all_ops())
        for (const StepCase& step : kernel_cases(info.op, types)) {
            if (step.name.find("k=16640") != std::string::npos)
                continue;  // a matter of Vulkan's windows
            const bool weighted = info.bindings[0].kind == Bind::weight || info.op == Op::embed;
            for (const BatchCase& batch : kBatches) {
                if (weighted && batch.pos == 78) continue;
                Run run{.step = step,
                        .batch = batch,
                        .n_ctx = kCheckedContext,
                        .rtol = double(info.rtol)};
                run.cache = batch.pos == 0 ? CacheType::f32 : CacheType::f16;
                run.pieces = step.weight_type == DType::q8_0 && batch.pos ? 3 : 1;
                TRY(writer.add(run, std::span(kAdapters).first(of_few_types(step) ? 3 : 1)));
            }
        }
    return {};
}

Result<void> add_vectors(Writer& writer) {
    for (const OpInfo& info : all_ops()) {
        TRY(auto file, read_vectors(info));
        for (VectorCase& vector : file.cases) {
            Run run{.step = vector.step,
                    .batch = vector.batch,
                    .cache = vector.rig.cache,
                    .n_ctx = vector.rig.n_ctx,
                    .rtol = double(file.rtol)};
            for (auto& [binding, values] : vector.expected)
                if (!binding.ends_with("_cache")) run.expected[binding] = std::move(values);
            TRY(writer.add(run, kAdapters));
        }
    }
    return {};
}

Result<void> write_cases(const std::string& folder) {
    Writer writer(folder);
    TRY(add_kernel_cases(writer));
    TRY(add_vectors(writer));
    if (!writer.finish()) return Error{Category::io, "cannot write to " + folder};
    std::printf("%zu cases\n", writer.n_cases());
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
