// shared.h — finds golden data, the repository's own and the shared. Missing data skips a test
// loudly, except in CI, where it fails.
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace m2w::test {

inline std::filesystem::path shared_dir() {
    const char* env = std::getenv("M2W_SHARED_DIR");
    return env ? env : M2W_SHARED_DIR;
}

/// A file or folder of golden data: that of the repository if it has its own, else the shared one.
inline std::filesystem::path golden_path(const std::filesystem::path& relative) {
    const auto own = std::filesystem::path(M2W_SOURCE_DIR) / "tests/golden" / relative;
    return std::filesystem::exists(own) ? own : shared_dir() / relative;
}

inline std::string read_text(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace m2w::test

/// Declares `name` as the path of a file or folder of golden data, or ends the test.
#define M2W_SHARED(name, relative)                                         \
    const std::filesystem::path name = ::m2w::test::golden_path(relative); \
    if (!std::filesystem::exists(name)) {                                  \
        if (std::getenv("CI")) FAIL() << "golden data missing: " << name;  \
        GTEST_SKIP() << "golden data missing, nothing checked: " << name;  \
    }
