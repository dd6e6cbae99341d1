// engines.h — engines for tests of whole models: on the reference, or on Vulkan with the validation
// layer watching from the first call to the last. Judges no numbers.
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "runtime/engine.h"
#include "runtime/session.h"
#include "runtime/testing.h"
#include "runtime/vk/instance.h"
#include "tests/support/results.h"
#include "tests/support/shared.h"

namespace m2w::test {

enum class Target : uint8_t { reference, vulkan };

inline std::string target_name(Target target) {
    return target == Target::reference ? "reference" : "vulkan";
}

/// What the shared data's README allows: ||x - golden|| / ||golden||.
inline double bound(Target target) {
    return target == Target::reference ? 1e-4 : 2e-3;
}

/// Ends the test when the machine has no Vulkan driver: loudly, and as a failure in CI.
#define M2W_NEEDS(target)                                                                     \
    if ((target) == ::m2w::test::Target::vulkan) {                                            \
        const auto instance_ = ::m2w::vk::Instance::create({.validation = true});             \
        if (!instance_ && instance_.error().category == Category::no_device) {                \
            if (std::getenv("CI")) FAIL() << instance_.error().str();                         \
            GTEST_SKIP() << "no Vulkan driver, nothing checked: " << instance_.error().str(); \
        }                                                                                     \
        ASSERT_OK(instance_);                                                                 \
    }

/// Opens engines, and fails at the end of the test on anything that the validation layer said about
/// one of them, teardown included.
class EngineTest : public testing::Test {
  protected:
    using Engine = std::shared_ptr<const m2w::Engine>;

    /// On Vulkan: the device $M2W_TEST_DEVICE, else "auto".
    Result<Engine> open(std::shared_ptr<const Model> model, Target target,
                        EngineOptions options = {}) {
        const char* device = std::getenv("M2W_TEST_DEVICE");
        options.device = target == Target::reference ? "ref" : device ? device : "auto";
        options.validation = true;
        TRY(auto engine, m2w::Engine::create(std::move(model), options));
        if (vk::Device* opened = device_of(engine->backend()))
            logs_.push_back(opened->instance().validation_log());
        return engine;
    }

    void TearDown() override {
        for (const auto& log : logs_) EXPECT_EQ(log->messages(), std::vector<std::string>());
    }

  private:
    std::vector<std::shared_ptr<vk::ValidationLog>> logs_;
};

inline Result<std::shared_ptr<const Model>> load_model(const std::filesystem::path& path) {
    TRY(auto file, gguf::File::open(path));
    return Model::from(std::move(file));
}

inline std::vector<float> copy(std::span<const float> x) {
    return {x.begin(), x.end()};
}

}  // namespace m2w::test
