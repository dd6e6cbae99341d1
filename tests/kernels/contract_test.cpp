// contract_test.cpp — the table of ops against what hangs on it: compiled kernels, vectors,
// documentation, the tests of this folder.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "kernels/push_layout.h"
#include "kernels/spirv.h"
#include "tests/kernels/spirv_push.h"
#include "tests/kernels/sweep.h"
#include "tests/kernels/vector_file.h"
#include "tests/support/shared.h"

namespace m2w::test {
namespace {

const SpirvModule* find_module(std::string_view name) {
    for (const SpirvModule& module : spirv_modules())
        if (module.name == name) return &module;
    return nullptr;
}

/// The compiled variants of an op.
std::vector<std::string> modules_of(Op op) {
    std::vector<std::string> stems{std::string(op_info(op).name)};
    if (op == Op::matmul) stems = {"matmat", "matrows"};
    if (op == Op::norm_matmul) stems = {"matvec"};  // of both
    if (op == Op::expert_matmul) stems = {"expert_matvec", "expert_matmat", "expert_matrows"};
    if (op == Op::attend) stems = {"attend", "attend_lanes"};
    std::vector<std::string> suffixes{""};
    if (has_binding(op_info(op), Bind::cache)) suffixes = {"_f16", "_f32"};
    if (op == Op::matmul || op == Op::norm_matmul || op == Op::embed || op == Op::expert_matmul) {
        suffixes.clear();
        for (const DType dtype : weight_types()) suffixes.push_back("_" + type_name(dtype));
        suffixes.push_back("_nbits");
    }
    std::vector<std::string> names;
    for (const std::string& stem : stems)
        for (const std::string& suffix : suffixes) names.push_back(stem + suffix);
    // Without integer dot products and, where glslc knows them, with them.
    const std::string prefix = op == Op::expert_matmul ? "expert_" : "";
    if (op == Op::matmul || op == Op::expert_matmul)
        for (const std::string dot : {"", "_dot"})
            if (const std::string name = prefix + "matvec_int8" + dot + "_nbits";
                dot.empty() || find_module(name))
                names.push_back(name);
    return names;
}

/// The type of a binding in the push constants, as push_members() says it.
std::string member_type(const Binding& binding, bool f16_cache) {
    const std::string access = binding.mode == Mode::in ? " in" : " out";
    if (binding.optional) return "uvec2";
    switch (binding.kind) {
        case Bind::activation:
        case Bind::vector:
        case Bind::state:
            return "f32" + access;
        case Bind::constant:
        case Bind::tokens:
            return "u32" + access;
        case Bind::cache:
            return (f16_cache ? "f16" : "f32") + access;
        case Bind::weight:
        case Bind::none:
            break;
    }
    return "uvec2";
}

/// What kernels/push_layout.h says, one after the other.
std::vector<PushMember> layout_of(const OpInfo& info, bool f16_cache) {
    std::vector<PushMember> out;
    uint32_t at = 0;
    const auto add = [&](const std::string& type, uint32_t size) {
        out.push_back({type, at, size});
        at += size;
    };
    add("struct in", 8);
    add("u32", 4);
    add("u32", 4);
    bool has_weight = false;
    for (uint32_t i = 0; i < info.n_bindings(); ++i) {
        const bool weight = info.bindings[i].kind == Bind::weight;
        has_weight |= weight;
        for (uint32_t plane = 0; plane < (weight ? kWeightPlanes : 1); ++plane)
            add(member_type(info.bindings[i], f16_cache), 8);
    }
    for (uint32_t i = 0; i < (has_weight ? 2u : 0u); ++i) add("u32", 4);
    if (has_binding(info, Bind::cache)) add("u32", 4);
    for (uint32_t i = 0; i < info.n_params(); ++i)
        if (!info.params[i].constant) add(info.params[i].type == ParamType::u32 ? "u32" : "f32", 4);
    return out;
}

std::string print(const std::vector<PushMember>& members) {
    std::string out;
    for (const PushMember& m : members)
        out += fmt::format("{} @{}+{}, ", m.type, m.offset_bytes, m.size_bytes);
    return out;
}

TEST(contract, every_module_has_the_push_constants_of_its_op) {
    for (const OpInfo& info : all_ops()) {
        for (const std::string& name : modules_of(info.op)) {
            const SpirvModule* module = find_module(name);
            if (!module) continue;  // another test says so
            const auto members = push_members(module->words);
            EXPECT_EQ(print(members), print(layout_of(info, name.ends_with("_f16")))) << name;
            ASSERT_FALSE(members.empty()) << name;
            EXPECT_EQ(members.back().offset_bytes + members.back().size_bytes,
                      push_constant_bytes(info))
                << name;
        }
    }
}

TEST(contract, every_op_has_its_modules_and_every_module_its_op) {
    std::set<std::string> known;
    for (const OpInfo& info : all_ops()) {
        for (const std::string& name : modules_of(info.op)) {
            EXPECT_NE(find_module(name), nullptr) << info.name << " lacks " << name;
            EXPECT_TRUE(known.insert(name).second) << name;
        }
    }
    for (const SpirvModule& module : spirv_modules())
        EXPECT_TRUE(known.contains(std::string(module.name))) << module.name << " has no op";
    EXPECT_TRUE(std::is_sorted(spirv_modules().begin(), spirv_modules().end(),
                               [](const auto& a, const auto& b) { return a.name < b.name; }));
}

TEST(contract, push_constants_fit_every_device) {
    for (const OpInfo& info : all_ops()) EXPECT_LE(push_constant_bytes(info), 128u) << info.name;
}

TEST(contract, rows_are_complete_and_sane) {
    std::set<std::string_view> names;
    for (const OpInfo& info : all_ops()) {
        EXPECT_TRUE(names.insert(info.name).second) << info.name;
        EXPECT_FALSE(info.formula.empty() || info.source.empty()) << info.name;
        EXPECT_GE(info.rtol, 0) << info.name;
        EXPECT_LE(info.rtol, 1e-4) << info.name;
        uint32_t outs = 0;
        std::set<std::string_view> words;
        for (uint32_t i = 0; i < info.n_bindings(); ++i) {
            outs += info.bindings[i].mode == Mode::out;
            EXPECT_TRUE(words.insert(info.bindings[i].name).second) << info.name;
            const Bind kind = info.bindings[i].kind;
            const bool may_be_out =
                kind == Bind::activation || kind == Bind::cache || kind == Bind::state;
            EXPECT_TRUE(info.bindings[i].mode == Mode::in || may_be_out) << info.name;
        }
        EXPECT_GE(outs, 1u) << info.name;
        for (uint32_t i = 0; i < info.n_params(); ++i)
            EXPECT_TRUE(words.insert(info.params[i].name).second) << info.name;
    }
}

/// dims_of() asserts that a shape speaks of nothing but params and dynamic values.
TEST(contract, shapes_follow_from_the_params) {
    for (const OpInfo& info : all_ops()) {
        StepCase step{.op = info.op, .n_vocab = 6};
        for (uint32_t i = 0; i < info.n_params(); ++i)
            step.params.push_back({info.params[i].name, 6});
        for (uint32_t i = 0; i < info.n_bindings(); ++i)
            EXPECT_GE(dims_of(info.bindings[i], step).count(), 1u)
                << info.name << " " << info.bindings[i].shape;
    }
}

TEST(contract, every_op_has_vectors) {
    std::set<std::string> known;
    for (const OpInfo& info : all_ops()) {
        const auto vectors = read_vectors(info);
        EXPECT_TRUE(vectors) << vectors.error().str();
        known.insert(vector_path(info));
    }
    const auto folder = std::filesystem::path(vector_path(all_ops()[0])).parent_path();
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        EXPECT_EQ(known.contains(entry.path().string()), entry.path().extension() == ".gguf")
            << entry.path() << " has no op";
}

/// At the end of the whole program: the sweeps left no op out.
class EveryOpWasSwept : public testing::Environment {
    void TearDown() override {
        const auto* unit = testing::UnitTest::GetInstance();
        const bool all = unit->test_to_run_count() == unit->total_test_count() &&
                         unit->skipped_test_count() == 0 && !std::getenv("M2W_OP_CASE");
        for (const OpInfo& info : all_ops())
            EXPECT_TRUE(!all || sweep_stats().ops.contains(info.op)) << info.name;
        fmt::print("{} results compared with the reference\n", sweep_stats().results);
    }
};
const auto* const kEveryOpWasSwept = testing::AddGlobalTestEnvironment(new EveryOpWasSwept);

std::string_view kind_name(Bind kind) {
    constexpr std::string_view kNames[] = {"none",     "activation", "weight", "vector",
                                           "constant", "tokens",     "cache",  "state"};
    return kNames[size_t(kind)];
}

std::string op_document(const OpInfo& info) {
    std::string out = fmt::format("\n## {}\n\n    {}\n\n", info.name, info.formula);
    out += "| binding | kind | | shape |\n|---|---|---|---|\n";
    for (uint32_t i = 0; i < info.n_bindings(); ++i) {
        const Binding& b = info.bindings[i];
        out +=
            fmt::format("| {} | {} | {}{} | `{}` |\n", b.name, kind_name(b.kind),
                        b.mode == Mode::in ? "in" : "out", b.optional ? ", optional" : "", b.shape);
    }
    out += "\nParams:";
    for (uint32_t i = 0; i < info.n_params(); ++i)
        out += fmt::format("{} {} {}{}", i ? "," : "", info.params[i].name,
                           info.params[i].type == ParamType::u32 ? "u32" : "f32",
                           info.params[i].constant ? " constant" : "");
    out += fmt::format(". Push constants: {} bytes. ", push_constant_bytes(info));
    out += info.rtol > 0 ? fmt::format("Tolerance: {:g}.\n", info.rtol)
                         : "Tolerance: none, the result is exact.\n";
    out += fmt::format("Source: {}.\n", info.source);
    return out;
}

constexpr std::string_view kIntroduction = R"(# Ops

Generated from `kernels/ops.cpp` by `tests/kernels/contract_test.cpp`; `M2W_UPDATE_GOLDENS=1` rewrites it.

A Plan is made of these ops. Shapes are slowest dimension first; n_tok, pos and n_out belong to the batch, rows is n_tok or
n_out. Activations, vectors, states and results are f32; weights have any of the supported types or are n-bit codes, whose
products may ask for activations rounded to 8 bits (`docs/nbits.md`); caches are f16 or f32. A state is read in one slot
(`past`, zero at position 0) and written to another one (`state`). The tolerance is the norm of the error over the norm of the
result, device against reference. Numbers to test with are in `tests/vectors`. Kernels are specialised for params that are
constant; the others are push constants.
)";

std::string document() {
    std::string out(kIntroduction);
    for (const OpInfo& info : all_ops()) out += op_document(info);
    return out;
}

TEST(contract, documentation_is_up_to_date) {
    const std::filesystem::path path = std::filesystem::path(M2W_SOURCE_DIR) / "docs/ops.md";
    if (std::getenv("M2W_UPDATE_GOLDENS")) {
        std::ofstream out(path, std::ios::binary);
        out << document();
        ASSERT_TRUE(out.flush()) << path;
    }
    EXPECT_EQ(read_text(path), document()) << "M2W_UPDATE_GOLDENS=1 ops_test rewrites " << path;
}

}  // namespace
}  // namespace m2w::test
