// kernel_table.cpp — a Step is asked for in every context; what comes out equal is printed as one.
#include "web-export/kernel_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>

namespace m2w::web {
namespace {

bool rows_are_out(const Plan& plan, const Step& step) {
    const OpInfo& info = op_info(step.op);
    for (size_t i = 0; i < info.n_bindings(); ++i) {
        const Binding& binding = info.bindings[i];
        if (binding.kind == Bind::activation && binding.mode == Mode::out &&
            step.operands[i].present() && plan.values[step.operands[i].index].rows == Rows::n_out)
            return true;
    }
    return false;
}

const Tensor* weight_of(const Plan& plan, const Step& step) {
    const OpInfo& info = op_info(step.op);
    for (size_t i = 0; i < info.n_bindings(); ++i)
        if (info.bindings[i].kind == Bind::weight) return &plan.tensors[step.operands[i].index];
    return nullptr;
}

/// Position of each of the contract's bindings among those that the Step has; the scratch buffer
/// stands behind them.
std::vector<uint32_t> present_positions(const Step& step) {
    std::vector<uint32_t> positions;
    uint32_t next = 0;
    const OpInfo& info = op_info(step.op);
    for (size_t i = 0; i < info.n_bindings(); ++i) {
        const bool there = info.bindings[i].kind == Bind::tokens || step.operands[i].present();
        positions.push_back(there ? next++ : UINT32_MAX);
    }
    positions.resize(kScratchBinding, UINT32_MAX);
    positions.push_back(next);
    return positions;
}

/// Of each of the Step's buffers what the kernel does with it.
std::string print_bindings(const Step& step, const WebKernel& kernel) {
    const std::vector<uint32_t> positions = present_positions(step);
    std::string io;
    for (const uint32_t binding : kernel.bindings) {
        const uint32_t position = positions[binding];
        M2W_ASSERT(position != UINT32_MAX && position >= io.size());
        io.resize(position, '-');
        io += layout_of(step.op, kernel, binding);
    }
    return script_string(io);
}

std::string print_constants(const WebKernel& kernel) {
    std::string out;
    for (const WebConstant& constant : kernel.constants)
        out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", constant.name,
                           constant.is_float ? script_float(std::bit_cast<float>(constant.bits))
                                             : fmt::to_string(constant.bits));
    return out.empty() ? "{}" : fmt::format("{{ {} }}", out);
}

/// Workgroups of a row; or of all, and of how many rows each is.
std::string print_grid(const WebGrid& grid) {
    M2W_ASSERT(!grid.times_rows || grid.columns == 0);
    if (grid.times_rows)
        return fmt::format("{}{}", grid.fixed, grid.per == 1 ? "" : fmt::format(" / {}", grid.per));
    return fmt::format("{}, {}", (grid.fixed + grid.per - 1) / grid.per,
                       grid.columns ? fmt::to_string(grid.columns) : "Infinity");
}

std::string choose(std::string_view condition, const std::string& yes, const std::string& no) {
    return yes == no ? yes : fmt::format("{} ? {}\n    : {}", condition, yes, no);
}

std::string in_brackets(const std::string& text) {
    return text.find("\n    : ") == std::string::npos ? text : "(" + text + ")";
}

/// As text where neither is left out.
std::string choose_known(std::string_view condition, const std::string& yes,
                         const std::string& no) {
    return yes.empty() ? no : no.empty() ? yes : choose(condition, yes, no);
}

PrintedKernels choose(std::string_view condition, const PrintedKernels& yes,
                      const PrintedKernels& no) {
    return {choose_known(condition, yes.io, no.io), choose_known(condition, yes.set, no.set),
            choose(condition, yes.list, no.list)};
}

PrintedKernels in_brackets(const PrintedKernels& kernels) {
    return {in_brackets(kernels.io), in_brackets(kernels.set), in_brackets(kernels.list)};
}

std::string for_rows(const WebContext& context, const PrintedKernels& kernels) {
    return fmt::format("{}({}, {}, {})", context.rows_are_out ? "perOutput" : "perToken",
                       kernels.io, kernels.set, kernels.list);
}

std::string lower(std::string_view text) {
    std::string out;
    for (const char c : text) out += char(std::tolower(uint8_t(c)));
    return out;
}

/// The op with what tells its sizes apart at a glance.
std::string base_name(const Plan& plan, const Step& step, const WebWeight& weight) {
    const OpInfo& info = op_info(step.op);
    if (const Tensor* tensor = weight_of(plan, step)) {
        const std::string type = weight.nbits ? fmt::format("nbits{}", weight.nbits->bits)
                                              : lower(dtype_info(weight.dtype).name);
        return fmt::format("{}_{}_{}x{}", info.name, type, weight.rows, tensor->cols);
    }
    for (size_t i = 0; i < info.n_params(); ++i)
        if (info.params[i].type == ParamType::u32)
            return fmt::format("{}_{}", info.name, step.params[i]);
    return std::string(info.name);
}

}  // namespace

Result<PrintedKernels> KernelTable::variant(const Step& step, const WebContext& context) {
    TRY(const auto kernels, source_(step, context));
    const WebKernel& kernel = kernels.back();
    return PrintedKernels{print_bindings(step, kernel), print_constants(kernel),
                          print_kernel(kernel)};
}

std::string KernelTable::print_kernel(const WebKernel& kernel) {
    const auto [module, is_new] = modules_.emplace(kernel.module, kernel.code);
    M2W_ASSERT(is_new || module->second == kernel.code);
    return fmt::format("[wgsl.{}, {}]", kernel.module, print_grid(kernel.grid));
}

Result<PrintedKernels> KernelTable::pair(const Step& step, const StepPlace& place,
                                         const WebContext& context) {
    WebContext each = context;
    each.batch = BatchSize::one;
    bool taken = false;
    if (place.cut) {
        WebContext of_cut = each;
        of_cut.weight = place.cut_weight;
        TRY(const auto kernels, source_(*place.cut, of_cut));
        taken = !kernels.empty();
    }
    PrintedKernels one{{}, {}, "[]"};
    if (place.is_cut == taken) {
        TRY(one, variant(step, each));
    }
    if (place.is_cut) {
        one.list = taken ? fmt::format("[{}, []]", one.list) : "[]";
        return one;
    }
    each.batch = BatchSize::many;
    TRY(PrintedKernels many, variant(step, each));
    if (!one.io.empty() && (one.io != many.io || one.set != many.set))
        return Error{Category::internal, "kernels for one row and for several differ in constants"};
    many.list = one.list == many.list ? fmt::format("[{}]", one.list)
                                      : fmt::format("[{}, {}]", one.list, many.list);
    return many;
}

Result<PrintedKernels> KernelTable::by_device(const Step& step, const StepPlace& place,
                                              WebContext context) {
    const auto by_cache = [&](Adapter adapter, bool subgroups) -> Result<PrintedKernels> {
        context.adapter = adapter;
        context.subgroups = subgroups;
        context.cache = CacheFormat::f16;
        TRY(const PrintedKernels halves, pair(step, place, context));
        context.cache = CacheFormat::f32;
        TRY(const PrintedKernels floats, pair(step, place, context));
        return choose("halfCache", halves, floats);
    };
    TRY(const PrintedKernels cpu, by_cache(Adapter::cpu, false));
    TRY(const PrintedKernels plain, by_cache(Adapter::gpu, false));
    TRY(const PrintedKernels subgroups, by_cache(Adapter::gpu, true));
    return choose("cpu", in_brackets(cpu),
                  choose("subgroups", in_brackets(subgroups), in_brackets(plain)));
}

std::string KernelTable::declare(const std::string& text, const std::string& name) {
    const auto [at, is_new] = name_of_text_.emplace(text, std::string());
    if (is_new) {
        at->second = names_.unique(name);
        declarations_ += fmt::format("  const {} = {};\n", at->second, text);
    }
    return at->second;
}

Result<KernelNames> KernelTable::names_of(const Plan& plan, const Step& step,
                                          const WebWeight& weight, const StepPlace& place) {
    WebContext context;
    context.rows_are_out = rows_are_out(plan, step);
    context.weight = weight;
    const std::string name = base_name(plan, step, weight);
    TRY(const PrintedKernels floats, by_device(step, place, context));
    if (floats.list == "[]") return KernelNames();
    KernelNames out;
    context.adapter = Adapter::cpu;
    TRY(out.scratch, scratch_of(step, place, context));
    TRY(const auto of_floats, source_(step, context));
    context.int8_activations = true;
    TRY(const auto of_int8, source_(step, context));
    out.takes_int8 = !of_int8.empty() && of_int8.back().module != of_floats.back().module;
    if (!out.takes_int8) {
        out.kernels = declare(for_rows(context, floats), name);
        return out;
    }
    TRY(const ScratchWords scratch, scratch_of(step, place, context));
    out.scratch = {std::max(out.scratch.one, scratch.one), scratch.row};
    TRY(const PrintedKernels rounded, pair(step, place, context));
    out.kernels = declare(for_rows(context, choose("int8", rounded, floats)), name);

    if (place.is_cut) return out;
    context.batch = BatchSize::many;
    TRY(const auto kernels, source_(step, context));
    const WebKernel& rounding = kernels.front();
    M2W_ASSERT(kernels.size() == 2 && rounding.bindings.size() == 2);
    const PrintedKernels round{
        "'rw'", print_constants(rounding),
        fmt::format("[{}{}]", of_int8.size() < 2 ? "[], " : "", print_kernel(rounding))};
    out.rounding = declare(for_rows(context, round), fmt::format("round_{}", step.u32("k")));
    return out;
}

Result<ScratchWords> KernelTable::scratch_of(const Step& step, const StepPlace& place,
                                             WebContext context) {
    ScratchWords out;
    TRY(const auto one, source_(step, context));
    if (!one.empty()) out.one = one.back().scratch_words;
    if (place.is_cut) return out;
    context.batch = BatchSize::many;
    TRY(const auto many, source_(step, context));
    if (!many.empty()) out.row = many.back().scratch_words;
    return out;
}

}  // namespace m2w::web
