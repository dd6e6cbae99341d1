// quant_golden_test.cpp — two trained layers in every weight type against a float64 forward of the
// decoded weights.
#include <fmt/format.h>

#include "gguf/dtype.h"
#include "tests/runtime/engines.h"
#include "tests/support/golden.h"

namespace m2w {
namespace {

using test::Target;

class quant_golden : public test::EngineTest, public testing::WithParamInterface<Target> {};

std::string lower(std::string text) {
    for (char& c : text) c = char(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

TEST_P(quant_golden, every_type_agrees) {
    M2W_SHARED(folder, "quant");
    M2W_NEEDS(GetParam());
    const nlohmann::json golden = test::read_json(folder / "golden.json");
    const auto ids = golden.value("ids", std::vector<uint32_t>());
    ASSERT_EQ(ids.size(), 20u);
    int n_run = 0;
    for (const auto& [type, facts] : golden["files"].items()) {
        SCOPED_TRACE(type);
        const std::string stem = "tiny2l-" + lower(type);
        ASSERT_GET(const auto file, gguf::File::open(folder / (stem + ".gguf")));
        ASSERT_GET(auto model, Model::from(file));
        ASSERT_GET(const test::Npy want, test::read_npy(folder / (stem + ".logits.npy")));
        ASSERT_GET(const auto engine, open(model, GetParam(), {.cache = CacheType::f32}));
        ASSERT_GET(
            auto session,
            Session::create(engine, {.n_ctx = 20, .cache = CacheType::f32, .all_logits = true}));
        ASSERT_GET(const auto logits, session.eval_all(ids));
        const double error = test::relative_error(logits, want.data);
        EXPECT_LE(error, test::bound(GetParam()));
        fmt::print("  {} {}: logits {:.1e}\n", type, test::target_name(GetParam()), error);
        ++n_run;
    }
    EXPECT_EQ(n_run, 27);
}

INSTANTIATE_TEST_SUITE_P(shared, quant_golden, testing::Values(Target::reference, Target::vulkan),
                         [](const auto& at) { return test::target_name(at.param); });

}  // namespace
}  // namespace m2w
