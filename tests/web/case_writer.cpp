// case_writer.cpp — a Step's operands as buffers, and the reference's results as what is expected.
#include "tests/web/case_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "gguf/float16.h"
#include "runtime/kernel_check/op_plan.h"
#include "runtime/ref_executor.h"

namespace m2w::test {
namespace {

using web::WebContext;
using web::WebKernel;

constexpr uint32_t kSlots = 3, kPastSlot = 1, kStateSlot = 2;
constexpr float kKept = 0.5f;       // what caches hold where nothing is stored
constexpr uint32_t kFillBatch = 9;  // tokens of a batch before the one that is checked

std::vector<uint32_t> tokens_of(const OpPlan& ops, const BatchCase& batch) {
    if (!batch.tokens.empty()) return batch.tokens;
    std::vector<uint32_t> ids(batch.n_tok);
    for (uint32_t t = 0; ops.n_vocab && t < batch.n_tok; ++t)
        ids[t] = (t * 31 + ops.n_vocab - 1) % ops.n_vocab;
    return ids;
}

Result<void> run_reference(const StepCase& step, const OpPlan& ops, Executor& executor,
                           const BatchCase& batch) {
    for (const op_check::Slot& slot : ops.slots) {
        if (slot.mode == Mode::out || slot.kind == Bind::cache) continue;
        const uint64_t rows = slot.kind == Bind::state   ? 1
                              : slot.rows == Rows::n_tok ? batch.n_tok
                                                         : batch.n_out;
        std::vector<float> data(slot.width * rows);
        const bool zero = slot.kind == Bind::state && batch.pos == 0;
        const bool given = !zero && step.fill && step.fill(slot.binding, batch, data);
        if (!zero && !given) {
            Random random(fmt::format("{}.{}.{}", step.full_name(), slot.binding, batch.pos));
            random.fill(data, step.scale_of(slot.binding));
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

/// Of n-bit codes: rows of the file's arrays, as they are.
Result<std::vector<std::byte>> nbits_planes(const gguf::File& file, const Tensor& tensor,
                                            const web::WebWeight& piece) {
    const NBits& format = *piece.nbits;
    const PlaneLayout layout = nbits_layout(format, piece.rows, tensor.cols);
    std::vector<std::byte> out(layout.size_bytes);
    const auto read = [&](const gguf::TensorInfo* from, uint64_t row_bytes,
                          uint32_t plane) -> Result<void> {
        for (const RowRun& run : tensor.rows_of_buffer(piece.row0, piece.rows))
            TRY(file.read(*from, run.first * row_bytes,
                          std::span(out).subspan(layout.offset_bytes[plane] + run.at * row_bytes,
                                                 run.rows * row_bytes)));
        return {};
    };
    TRY(read(tensor.nbits->codes, format.code_bytes(tensor.cols), 0));
    TRY(read(tensor.nbits->scales, format.scale_bytes(tensor.cols), 1));
    if (format.zero != NBits::Zero::middle)
        TRY(read(tensor.nbits->zeros, format.zero_bytes(tensor.cols),
                 format.zero == NBits::Zero::codes ? kZeroCodesPlane : kZeroFloatsPlane));
    return out;
}

/// The planes of some rows, as a package holds them.
Result<std::vector<std::byte>> planes_of(const gguf::File& file, const Tensor& tensor,
                                         const web::WebWeight& piece) {
    if (piece.nbits) return nbits_planes(file, tensor, piece);
    const DTypeInfo& type = dtype_info(tensor.dtype);
    const uint64_t a_row = tensor.cols / type.block_elems, n_blocks = piece.rows * a_row,
                   row_bytes = a_row * type.block_bytes;
    std::vector<std::byte> blocks(n_blocks * type.block_bytes);
    for (const RowRun& run : tensor.rows_of_buffer(piece.row0, piece.rows))
        TRY(file.read(*tensor.info, run.first * row_bytes,
                      std::span(blocks).subspan(run.at * row_bytes, run.rows * row_bytes)));
    const PlaneLayout layout = plane_layout(tensor.dtype, n_blocks);
    std::vector<std::byte> out(layout.size_bytes);
    std::byte* planes[4] = {};
    for (uint32_t i = 0; i < layout.count; ++i) planes[i] = &out[layout.offset_bytes[i]];
    repack(type, blocks.data(), n_blocks, planes);
    if (!type.grid.empty())
        std::memcpy(planes[layout.count - 1], type.grid.data(), type.grid.size_bytes());
    return out;
}

bool reads_caches(Op op) {
    return op == Op::attend || op == Op::rope_attend;
}

std::vector<uint16_t> halves_of(const std::vector<float>& floats) {
    std::vector<uint16_t> out(floats.size());
    for (size_t i = 0; i < out.size(); ++i) out[i] = f32_to_f16(floats[i]);
    return out;
}

}  // namespace

struct CaseWriter::Subject {
    const Run& run;
    const OpPlan& ops;
    const Step& step;
    const OpInfo& info;
    Executor& executor;
    bool rows_out;
};

CaseWriter::CaseWriter(const std::string& folder)
    : folder_(folder), bin_(folder + "/cases.bin", std::ios::binary) {}

Result<void> CaseWriter::add(const Run& run) {
    TRY(const OpPlan ops, make_op_plan(std::span(&run.step, 1)));
    TRY(auto backend, make_ref_backend(ops.plan, ops.file, {}));
    const uint32_t end = run.batch.pos + run.batch.n_tok;
    TRY(auto executor, backend->new_executor({.n_ctx = std::max(run.n_ctx, end),
                                              .n_batch = std::max(run.batch.n_tok, kFillBatch),
                                              .n_out = std::max(run.batch.n_tok, run.batch.n_out),
                                              .n_slots = kSlots,
                                              .cache = run.cache,
                                              .keep_values = true}));
    const uint32_t fill = op_info(run.step.op).one_token ? 1 : kFillBatch;
    for (uint32_t pos = 0; reads_caches(run.step.op) && pos < run.batch.pos; pos += fill)
        TRY(run_reference(run.step, ops, *executor,
                          {.n_tok = std::min(fill, run.batch.pos - pos), .pos = pos}));
    TRY(run_reference(run.step, ops, *executor, run.batch));
    const bool rows_out = std::any_of(
        ops.slots.begin(), ops.slots.end(),
        [](const op_check::Slot& s) { return s.mode == Mode::out && s.rows == Rows::n_out; });
    const Step& step = ops.plan->steps[ops.step_of[0]];
    const Subject subject{run, ops, step, op_info(step.op), *executor, rows_out};
    if (run.rounded_reference) TRY(round_reference(subject));
    TRY(add_buffers(subject));
    for (const Adapters adapter : {on_cpu, on_gpu, on_subgroups})
        if (run.adapters & adapter) TRY(add_case(subject, adapter));
    return {};
}

/// The same batch again, of activations as multiples of their groups' scales.
Result<void> CaseWriter::round_reference(const Subject& subject) {
    for (const op_check::Slot& slot : subject.ops.slots) {
        if (slot.binding != "x") continue;
        TRY(x_, subject.executor.read_value(slot.index));
        std::vector<float> rounded = x_;
        round_to_int8(32, subject.run.step.param("k"), rounded);
        TRY(subject.executor.write_value(slot.index, rounded));
    }
    const BatchCase& batch = subject.run.batch;
    TRY(subject.executor.run(
        {tokens_of(subject.ops, batch), batch.pos, batch.n_out, kPastSlot, kStateSlot}));
    return {};
}

Result<void> CaseWriter::add_buffers(const Subject& subject) {
    buffers_ = json::array();
    expected_ = json::array();
    pieces_.clear();
    scratch_.reset();
    cache_rows_ = 0;
    buffer_of_.assign(web::kScratchBinding + 1, 0);
    for (uint32_t b = 0; b < subject.info.n_bindings(); ++b) {
        const Bind kind = subject.info.bindings[b].kind;
        if (kind == Bind::weight) continue;  // by pieces, with the kernels
        buffer_of_[b] = buffers_.size();
        if (subject.step.operands[b].present() || kind == Bind::tokens) TRY(add_buffer(subject, b));
    }
    return {};
}

Result<void> CaseWriter::add_case(const Subject& subject, Adapters adapter) {
    const Run& run = subject.run;
    const WebContext context{
        .adapter = adapter == on_cpu ? web::Adapter::cpu : web::Adapter::gpu,
        .batch = run.batch.n_tok > 1 ? web::BatchSize::many : web::BatchSize::one,
        .cache = run.cache == CacheType::f16 ? web::CacheFormat::f16 : web::CacheFormat::f32,
        .rows_are_out = subject.rows_out,
        .subgroups = adapter == on_subgroups,
        .int8_activations = run.int8_activations};
    const char* adapter_name = adapter == on_cpu ? "cpu" : adapter == on_gpu ? "gpu" : "subgroups";
    TRY(json kernels, kernels_of(subject, context));
    if (kernels.empty()) return {};  // adapters that take other Steps instead
    const std::string name =
        fmt::format("{} {}{}{}{}", run.step.full_name(), run.batch.name(),
                    run.cache == CacheType::f16 ? "" : " f32", run.int8_activations ? " int8" : "",
                    run.ring ? fmt::format(" ring={}", run.ring) : "");
    const bool same =
        !cases_.empty() && cases_.back()["step"] == name && cases_.back()["kernels"] == kernels;
    if (same) return {};
    if (!names_.insert(name + adapter_name).second)
        return Error{Category::usage, "two cases " + name};
    uint32_t seen = UINT32_MAX;
    for (const auto& [param, value] : run.step.params)
        if (param == "window" && value != 0) seen = value;
    cases_.push_back(
        {{"step", name},
         {"name", name + " " + adapter_name},
         {"batch", {run.batch.n_tok, run.batch.pos, run.batch.n_out, run.n_ctx, cache_rows_, seen}},
         {"rows", subject.rows_out ? run.batch.n_out : run.batch.n_tok},
         {"buffers", buffers_},
         {"expected", expected_},
         {"kernels", std::move(kernels)}});
    return {};
}

Result<CaseWriter::json> CaseWriter::kernels_of(const Subject& subject, WebContext context) {
    uint32_t w = 0;
    while (w < subject.info.n_bindings() && subject.info.bindings[w].kind != Bind::weight) ++w;
    const bool weighted = w < subject.info.n_bindings();
    const Tensor* tensor =
        weighted ? &subject.ops.plan->tensors[subject.step.operands[w].index] : nullptr;
    const uint64_t rows = weighted ? tensor->rows : 1, sides = weighted && tensor->paired ? 2 : 1,
                   each = (rows / sides + subject.run.pieces - 1) / subject.run.pieces * sides;
    json out = json::array();
    std::vector<size_t> buffer_of = buffer_of_;
    for (uint64_t first = 0, piece = 0; first < rows; first += each, ++piece) {
        if (weighted) {
            context.weight = {tensor->dtype, {}, first, std::min(each, rows - first)};
            if (tensor->nbits) context.weight.nbits = tensor->nbits->format;
            if (piece == pieces_.size()) {
                TRY(const auto planes, planes_of(*subject.ops.file, *tensor, context.weight));
                pieces_.push_back(buffers_.size());
                buffers_.push_back(stored(planes));
            }
            buffer_of[w] = pieces_[piece];
        }
        TRY(const auto kernels, web::web_kernels(subject.step, context));
        for (const WebKernel& kernel : kernels) {
            if (kernel.scratch_words) {
                const uint64_t n =
                    subject.rows_out ? subject.run.batch.n_out : subject.run.batch.n_tok;
                const uint64_t bytes = kernel.scratch_words * n * 4;
                if (!scratch_) {
                    scratch_ = buffers_.size();
                    buffers_.push_back({{"bytes", bytes}});
                }
                json& most = buffers_[*scratch_]["bytes"];
                most = std::max(most.get<uint64_t>(), bytes);
            }
            buffer_of[web::kScratchBinding] = scratch_.value_or(0);
            out.push_back(entry(subject.step.op, kernel, buffer_of));
        }
    }
    return out;
}

Result<void> CaseWriter::add_buffer(const Subject& subject, uint32_t b) {
    const Binding& binding = subject.info.bindings[b];
    const Operand operand = subject.step.operands[b];
    const Plan& plan = *subject.ops.plan;
    std::vector<float> floats;
    switch (binding.kind) {
        case Bind::tokens:
            buffers_.push_back(stored(tokens_of(subject.ops, subject.run.batch)));
            return {};
        case Bind::constant:
            buffers_.push_back(stored(plan.constants[operand.index].words));
            return {};
        case Bind::vector: {
            TRY(floats, subject.ops.file->decode(*plan.tensors[operand.index].info));
            break;
        }
        case Bind::activation: {
            TRY(floats, subject.executor.read_value(operand.index));
            if (subject.run.rounded_reference && binding.name == "x") floats = x_;
            break;
        }
        case Bind::state: {
            TRY(floats, subject.executor.read_state(
                            operand.index, binding.mode == Mode::in ? kPastSlot : kStateSlot));
            if (binding.mode == Mode::in && subject.run.batch.pos == 0)
                std::fill(floats.begin(), floats.end(), NAN);  // must not be looked at
            break;
        }
        case Bind::cache: {
            TRY(floats, subject.executor.read_cache(operand.index));
            cache_rows_ = uint32_t(floats.size() / plan.caches[operand.index].width);
            return add_cache(subject, b, std::move(floats));
        }
        case Bind::weight:
        case Bind::none:
            break;
    }
    if (binding.mode == Mode::in) {
        buffers_.push_back(stored(floats));
        return {};
    }
    const auto given = subject.run.expected.find(binding.name);
    expect(subject, b, given == subject.run.expected.end() ? floats : given->second);
    buffers_.push_back({{"bytes", floats.size() * 4}});
    return {};
}

/// What a store leaves alone holds kKept, as what rope_attend must not see; what attend must not
/// see is not a number.
Result<void> CaseWriter::add_cache(const Subject& subject, uint32_t b, std::vector<float> rows) {
    const bool reads = reads_caches(subject.step.op),
               writes = subject.info.bindings[b].mode == Mode::out;
    const BatchCase& batch = subject.run.batch;
    const uint64_t width = rows.size() / cache_rows_, last = batch.pos + batch.n_tok;
    if (subject.run.ring) {
        std::vector<float> ring(subject.run.ring * width);
        for (uint64_t row = batch.pos; row < last; ++row)
            std::copy_n(&rows[row * width], width, &ring[row % subject.run.ring * width]);
        rows = std::move(ring);
        cache_rows_ = subject.run.ring;
    }
    const uint64_t oldest = last > cache_rows_ ? last - cache_rows_ : 0;
    const uint64_t first = reads ? oldest : batch.pos, first_new = writes ? batch.pos : last;
    std::vector<float> before = rows;
    for (uint64_t row = 0; row < cache_rows_; ++row) {
        const uint64_t at = (row + cache_rows_ - first % cache_rows_) % cache_rows_;
        if (at < first_new - first) continue;
        for (uint64_t i = row * width; i < (row + 1) * width; ++i) {
            before[i] = writes ? kKept : NAN;
            if (at >= last - first) rows[i] = before[i];
        }
    }
    const auto given = subject.run.expected.find(subject.info.bindings[b].name);
    if (given != subject.run.expected.end())  // the new rows alone
        std::copy(given->second.begin(), given->second.end(), &rows[batch.pos * width]);
    if (writes) expect(subject, b, rows);
    buffers_.push_back(subject.run.cache == CacheType::f16 ? stored(halves_of(before))
                                                           : stored(before));
    return {};
}

void CaseWriter::expect(const Subject& subject, uint32_t b, const std::vector<float>& values) {
    const Binding& binding = subject.info.bindings[b];
    const bool cache = binding.kind == Bind::cache;
    json expected = stored(values);
    expected["buffer"] = buffers_.size();
    expected["binding"] = binding.name;
    expected["n"] = values.size();
    expected["f16"] = cache && subject.run.cache == CacheType::f16;
    if (cache) expected["kept"] = kKept;
    if (subject.run.halves) expected["halves"] = true;
    expected["rtol"] = subject.run.rtol < 0 ? double(subject.info.rtol) : subject.run.rtol;
    expected_.push_back(std::move(expected));
}

CaseWriter::json CaseWriter::entry(Op op, const WebKernel& kernel,
                                   const std::vector<size_t>& buffer_of) {
    modules_[kernel.module] = kernel.code;
    json constants = json::object(), buffers = json::array();
    for (const web::WebConstant& c : kernel.constants)
        constants[c.name] = c.is_float ? json(std::bit_cast<float>(c.bits)) : json(c.bits);
    std::string io;
    for (const uint32_t binding : kernel.bindings) {
        buffers.push_back(buffer_of[binding]);
        io += web::layout_of(op, kernel, binding);
    }
    return {{"module", kernel.module},    {"constants", constants},
            {"buffers", buffers},         {"io", io},
            {"fixed", kernel.grid.fixed}, {"timesRows", kernel.grid.times_rows},
            {"per", kernel.grid.per},     {"columns", kernel.grid.columns}};
}

/// Puts data into the binary file, a multiple of four bytes.
template <class T>
CaseWriter::json CaseWriter::stored(const std::vector<T>& data) {
    const auto bytes = std::as_bytes(std::span(data));
    json out{{"bytes", bytes.size()}, {"at", at_}};
    bin_.write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
    const size_t pad = (4 - bytes.size() % 4) % 4;
    bin_.write("\0\0\0", std::streamsize(pad));
    at_ += bytes.size() + pad;
    return out;
}

Result<void> CaseWriter::finish(size_t n_golden) {
    std::ofstream index(folder_ + "/cases.json");
    index << json{{"modules", modules_}, {"cases", cases_}, {"golden", n_golden}};
    if (!index.flush() || !bin_.flush()) return Error{Category::io, "cannot write to " + folder_};
    return {};
}

}  // namespace m2w::test
