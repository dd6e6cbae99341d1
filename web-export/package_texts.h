// package_texts.h — the files of web-export/package that packages are made of, embedded in the
// build.
#pragma once
#include <span>
#include <string_view>

namespace m2w::web {

struct PackageText {
    std::string_view path;  // below web-export/package
    std::string_view text;
};

/// Sorted by path.
std::span<const PackageText> package_texts();

}  // namespace m2w::web
