// vectors_test.cpp — the reference and the kernels against tests/vectors, whose numbers come from a
// third implementation.
#include <filesystem>

#include "tests/kernels/sweep.h"
#include "tests/kernels/vector_file.h"

namespace m2w::test {
namespace {

class OpVectors : public OpsTest, public testing::WithParamInterface<uint32_t> {
  protected:
    const OpInfo& info() const { return op_info(Op(GetParam())); }
};
INSTANTIATE_TEST_SUITE_P(ops, OpVectors, testing::Range(0u, uint32_t(Op::count)),
                         [](const auto& tested) {
                             return std::string(op_info(Op(tested.param)).name);
                         });

/// The reference computes in double and rounds once.
constexpr double kReferenceRtol = 2e-7;

/// The rows of a cache that a case is about.
std::vector<float> written_rows(const std::vector<float>& cache, const VectorCase& vector) {
    const size_t width = cache.size() / vector.rig.n_ctx;
    return {cache.begin() + ptrdiff_t(width * vector.batch.pos),
            cache.begin() + ptrdiff_t(width * (vector.batch.pos + vector.batch.n_tok))};
}

void check(const OpRig& rig, size_t index, const VectorCase& vector, double rtol) {
    for (const auto& [binding, expected] : vector.expected) {
        for (const Side side : {Side::reference, Side::device, Side::gpu}) {
            const std::vector<float>& whole = rig.output(side, index, binding);
            const bool cache = binding.ends_with("_cache");
            const double allowed = side == Side::reference ? std::min(rtol, kReferenceRtol) : rtol;
            const std::string problem =
                difference(cache ? written_rows(whole, vector) : whole, expected, allowed);
            EXPECT_EQ(problem, "") << vector.step.full_name() << " " << vector.batch.name()
                                   << " on " << side_name(side) << ": " << binding;
        }
    }
    EXPECT_FALSE(vector.expected.empty()) << vector.step.full_name();
}

/// Cases that can share a Plan and its batches.
bool together(const VectorCase& a, const VectorCase& b) {
    return a.batch.name() == b.batch.name() && a.batch.tokens == b.batch.tokens &&
           a.rig.cache == b.rig.cache && a.rig.n_ctx == b.rig.n_ctx;
}

void run_together(const std::vector<VectorCase>& cases, double rtol) {
    std::vector<StepCase> steps;
    for (const VectorCase& vector : cases) steps.push_back(vector.step);
    auto rig = make_rig(steps, cases[0].rig);
    ASSERT_TRUE(rig) << rig.error().str();
    const BatchCase& batch = cases[0].batch;
    if (steps[0].op == Op::attend && batch.pos > 0) {
        const auto filled = (*rig)->run({.n_tok = batch.pos});
        ASSERT_TRUE(filled) << filled.error().str();
    }
    const auto ran = (*rig)->run(batch);
    ASSERT_TRUE(ran) << ran.error().str();
    for (size_t i = 0; i < cases.size(); ++i) check(**rig, i, cases[i], rtol);
    EXPECT_EQ((*rig)->violations(), std::vector<std::string>());
}

TEST_P(OpVectors, reference_and_kernels_give_the_expected_numbers) {
    auto vectors = read_vectors(info());
    ASSERT_TRUE(vectors) << vectors.error().str();
    std::vector<VectorCase> rest = std::move(vectors->cases);
    while (!rest.empty()) {
        std::vector<VectorCase> cases, others;
        for (VectorCase& vector : rest)
            (together(rest[0], vector) ? cases : others).push_back(vector);
        run_together(cases, double(vectors->rtol));
        rest = std::move(others);
    }
}

TEST_P(OpVectors, file_is_small_and_has_the_contracts_tolerance) {
    const auto vectors = read_vectors(info());
    ASSERT_TRUE(vectors) << vectors.error().str();
    EXPECT_EQ(vectors->rtol, info().rtol);
    EXPECT_NE(vectors->provenance.find("make_vectors.py"), std::string::npos);
    EXPECT_LT(std::filesystem::file_size(vectors->path), 131072u);
}

}  // namespace
}  // namespace m2w::test
