// vk_kernels.cpp — profiles, grids and specialization constants.
#include "runtime/vk_kernels.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/push_layout.h"
#include "kernels/spirv.h"

namespace m2w {
namespace {

// One numbering for all shaders (kernels/glsl/common.glsl).
enum SpecId : uint32_t {
    kLocalSize = 0,
    kSubgroup = 1,
    kRows = 2,
    kSplits = 3,
    kCols = 9,
    kHeadDim = 18,
    kGqa = 19,
    kValueDim = 20,
    kBits = 21,
    kBlock = 22,
    kZero = 23,
    kHalves = 24,
    kNormK = 25
};

constexpr uint32_t kMostCols = 8;            // activation rows a lane sums at once in matrows
constexpr uint32_t kMostQueries = 8;         // query heads that one workgroup of attend takes
constexpr uint32_t kEnoughSubgroups = 4096;  // more than that fill any device
constexpr uint32_t kScanSize = 64;           // local size of the scans
constexpr uint32_t kMostScanDim = 512;       // words of a state that lanes keep in registers
constexpr uint32_t kMostScanSplits = 8;      // lanes that share a column of a state
constexpr uint32_t kScanPart = 16;  // words of a state that a lane has at least, if lanes share it
constexpr uint32_t kMatmatTile = 64, kMatmatSize = 256;  // as in matmat.comp
constexpr uint32_t kInt8Rows = 2, kInt8Cols = 4;         // of a subgroup in matvec_int8
constexpr uint32_t kNBitsGroup = 32;       // most weights of a group, as in load_nbits.glsl
constexpr uint32_t kMostNormGroups = 512;  // workgroups that norm a row, each for itself
constexpr uint32_t kMostGroupsZ = 65'535;  // what every device can dispatch in this direction

uint32_t ceil_div(uint64_t a, uint64_t b) {
    return uint32_t((a + b - 1) / b);
}

/// "Q4_K" -> "q4_k", as the variants are named.
std::string format_suffix(const WeightShape& weight) {
    if (weight.nbits) return "nbits";
    std::string name(dtype_info(weight.dtype).name);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return char(c >= 'A' && c <= 'Z' ? c + 32 : c); });
    return name;
}

/// What k must be a multiple of for matrows: of whole units, for n-bit codes of groups with one
/// scale.
uint32_t group_of(const WeightShape& weight) {
    return weight.nbits ? std::min(weight.nbits->block, kNBitsGroup) : 8;
}

/// Whether products with the weight round their activations.
bool rounds(const WeightShape& weight) {
    return weight.nbits && weight.nbits->int8_activations;
}

/// Kernels that an old glslc does not know are not there (cmake/shaders.cmake).
bool has_module(std::string_view name) {
    return std::ranges::binary_search(spirv_modules(), name, {}, &SpirvModule::name);
}

/// All formats of n-bit codes share their kernels.
KernelChoice with_format(KernelChoice choice, const WeightShape& weight) {
    if (!weight.nbits) return choice;
    const NBits& format = *weight.nbits;
    const std::pair<uint32_t, uint32_t> constants[] = {{kBits, format.bits},
                                                       {kBlock, format.block},
                                                       {kZero, uint32_t(format.zero)},
                                                       {kHalves, format.halves}};
    for (const auto& [id, value] : constants) choice.constants.push_back({id, value});
    return choice;
}

/// Params that are constants, unless they are what kernels have without.
KernelChoice with_params(KernelChoice choice, const Step& step) {
    const OpInfo& info = op_info(choice.pushed_as.value_or(step.op));
    for (uint32_t i = 0; i < info.n_params(); ++i)
        if (info.params[i].constant && step.params[i] != 0)
            choice.constants.push_back({kParamConstants + i, step.params[i]});
    return choice;
}

std::string_view cache_suffix(CacheType cache) {
    return cache == CacheType::f16 ? "f16" : "f32";
}

struct Chooser {
    const KernelProfile& profile;
    const vk::Caps& caps;

    KernelChoice elementwise(std::string name, uint64_t count) const {
        KernelChoice choice{std::move(name), {{kLocalSize, profile.elementwise_size}}, 0, {}};
        choice.groups = vk::split_groups(ceil_div(count, profile.elementwise_size), caps);
        return choice;
    }

    /// `work` pieces, each for `splits` subgroups; one subgroup pieces share workgroups of `size`
    /// invocations.
    KernelChoice subgroups(std::string name, uint64_t work, uint32_t splits, uint32_t size) const {
        const uint32_t local = splits > 1 ? splits * profile.subgroup_size : size;
        const uint32_t per_group = splits > 1 ? 1 : local / profile.subgroup_size;
        KernelChoice choice{
            std::move(name),
            {{kLocalSize, local}, {kSubgroup, profile.subgroup_size}, {kSplits, splits}},
            profile.subgroup_size,
            {}};
        choice.groups = vk::split_groups(ceil_div(work, per_group), caps);
        return choice;
    }

    /// A gated product's rows stay together in pairs: every kernel's owners have an even number.
    KernelChoice matmul(const Step& step, const WeightShape& weight, uint32_t rows) const {
        const uint64_t weight_rows = weight.rows;
        const uint32_t sides = step.u32("gated_by") ? 2 : 1;
        const uint32_t k = step.u32("k");
        if (rounds(weight)) return matvec_int8("", weight_rows, rows);
        if (weight.texels && k % group_of(weight) == 0 && k * 4 <= profile.window_bytes) {
            const uint32_t most = std::min(profile.window_bytes / (k * 4), kMostCols);
            uint32_t cols = 1;
            while (cols < rows && cols * 2 <= most) cols *= 2;
            return matrows("matrows_" + format_suffix(weight), k, weight_rows, cols);
        }
        if (profile.matmat && rows > profile.matvec_cols)
            return matmat("matmat_" + format_suffix(weight), weight_rows, rows);
        KernelChoice choice = matvec("matvec_" + format_suffix(weight), weight_rows,
                                     matvec_columns(rows), std::max(profile.matvec_rows, sides));
        choice.pushed_as = Op::norm_matmul;
        return choice;
    }

    /// Large workgroups, and no more than fill a device: what each computes for itself is most of
    /// its work where it has few rows.
    KernelChoice norm_matmul(const Step& step, const WeightShape& weight) const {
        const uint32_t rows_a_subgroup =
                           std::max(profile.matvec_rows, step.u32("gated_by") ? 2u : 1u),
                       splits = profile.norm_size / profile.subgroup_size;
        KernelChoice choice{"matvec_" + format_suffix(weight),
                            {{kLocalSize, profile.norm_size},
                             {kSubgroup, profile.subgroup_size},
                             {kRows, rows_a_subgroup},
                             {kSplits, splits},
                             {kCols, 1},
                             {kNormK, step.u32("k")}},
                            profile.subgroup_size,
                            {}};
        choice.groups.x =
            std::min(ceil_div(weight.rows, splits * rows_a_subgroup), kMostNormGroups);
        choice.cols = 1;
        return choice;
    }

    /// Each slot is a column. A tile of matmat reads an expert's weights once for all its slots, so
    /// it pays once experts have more slots, on average, than a dense matvec takes rows.
    KernelChoice expert_matmul(const Step& step, const WeightShape& weight, uint32_t rows) const {
        const uint32_t m = step.u32("m"), n_used = step.u32("n_used");
        const uint64_t x_width = uint64_t(step.u32("n_x")) * step.u32("k"),
                       n_slots = uint64_t(rows) * n_used;
        const bool sorted = step.operand("order").present() || !step.operand("ids").present();
        const std::string suffix = format_suffix(weight);
        KernelChoice choice;
        if (rounds(weight))
            choice = matvec_int8("expert_", m, 1);
        else if (weight.texels && step.u32("k") % group_of(weight) == 0 &&
                 x_width * 4 <= profile.window_bytes)
            choice = matrows("expert_matrows_" + suffix, uint32_t(x_width), m, 1);
        else if (profile.matmat && sorted &&
                 n_slots > uint64_t(step.u32("n_expert")) * profile.matvec_cols) {
            choice = matmat("expert_matmat_" + suffix, m, n_slots);
            choice.sorted = step.operand("order").present();
            return choice;
        } else
            choice = matvec("expert_matvec_" + suffix, m, 1);
        choice.columns_a_row = n_used;
        const uint32_t most = std::max(1u, kMostGroupsZ / n_used / 64) * 64;  // see matrows
        choice.dispatch_rows = choice.window ? std::min(choice.dispatch_rows, most) : most;
        return choice;
    }

    KernelChoice matmat(std::string name, uint64_t weight_rows, uint64_t columns) const {
        KernelChoice choice{std::move(name), {{kLocalSize, kMatmatSize}}, 0, {}};
        choice.groups = {ceil_div(weight_rows, kMatmatTile), ceil_div(columns, kMatmatTile), 1};
        return choice;
    }

    uint32_t matvec_columns(uint32_t columns) const {
        uint32_t cols = 1;
        while (cols < columns && cols < profile.matvec_cols) cols *= 2;
        return cols;
    }

    KernelChoice matvec(std::string name, uint64_t weight_rows, uint32_t cols) const {
        return matvec(std::move(name), weight_rows, cols, profile.matvec_rows);
    }

    KernelChoice matvec(std::string name, uint64_t weight_rows, uint32_t cols,
                        uint32_t rows_a_subgroup) const {
        KernelChoice choice = subgroups(std::move(name), ceil_div(weight_rows, rows_a_subgroup), 1,
                                        profile.matvec_size);
        choice.constants.push_back({kRows, rows_a_subgroup});
        choice.constants.push_back({kCols, cols});
        choice.cols = cols;
        return choice;
    }

    /// Subgroups round activations for themselves: several rows share what they get.
    KernelChoice matvec_int8(const std::string& op, uint64_t weight_rows, uint32_t columns) const {
        return matvec(op + (profile.int_dot ? "matvec_int8_dot_nbits" : "matvec_int8_nbits"),
                      weight_rows, std::min(matvec_columns(columns), kInt8Cols), kInt8Rows);
    }

    /// Lanes own weight rows. Many columns: tiles of 2 x 8 rows keep loads rare; one: 4 rows a
    /// lane, if all cores get work. x_width: activations of a row of y.
    KernelChoice matrows(std::string name, uint32_t x_width, uint64_t weight_rows,
                         uint32_t cols) const {
        const uint32_t in_window = profile.window_bytes / (x_width * 4);
        const uint32_t rows_a_lane = cols > 1 || weight_rows >= 1024 ? 4 : 2;
        uint32_t local = profile.subgroup_size;
        while (local < 64 && weight_rows / (uint64_t(local) * 2 * rows_a_lane) >= 16) local *= 2;
        KernelChoice choice{
            std::move(name), {{kLocalSize, local}, {kRows, rows_a_lane}, {kCols, cols}}, 0, {}};
        choice.groups = vk::split_groups(ceil_div(weight_rows, local * rows_a_lane), caps);
        choice.window = true;
        choice.dispatch_rows = in_window / cols * cols;
        // Windows start at multiples of the uniform alignment, which at most 64 rows reach (rows
        // are multiples of 32 bytes).
        while (uint64_t(choice.dispatch_rows) * x_width * 4 % caps.min_uniform_alignment_bytes !=
                   0 &&
               choice.dispatch_rows > cols)
            choice.dispatch_rows -= cols;
        choice.cols = cols;
        return choice;
    }

    /// groups: runs of n values, each normalised by itself.
    KernelChoice norm(const Step& step, uint64_t groups) const {
        const uint32_t splits = step.u32("n") > 256 ? profile.norm_size / profile.subgroup_size : 1;
        return subgroups(std::string(op_info(step.op).name), groups, splits, profile.norm_size);
    }

    /// Lanes that own `owners` columns of a state, each of `dim` words, and walk over the tokens.
    /// Sharing columns makes work for more lanes; on lavapipe it costs nothing, and code of fewer
    /// loads compiles in a quarter of the time.
    KernelChoice scan(const char* name, uint64_t owners, uint32_t dim) const {
        uint32_t splits = 1;
        while (splits < std::min(kMostScanSplits, profile.subgroup_size) &&
               dim % (splits * 8) == 0 && dim / (splits * 2) >= kScanPart)
            splits *= 2;
        const uint32_t local = std::max(kScanSize, profile.subgroup_size);
        KernelChoice choice{name,
                            {{kLocalSize, local},
                             {kSubgroup, profile.subgroup_size},
                             {kSplits, splits},
                             {kHeadDim, dim}},
                            profile.subgroup_size,
                            vk::split_groups(ceil_div(owners * splits, local), caps)};
        return choice;
    }

    KernelChoice attend(const Step& step, CacheType cache, uint32_t n_tok) const {
        const uint32_t n_head = step.u32("n_head"), head_dim = step.u32("head_dim");
        if (profile.window_bytes && step.op == Op::attend) {
            KernelChoice choice = subgroups(fmt::format("attend_lanes_{}", cache_suffix(cache)),
                                            uint64_t(n_tok) * n_head, 1, profile.subgroup_size);
            choice.constants.push_back({kHeadDim, head_dim});
            choice.constants.push_back({kValueDim, step.u32("value_dim")});
            return choice;
        }
        const uint32_t shared_heads = n_head / step.u32("n_head_kv");
        uint32_t gqa = std::min(shared_heads, kMostQueries);
        while (shared_heads % gqa != 0) --gqa;
        const uint64_t work = uint64_t(n_tok) * n_head / gqa;
        // Few queries: many subgroups on each, so that the device is not idle. Many: few are
        // enough.
        uint32_t splits = profile.attend_splits;
        while (splits > 1 && work * splits > kEnoughSubgroups) splits /= 2;
        KernelChoice choice{fmt::format("{}_{}", op_info(step.op).name, cache_suffix(cache)),
                            {{kLocalSize, splits * profile.subgroup_size},
                             {kSubgroup, profile.subgroup_size},
                             {kSplits, splits},
                             {kHeadDim, head_dim},
                             {kGqa, gqa},
                             {kValueDim, step.u32("value_dim")}},
                            profile.subgroup_size,
                            vk::split_groups(work, caps)};
        return choice;
    }
};

/// Rows are read as vec4, and a lane keeps its part of a state in registers.
Result<void> check_scan(const char* name, uint32_t dim, uint32_t inner) {
    if (dim % 4 == 0 && dim <= kMostScanDim && inner % 4 == 0) return {};
    return Error{Category::unsupported,
                 fmt::format("recurrent heads with {} = {} and {} dimensions in all: the device's "
                             "kernels take multiples of 4, and {} up to {}",
                             name, dim, inner, name, kMostScanDim)};
}

Result<void> check_attend(const Step& step) {
    for (const std::string_view dim : {"head_dim", "value_dim"})  // read as vec4
        if (step.u32(dim) % 4 != 0)
            return Error{Category::unsupported,
                         fmt::format("heads of {} dimensions: the device's kernels take multiples "
                                     "of 4",
                                     step.u32(dim))};
    return {};
}

}  // namespace

KernelProfile kernel_profile(const vk::Caps& caps, bool as_cpu) {
    KernelProfile profile;
    profile.subgroup_size = caps.subgroup_size;
    profile.int_dot = caps.int_dot && has_module("matvec_int8_dot_nbits");
    // Devices limit the subgroups of a workgroup (maxComputeWorkgroupSubgroups); every one
    // takes 16.
    profile.norm_size = std::min(profile.norm_size, 16 * caps.subgroup_size);
    if (as_cpu) {
        // A barrier switches coroutines on lavapipe: no shared-memory trees, no tiles; big
        // workgroups are cheap.
        profile.elementwise_size = 256;
        profile.matvec_size = 64;
        profile.matvec_rows = 4;
        profile.matvec_cols = 4;
        profile.matmat = false;
        profile.short_cuts = false;
        profile.int_dot = false;
        profile.norm_size = caps.subgroup_size;
        profile.attend_splits = 1;
        profile.window_bytes = uint32_t(vk::UniformWindow::window_bytes(caps));
    }
    return profile;
}

KernelChoice choose_kernel(const KernelProfile& profile, const vk::Caps& caps, const Step& step,
                           CacheType cache, const WeightShape& weight, uint32_t rows) {
    M2W_ASSERT(rows == 1 || !op_info(step.op).one_token);
    const Chooser choose{profile, caps};
    const uint64_t n_rows = rows;
    switch (step.op) {
        case Op::embed:
            return with_format(choose.elementwise("embed_" + format_suffix(weight),
                                                  n_rows * ceil_div(step.u32("n"), 8)),
                               weight);
        case Op::take_rows:
            return choose.elementwise("take_rows", n_rows * step.u32("n"));
        case Op::rms_norm:
        case Op::layer_norm:
            return choose.norm(step, n_rows * step.u32("groups"));
        case Op::add_rms_norm:
            return choose.norm(step, n_rows);
        case Op::norm_matmul:
            return with_params(with_format(choose.norm_matmul(step, weight), weight), step);
        case Op::matmul:
            return with_params(with_format(choose.matmul(step, weight, rows), weight), step);
        case Op::add:
        case Op::glu:
        case Op::xielu:
        case Op::soft_cap:
            return choose.elementwise(std::string(op_info(step.op).name), n_rows * step.u32("n"));
        case Op::rope_table:
            return choose.elementwise("rope_table", n_rows * step.u32("n_pairs"));
        case Op::rope:
            return choose.elementwise("rope",
                                      n_rows * step.u32("n_head") * (step.u32("head_dim") / 2));
        case Op::kv_store:
            return choose.elementwise(fmt::format("kv_store_{}", cache_suffix(cache)),
                                      n_rows * std::max(step.u32("n_k"), step.u32("n_v")));
        case Op::rope_store:
            return choose.subgroups(fmt::format("rope_store_{}", cache_suffix(cache)),
                                    n_rows * (step.u32("n_head") + step.u32("n_head_kv") +
                                              ceil_div(step.u32("n_v"), step.u32("head_dim"))),
                                    1, profile.matvec_size);
        case Op::attend:
        case Op::rope_attend:
            return choose.attend(step, cache, rows);
        case Op::causal_conv:
            return choose.elementwise("causal_conv",
                                      (n_rows + step.u32("width") - 1) * step.u32("n"));
        case Op::ssm_scan:
            return choose.scan("ssm_scan", uint64_t(step.u32("n_head")) * step.u32("head_dim"),
                               step.u32("d_state"));
        case Op::gated_delta:
            return choose.scan("gated_delta", uint64_t(step.u32("n_head")) * step.u32("v_dim"),
                               step.u32("k_dim"));
        case Op::route:
            return choose.subgroups("route", n_rows, 1, profile.matvec_size);
        case Op::expert_order:
            return choose.subgroups("expert_order", step.u32("n_expert"), 1, profile.matvec_size);
        case Op::expert_matmul:
            return with_format(choose.expert_matmul(step, weight, rows), weight);
        case Op::expert_sum:
            return choose.elementwise("expert_sum", n_rows * step.u32("n"));
        case Op::join:
            return choose.elementwise(
                "join", n_rows * step.u32("groups") * (step.u32("n_a") + step.u32("n_b")));
        case Op::count:
            break;
    }
    M2W_ASSERT(false && "unknown op");
    return {};
}

Result<void> check_kernels(const Plan& plan) {
    for (const Step& step : plan.steps) {
        if (step.op == Op::attend || step.op == Op::rope_attend) TRY(check_attend(step));
        if (step.op == Op::ssm_scan)
            TRY(check_scan("d_state", step.u32("d_state"),
                           step.u32("n_head") * step.u32("head_dim")));
        if (step.op == Op::gated_delta)
            TRY(check_scan("k_dim", step.u32("k_dim"), step.u32("n_head") * step.u32("v_dim")));
    }
    return {};
}

}  // namespace m2w
