// vk_sanitizer.cpp — lets the leak checker tell our leaks from those of drivers and layers. Ours of
// Vulkan objects are found by the validation layer when their device goes.
#include <gtest/gtest.h>

#include "runtime/vk/instance.h"

extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
    return "leak:libvulkan_lvp.so\nleak:libVkLayer_khronos_validation.so\nleak:libLLVM\n"
           "leak:libvulkan.so\nleak:libnvidia\nleak:libGLX_nvidia\n";
}

namespace m2w::vk {
namespace {

/// Keeps the driver's libraries loaded to the end: a suppression needs their names.
class KeepDriversLoaded : public testing::Environment {
  public:
    void SetUp() override {
        if (auto instance = Instance::create({.validation = true})) {
            instance_ = new std::shared_ptr<Instance>(*instance);
            auto devices = list_devices(**instance_);  // loads what is loaded late
        }
    }

  private:
    static inline std::shared_ptr<Instance>* instance_ = nullptr;
};

[[maybe_unused]] const auto* const kKeep = testing::AddGlobalTestEnvironment(new KeepDriversLoaded);

}  // namespace
}  // namespace m2w::vk
