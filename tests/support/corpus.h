// corpus.h — what the corpus of malformed files expects of one of its cases. Opens no model.
#pragma once
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

namespace m2w::test {

/// Whether a case (an object of cases.json) takes this category, or "ok", as its verdict.
inline bool corpus_accepts(const nlohmann::json& c, std::string_view verdict) {
    if (c["expect"] == "no_crash") return true;
    if (c["expect"] == "ok" || verdict == "ok") return c["expect"] == verdict;
    const auto& also = c["also_accept"];
    return c["error_category"] == verdict ||
           std::find(also.begin(), also.end(), verdict) != also.end();
}

}  // namespace m2w::test
