// kernel_table.cpp — a Step is asked for in every context; what comes out equal is printed as one.
#include "web-export/kernel_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>

namespace m2w::web {
namespace {

/// Two numbers of cache rows that no constant has by chance: what differs between them depends on
/// the rows, which only the page knows.
constexpr uint32_t kProbeRows[] = {0x10'0001, 0x20'0003};

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

const PlanCache* cache_of(const Plan& plan, const Step& step) {
    const OpInfo& info = op_info(step.op);
    for (size_t i = 0; i < info.n_bindings(); ++i)
        if (info.bindings[i].kind == Bind::cache) return &plan.caches[step.operands[i].index];
    return nullptr;
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

std::string print_bindings(const Step& step, const WebKernel& kernel) {
    const std::vector<uint32_t> positions = present_positions(step);
    std::string io, bind;
    bool in_order = true;
    for (uint32_t i = 0; i < kernel.bindings.size(); ++i) {
        const uint32_t binding = kernel.bindings[i], position = positions[binding];
        M2W_ASSERT(position != UINT32_MAX);
        const bool reads =
            binding == kScratchBinding || op_info(step.op).bindings[binding].mode == Mode::in;
        io += reads ? 'r' : 'w';
        bind += fmt::format("{}{}", i ? ", " : "", position);
        in_order = in_order && position == i;
    }
    return in_order ? fmt::format("io: '{}'", io) : fmt::format("io: '{}', bind: [{}]", io, bind);
}

/// As the kernel will be asked with some rows and with others.
std::string print_constants(const WebKernel& kernel, const WebKernel& other,
                            const PlanCache* cache) {
    std::string out;
    for (size_t i = 0; i < kernel.constants.size(); ++i) {
        const WebConstant& constant = kernel.constants[i];
        std::string value = constant.is_float ? script_float(std::bit_cast<float>(constant.bits))
                                              : fmt::to_string(constant.bits);
        if (constant.bits != other.constants[i].bits) {
            M2W_ASSERT(cache && constant.bits == kProbeRows[0]);
            value = fmt::format("d.rows({})", cache->window);
        }
        out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", constant.name, value);
    }
    return out.empty() ? "" : fmt::format("set: {{ {} }}, ", out);
}

std::string print_grid(const WebGrid& grid) {
    std::string n;
    if (!grid.times_rows) {
        n = fmt::to_string((grid.fixed + grid.per - 1) / grid.per);
    } else {
        n = grid.fixed == 1 ? "r" : fmt::format("r * {}", grid.fixed);
        if (grid.per != 1) n += fmt::format(" / {}", grid.per);
    }
    if (grid.columns > 1) n += fmt::format(", r / {}", grid.columns);
    if (grid.columns == 1) n += ", r";
    const bool asks = grid.times_rows || grid.columns;
    return fmt::format("groups: {} => grid({})", asks ? "(r)" : "()", n);
}

std::string for_rows(const WebContext& context, const std::string& kernels) {
    return fmt::format("{}({})", context.rows_are_out ? "perOutput" : "perToken", kernels);
}

std::string choose(std::string_view condition, const std::string& yes, const std::string& no) {
    return yes == no ? yes : fmt::format("{} ? {}\n    : {}", condition, yes, no);
}

std::string in_brackets(const std::string& text) {
    return text.find("\n    : ") == std::string::npos ? text : "(" + text + ")";
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

Result<std::string> KernelTable::variant(const Plan& plan, const Step& step, WebContext context) {
    context.cache_rows = kProbeRows[0];
    TRY(const auto kernels, source_(step, context));
    context.cache_rows = kProbeRows[1];
    TRY(const auto others, source_(step, context));
    M2W_ASSERT(kernels.size() == others.size());
    const WebKernel& kernel = kernels.back();
    return print_kernel(kernel, print_bindings(step, kernel),
                        print_constants(kernel, others.back(), cache_of(plan, step)));
}

std::string KernelTable::print_kernel(const WebKernel& kernel, const std::string& bindings,
                                      const std::string& constants) {
    modules_.emplace(kernel.module, kernel.code);
    return fmt::format("{{ code: wgsl.{}, {}, {}{} }}", kernel.module, bindings, constants,
                       print_grid(kernel.grid));
}

Result<std::string> KernelTable::pair(const Plan& plan, const Step& step, const StepPlace& place,
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
    std::string one = "[]";
    if (place.is_cut == taken) {
        TRY(one, variant(plan, step, each));
    }
    if (place.is_cut) return for_rows(context, taken ? one + ", []" : one);
    each.batch = BatchSize::many;
    TRY(const std::string many, variant(plan, step, each));
    return for_rows(context, one == many ? one : one + ",\n        " + many);
}

Result<std::string> KernelTable::by_device(const Plan& plan, const Step& step,
                                           const StepPlace& place, WebContext context) {
    const auto by_cache = [&](Adapter adapter, bool subgroups) -> Result<std::string> {
        context.adapter = adapter;
        context.subgroups = subgroups;
        context.cache = CacheFormat::f16;
        TRY(const std::string halves, pair(plan, step, place, context));
        context.cache = CacheFormat::f32;
        TRY(const std::string floats, pair(plan, step, place, context));
        return choose("halfCache", halves, floats);
    };
    TRY(const std::string cpu, by_cache(Adapter::cpu, false));
    TRY(const std::string plain, by_cache(Adapter::gpu, false));
    TRY(const std::string subgroups, by_cache(Adapter::gpu, true));
    if (cpu == plain && plain == subgroups) return cpu;
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
    TRY(const std::string floats, by_device(plan, step, place, context));
    if (floats == for_rows(context, "[]")) return KernelNames();
    context.int8_activations = true;
    context.adapter = Adapter::cpu;
    TRY(const auto kernels, source_(step, context));
    if (kernels.size() < 2) return KernelNames{declare(floats, name)};

    const WebKernel& rounding = kernels.front();
    M2W_ASSERT(kernels.size() == 2 && rounding.bindings.size() == 2);
    const std::string round = for_rows(
        context, print_kernel(rounding, "io: 'rw'", print_constants(rounding, rounding, nullptr)));
    TRY(const std::string rounded, pair(plan, step, place, context));
    KernelNames out;
    out.kernels = declare(choose("int8", rounded, floats), name);
    out.rounding = declare(round, fmt::format("round_{}", step.u32("k")));
    out.scratch_words = rounding.scratch_words;
    return out;
}

}  // namespace m2w::web
