// model_environment.cpp — keeps tests of whole models out of the user's cache of pipelines.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

namespace m2w {
namespace {

class OwnCache : public testing::Environment {
  public:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "m2w-test-XXXXXX").string();
        if (getenv("M2W_CACHE_DIR") || !mkdtemp(name.data())) return;
        folder_ = name;
        setenv("M2W_CACHE_DIR", folder_.c_str(), 1);
    }
    void TearDown() override {
        std::error_code ignored;
        if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
    }

  private:
    std::filesystem::path folder_;
};

[[maybe_unused]] const auto* const kOwnCache = testing::AddGlobalTestEnvironment(new OwnCache);

}  // namespace
}  // namespace m2w
