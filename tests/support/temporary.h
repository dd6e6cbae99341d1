// temporary.h — files that a test makes: folders that go away, copies with some bytes replaced.
#pragma once
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "tests/support/shared.h"

namespace m2w::test {

/// A new empty folder below the system's temporary one; removed with the object.
class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "m2w-test-XXXXXX").string();
        if (!mkdtemp(name.data())) std::abort();
        path_ = name;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

/// The model that comes with the project.
inline std::filesystem::path bundled_model() {
    return std::filesystem::path(M2W_SOURCE_DIR) / "chat/model/tiny-q8_0.gguf";
}

/// A copy of the bundled model in `folder` with the first occurrence of `from` replaced by `to`, of
/// equal length.
inline std::filesystem::path patched_model(const TemporaryFolder& folder, const std::string& from,
                                           const std::string& to) {
    std::string bytes = read_text(bundled_model());
    const size_t at = bytes.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    EXPECT_EQ(from.size(), to.size());
    if (at != std::string::npos) bytes.replace(at, from.size(), to);
    const auto path = folder.path() / "patched.gguf";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
}

}  // namespace m2w::test
