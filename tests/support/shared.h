// shared.h — finds the shared golden data. Missing data skips a test loudly, except in CI, where it
// fails.
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

inline std::string read_text(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace m2w::test

/// Declares `name` as the path of a file or folder below the shared data, or ends the test.
#define M2W_SHARED(name, relative)                                             \
    const std::filesystem::path name = ::m2w::test::shared_dir() / (relative); \
    if (!std::filesystem::exists(name)) {                                      \
        if (std::getenv("CI")) FAIL() << "golden data missing: " << name;      \
        GTEST_SKIP() << "golden data missing, nothing checked: " << name;      \
    }
