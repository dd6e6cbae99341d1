// results.h — unwraps Results in tests, printing the error. Judges nothing else.
#pragma once
#include <gtest/gtest.h>

#include <cctype>
#include <string>
#include <string_view>
#include <utility>

#include "gguf/result.h"

/// Asserts that a Result holds.
#define ASSERT_OK(expr)                                                       \
    do {                                                                      \
        const auto& result_ = (expr);                                         \
        ASSERT_TRUE(bool(result_)) << #expr << ": " << result_.error().str(); \
    } while (0)

/// decl = the value of a Result, or a fatal failure.
#define ASSERT_GET(decl, expr)                                                           \
    auto M2W_CAT(got_, __LINE__) = (expr);                                               \
    ASSERT_TRUE(bool(M2W_CAT(got_, __LINE__))) << M2W_CAT(got_, __LINE__).error().str(); \
    decl = *std::move(M2W_CAT(got_, __LINE__))

namespace m2w::test {

/// "category: message" of a Result that must fail, "ok" of one that holds.
template <class T>
std::string outcome(const Result<T>& result) {
    if (result) return "ok";
    return std::string(category_name(result.error().category)) + ": " + result.error().message;
}

/// A name as the last part of a parameterised test's: letters, digits and underscores.
inline std::string as_test_name(std::string_view name) {
    std::string out(name);
    for (char& c : out)
        if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
    return out;
}

}  // namespace m2w::test
