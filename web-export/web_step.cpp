// web_step.cpp — the table of kernels by op: how their lanes work, what their grid counts, and the
// variants that weights, caches and shapes ask for.
#include "web-export/web_step.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>

#include "kernels/push_layout.h"
#include "kernels/wgsl.h"

namespace m2w::web {
namespace {

constexpr uint32_t kMostLanes = 256;  // what WebGPU promises of a workgroup
constexpr uint32_t kLocal = 64;       // invocations of a workgroup: kernels/wgsl/common.wgsl
// Those of a CPU adapter's where each has much to do: two of its threads are to end together. Where
// they make a row of their own first, there are so many workgroups: SwiftShader hands them to its
// threads in 16 lots (batchCount in src/Pipeline/ComputeProgram.cpp).
constexpr uint32_t kAloneLocal = 8, kMostRowGroups = 16;
// A barrier makes what is behind it a tenth slower there: rows of larger weights are rounded
// before.
constexpr uint32_t kMostRowsOfOwnRow = 16384;
constexpr uint32_t kSubgroupOwners = 4;  // owners of a workgroup whose lanes are subgroups
constexpr uint32_t kRounded = 32;        // activations that are rounded together
// Of workgroups that norm a row, each for itself: weight rows at least, how many there are at most,
// and the longest row that fits 16 KiB with what lanes add up with.
constexpr uint32_t kNormRows = 16, kMostNormGroups = 256, kMostNormWidth = 3840;
constexpr uint32_t kMostSteps = 4;   // loads of attention that are under way at a time
constexpr uint32_t kExpertRows = 2;  // weight rows of an owner, of one expert

/// Which invocations share an owner.
enum class Lanes : uint8_t {
    one,     // none: elementwise
    shared,  // those of a subgroup or workgroup, on a GPU
    many     // those of a workgroup of kMostLanes, on a GPU
};

struct KernelRow {
    Op op;
    Lanes lanes;
    uint64_t (*owners)(const Step& step);  // for each row, or in all
    bool times_rows;
};

/// Params that are not in a shader where they are 0, with what they ask for.
constexpr struct {
    Op op;
    const char* param;
} kLeftOut[] = {{Op::attend, "soft_cap"},
                {Op::attend, "temperature_length"},
                {Op::glu, "limit"},
                {Op::glu, "up_shift"},
                {Op::rope, "pairing"},
                {Op::rope_store, "pairing"},
                {Op::matmul, "gated_by"},
                {Op::matmul, "limit"},
                {Op::matmul, "up_shift"},
                {Op::norm_matmul, "gated_by"},
                {Op::norm_matmul, "limit"},
                {Op::norm_matmul, "up_shift"},
                {Op::rope_attend, "soft_cap"},
                {Op::rope_attend, "pairing"}};

uint64_t n_of(const Step& step) {
    return step.u32("n");
}
uint64_t groups_of(const Step& step) {
    return step.u32("groups");
}

uint64_t ceil_div(uint64_t a, uint64_t b) {
    return (a + b - 1) / b;
}

/// Words of an f16 cache that a row of this width may touch.
uint64_t cache_words(uint64_t width) {
    return width / 2 + 1;
}

constexpr KernelRow kKernels[] = {
    {Op::embed, Lanes::one, [](const Step& s) { return ceil_div(s.u32("n"), 8); }, true},
    {Op::take_rows, Lanes::one, n_of, true},
    {Op::rms_norm, Lanes::many, groups_of, true},
    {Op::layer_norm, Lanes::many, groups_of, true},
    {Op::matmul, Lanes::shared, nullptr, false},  // rows of the weight: of_product()
    {Op::add, Lanes::one, n_of, true},
    {Op::norm_matmul, Lanes::shared, nullptr, false},
    {Op::add_rms_norm, Lanes::many, [](const Step&) { return uint64_t(1); }, true},
    {Op::rope_table, Lanes::one, [](const Step& s) { return uint64_t(s.u32("n_pairs")); }, true},
    {Op::rope, Lanes::one,
     [](const Step& s) { return uint64_t(s.u32("n_head")) * s.u32("head_dim"); }, true},
    {Op::kv_store, Lanes::one,
     [](const Step& s) { return cache_words(s.u32("n_k")) + cache_words(s.u32("n_v")); }, true},
    {Op::rope_store, Lanes::shared,
     [](const Step& s) {
         const uint64_t heads = uint64_t(s.u32("n_head")) + s.u32("n_head_kv");
         return heads + ceil_div(cache_words(s.u32("n_v")), s.u32("head_dim") / 2);
     },
     true},
    {Op::attend, Lanes::many, [](const Step& s) { return uint64_t(s.u32("n_head")); }, true},
    {Op::rope_attend, Lanes::many, [](const Step& s) { return uint64_t(s.u32("n_head")); }, false},
    {Op::glu, Lanes::one, n_of, true},
    {Op::causal_conv, Lanes::one, n_of, true},
    {Op::ssm_scan, Lanes::one,
     [](const Step& s) { return uint64_t(s.u32("n_head")) * s.u32("head_dim"); }, false},
    {Op::gated_delta, Lanes::one,
     [](const Step& s) { return uint64_t(s.u32("n_head")) * s.u32("v_dim"); }, false},
    {Op::xielu, Lanes::one, n_of, true},
    {Op::soft_cap, Lanes::one, n_of, true},
    {Op::route, Lanes::shared, [](const Step&) { return uint64_t(1); }, true},
    {Op::expert_matmul, Lanes::shared,
     [](const Step& s) { return s.u32("n_used") * ceil_div(s.u32("m"), kExpertRows); }, true},
    {Op::expert_sum, Lanes::one, n_of, true},
    {Op::join, Lanes::one,
     [](const Step& s) { return s.u32("groups") * (uint64_t(s.u32("n_a")) + s.u32("n_b")); }, true},
};

const KernelRow* find_row(Op op) {
    const auto* row = std::find_if(std::begin(kKernels), std::end(kKernels),
                                   [&](const KernelRow& r) { return r.op == op; });
    return row == std::end(kKernels) ? nullptr : row;
}

std::string format_name(const WebWeight& weight) {
    if (weight.nbits) return "nbits";
    std::string name(dtype_info(weight.dtype).name);
    for (char& c : name) c = char(std::tolower(static_cast<unsigned char>(c)));
    return name;
}

/// Blocks of 32 codes of one width and a scale. They are rounded products' formats, and light
/// enough to compile for more rows at once than others.
bool has_scale_alone(const WebWeight& weight) {
    return !weight.nbits && (weight.dtype == DType::q8_0 || weight.dtype == DType::q4_0);
}

/// Whether a product of rounded activations has a kernel before it that rounds them.
bool rounds_apart(const Step& step, const WebContext& context) {
    return step.op == Op::matmul &&
           (context.adapter == Adapter::gpu || context.batch == BatchSize::many ||
            context.weight.rows > kMostRowsOfOwnRow);
}

/// One kernel on its way: the variant of its module, the values of its constants and its grid.
class Builder {
  public:
    Builder(const Step& step, const WebContext& context, const KernelRow& row)
        : step_(step), context_(context), row_(row), info_(op_info(step.op)) {
        variant_.op = step.op;
        variant_.body = info_.name;
    }

    /// Activations for build() with `int8`.
    WebKernel build_rounding() {
        for (uint32_t i = 0; i < info_.n_bindings(); ++i)
            if (info_.bindings[i].name == "x") variant_.bindings.push_back(i);
        add_params();
        define("ALONE");
        define("LOCAL", std::to_string(kAloneLocal));
        variant_.body = "round_rows";
        variant_.vec4_bindings = {"x"};
        add_scratch(rounded_words());
        out_.grid = {.fixed = step_.u32("k") / kRounded, .times_rows = true, .per = kAloneLocal};
        return finish("round_rows");
    }

    Result<WebKernel> build(bool int8) {
        int8_ = int8;
        add_operands();
        add_params();
        choose_lanes();
        choose_params();
        if (has_binding(info_, Bind::cache)) add_cache();
        if (step_.op == Op::rope) define("ROTATED", "x");
        if (step_.op == Op::rope_store || step_.op == Op::rope_attend) define("ROTATED", "q,k");
        if (has_binding(info_, Bind::weight)) add_weight();
        if (step_.op == Op::rope_attend) variant_.body = "attend";
        if (step_.op == Op::attend || step_.op == Op::rope_attend) {
            TRY(add_vectors({{"HEAD4", "head_dim"}, {"VALUE4", "value_dim"}}));
            variant_.vec4_bindings = {"k_cache", "v_cache"};
            // attend.wgsl: whole steps of a key, and at most as many as a value has vectors.
            uint32_t steps = kMostSteps;
            while (step_.u32("head_dim") / 4 % steps != 0 || step_.u32("value_dim") / 4 < steps)
                steps /= 2;
            define("STEPS", std::to_string(steps));
        }
        if (step_.op == Op::ssm_scan) TRY(add_vectors({{"STATE4", "d_state"}}));
        if (step_.op == Op::gated_delta) TRY(add_vectors({{"KEY4", "k_dim"}}));
        if (step_.op == Op::expert_matmul) define("ROWS", std::to_string(kExpertRows));
        if (step_.op == Op::matmul || step_.op == Op::norm_matmul) add_product();
        if (step_.op == Op::norm_matmul) add_norm();
        if (row_.owners) {
            out_.grid.fixed = row_.owners(step_);
            out_.grid.times_rows = row_.times_rows;
        }
        return finish(info_.name);
    }

  private:
    void add_operands() {
        for (uint32_t i = 0; i < info_.n_bindings(); ++i) {
            const Binding& binding = info_.bindings[i];
            const bool present = binding.kind == Bind::tokens || step_.operands[i].present();
            if (!present || (step_.op == Op::expert_matmul && binding.name == "order")) continue;
            variant_.bindings.push_back(i);
            if (binding.optional) define(std::string(binding.name));
        }
    }

    void add_params() {
        for (uint32_t i = 0; i < info_.n_params(); ++i)
            values_.push_back({std::string(info_.params[i].name),
                               info_.params[i].type == ParamType::f32, step_.params[i]});
        set("rows_out", context_.rows_are_out);
    }

    /// Of what a param chooses from, a shader has what is chosen.
    void choose_params() {
        for (const auto& [op, param] : kLeftOut)
            if (op == step_.op && step_.u32(param) != 0) define(param);
        if (step_.op == Op::glu || step_.op == Op::causal_conv)
            define(fmt::format("activation_{}", step_.u32("activation")));
        if (is_gated()) define(fmt::format("activation_{}", step_.u32("gated_by") - 1));
    }

    bool is_gated() const {
        return (step_.op == Op::matmul || step_.op == Op::norm_matmul) &&
               step_.u32("gated_by") != 0;
    }

    void choose_lanes() {
        const bool alone = row_.lanes == Lanes::one || context_.adapter == Adapter::cpu;
        const bool subgroups = context_.subgroups && row_.lanes == Lanes::shared;
        define(alone ? "ALONE" : subgroups ? "SUBGROUP" : "WORKGROUP");
        const uint32_t local = row_.lanes == Lanes::one ? kLocal : kAloneLocal;
        if (alone) define("LOCAL", std::to_string(local));
        out_.grid.per = alone ? local : subgroups ? kSubgroupOwners : 1;
        alone_ = alone;
        if (alone || subgroups) return;
        define("LANES", std::to_string(row_.lanes == Lanes::many ? kMostLanes : kLocal));
    }

    uint32_t n_k() const {
        return step_.op == Op::kv_store ? step_.u32("n_k")
                                        : step_.u32("n_head_kv") * step_.u32("head_dim");
    }

    void add_cache() {
        if (context_.cache == CacheFormat::f16) define("CACHE_F16");
        // Rows that begin with a word of their own are stored in fewer steps.
        const bool stores = step_.op == Op::kv_store || step_.op == Op::rope_store;
        if (stores && context_.cache == CacheFormat::f16 && n_k() % 2 == 0 &&
            step_.u32("n_v") % 2 == 0)
            define("EVEN");
    }

    void add_weight() {
        const WebWeight& weight = context_.weight;
        define("FORMAT", format_name(weight));
        define("COLUMNS", step_.op == Op::embed ? "n" : "k");
        set("w_row0", uint32_t(weight.row0));
        set("w_rows", uint32_t(weight.rows));
        const uint64_t cols = step_.u32(step_.op == Op::embed ? "n" : "k");
        uint32_t unit = dtype_info(weight.dtype).block_elems == 1 ? 8 : 1;
        PlaneLayout layout;
        if (weight.nbits) {
            const NBits& format = *weight.nbits;
            unit = format.block < 32 ? 16 : 32;
            layout = nbits_layout(format, weight.rows, cols);
            set("BITS", format.bits);
            set("BLOCK", format.block);
            set("ZERO", uint32_t(format.zero));
            set("HALF_FLOATS", format.halves);
        } else {
            layout = plane_layout(weight.dtype,
                                  weight.rows * (cols / dtype_info(weight.dtype).block_elems));
        }
        for (uint32_t i = 1; i < layout.count; ++i)
            set(fmt::format("w_at{}", i), uint32_t(layout.offset_bytes[i] / 4));
        if (cols % unit != 0) return;
        define("ALIGNED");
        if (step_.op != Op::embed) variant_.vec4_bindings = {"x"};
    }

    void add_scratch(uint64_t words) {
        variant_.scratch = true;
        out_.scratch_words = words;
    }

    /// Of a row: eight words of codes and one of a scale for each group.
    uint64_t rounded_words() const { return step_.u32("k") / kRounded * (kRounded / 4 + 1); }

    /// Each workgroup makes a row for itself, of a CPU adapter in its part of the scratch buffer,
    /// and its owners have weight rows from everywhere.
    void take_row(uint64_t part_words) {
        define("ROW");
        if (!alone_) return;
        out_.grid.fixed =
            std::min<uint64_t>(ceil_div(out_.grid.fixed, kAloneLocal), kMostRowGroups);
        out_.grid.per = 1;
        add_scratch(out_.grid.fixed * part_words);
    }

    /// Parts of heads that a lane keeps in an array of vec4.
    Result<void> add_vectors(std::initializer_list<std::pair<const char*, const char*>> arrays) {
        for (const auto& [name, dim] : arrays) {
            if (step_.u32(dim) % 4 != 0)
                return Error{Category::unsupported,
                             fmt::format("{} of {}: the kernels for WebGPU take multiples of 4",
                                         dim, step_.u32(dim))};
            define(name, std::to_string(step_.u32(dim) / 4));
        }
        return {};
    }

    /// Weight rows and activation rows that an owner multiplies with each other, both loaded once.
    /// To a CPU adapter a load is dear, and more so a workgroup that is alone at the end.
    void add_product() {
        const bool many = context_.batch == BatchSize::many && step_.op == Op::matmul;
        const uint64_t rows = context_.weight.rows;
        const uint32_t side = has_scale_alone(context_.weight) ? 8 : 4;
        const uint32_t sides = is_gated() ? 2 : 1;
        const uint32_t rows_an_owner = alone_ ? side : 2;
        const uint32_t columns = !many ? 1 : alone_ ? side : 8;
        define("ROWS", std::to_string(rows_an_owner));
        define("COLS", std::to_string(columns));
        define("SIDES", std::to_string(sides));
        // Rounded activations are a quarter of the words: sharing their loads gains nothing.
        if (alone_ && many && !int8_) define("FOURS", columns == 8 ? "0,4" : "1");
        out_.grid.fixed = ceil_div(rows, rows_an_owner);
        out_.grid.columns = columns;
        variant_.body = "matmul";
        if (!int8_) return;
        define("INT8");
        variant_.body = "matmul_int8";
        if (rounds_apart(step_, context_))
            add_scratch(rounded_words());
        else if (step_.op == Op::matmul)
            take_row(rounded_words());
    }

    /// Vectors are uniform: with eight storage buffers there is no room for them.
    void add_norm() {
        const uint64_t n = step_.u32("k") / 4;
        define("NORMED", std::to_string(n));
        variant_.vec4_bindings = {"x", "stream", "sum"};
        variant_.uniform_vec4s = n;
        out_.uniform_vectors = true;
        if (!alone_) {
            out_.grid.fixed =
                std::min<uint64_t>(ceil_div(context_.weight.rows, kNormRows), kMostNormGroups);
            out_.grid.per = 1;
        } else if (!int8_) {
            variant_.vec4_bindings.insert("scratch");
        }
        // Besides the row norm.wgsl has two sums of each invocation there.
        const uint64_t sums = 2 * kAloneLocal;
        take_row(int8_ ? rounded_words() + sums : 4 * (n + sums));
    }

    WebKernel finish(std::string_view kernel) {
        WgslModule module = assemble_wgsl(variant_);
        out_.module = kernel;
        for (const auto& [name, value] : variant_.defines) {
            std::string part = name + value;
            if (name == "FORMAT") part = value;
            if (name == "COLUMNS" || name == "ROTATED" || name == "SIDES" || name == "LANES" ||
                name == "FOURS" || name == "STEPS" || name == "LOCAL" ||
                (name == "ROW" && step_.op == Op::norm_matmul))
                continue;  // follow from the op, the columns and the heads
            for (char& c : part) c = char(std::tolower(static_cast<unsigned char>(c)));
            out_.module += "_" + part;
        }
        out_.code = std::move(module.code);
        for (const std::string& name : module.overrides) {
            const auto value = std::find_if(values_.begin(), values_.end(),
                                            [&](const auto& v) { return v.name == name; });
            M2W_ASSERT(value != values_.end());
            out_.constants.push_back(*value);
        }
        out_.bindings = variant_.bindings;
        if (variant_.scratch) out_.bindings.push_back(kScratchBinding);
        return std::move(out_);
    }

    void define(std::string name, std::string value = "") {
        variant_.defines[std::move(name)] = std::move(value);
    }
    void set(std::string name, uint32_t value) {
        values_.push_back({std::move(name), false, value});
    }

    const Step& step_;
    const WebContext& context_;
    const KernelRow& row_;
    const OpInfo& info_;
    WgslVariant variant_;
    std::vector<WebConstant> values_;
    WebKernel out_;
    bool alone_ = true, int8_ = false;
};

}  // namespace

char layout_of(Op op, const WebKernel& kernel, uint32_t binding) {
    if (binding == kScratchBinding) return 'w';
    const Binding& bound = op_info(op).bindings[binding];
    if (kernel.uniform_vectors && bound.kind == Bind::vector) return 'u';
    return bound.mode == Mode::in ? 'r' : 'w';
}

Result<std::vector<WebKernel>> web_kernels(const Step& step, const WebContext& context) {
    const KernelRow* row = find_row(step.op);
    if (!row)
        return Error{Category::unsupported,
                     fmt::format("no WGSL kernel computes {}", op_info(step.op).name)};
    if (context.weight.nbits && context.weight.nbits->int8_activations)
        return Error{Category::unsupported, "no WGSL kernel rounds activations to 8 bits"};
    if (step.op == Op::norm_matmul && step.u32("k") > kMostNormWidth)
        return std::vector<WebKernel>();
    const bool takes_int8 =
        step.op == Op::matmul || (step.op == Op::norm_matmul && context.adapter == Adapter::cpu);
    const bool int8 = context.int8_activations && takes_int8 && has_scale_alone(context.weight);
    std::vector<WebKernel> out;
    if (int8 && rounds_apart(step, context))
        out.push_back(Builder(step, context, *row).build_rounding());
    TRY(auto kernel, Builder(step, context, *row).build(int8));
    out.push_back(std::move(kernel));
    return out;
}

}  // namespace m2w::web
