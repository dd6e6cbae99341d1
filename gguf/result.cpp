// result.cpp — the category table: names and exit statuses.
#include "gguf/result.h"

#include <array>

#include "gguf/escape.h"

namespace m2w {
namespace {

struct CategoryRow {
    std::string_view name;
    int exit_status;
};

constexpr std::array<CategoryRow, size_t(Category::count)> kCategories{{
    {"usage", 1},
    {"magic", 2},
    {"version", 2},
    {"truncated", 2},
    {"count_overflow", 2},
    {"string_length", 2},
    {"array_length", 2},
    {"bad_utf8", 2},
    {"unknown_type", 2},
    {"wrong_metadata_type", 2},
    {"missing_metadata", 2},
    {"duplicate_key", 2},
    {"duplicate_tensor", 2},
    {"alignment", 2},
    {"tensor_dims", 2},
    {"tensor_offset", 2},
    {"tensor_bounds", 2},
    {"tensor_overlap", 2},
    {"shape_mismatch", 2},
    {"hyperparameter", 2},
    {"unsupported", 2},
    {"vocab", 2},
    {"merges", 2},
    {"nan_scale", 2},
    {"chat_template", 2},
    {"manifest", 2},
    {"context_full", 4},
    {"io", 3},
    {"http_status", 3},
    {"http_range", 3},
    {"http_changed", 3},
    {"http_truncated", 3},
    {"http_timeout", 3},
    {"http_protocol", 3},
    {"http_encoding", 3},
    {"http_auth", 3},
    {"http_redirect", 3},
    {"checksum", 3},
    {"disk_full", 3},
    {"cache", 3},
    {"resource_limit", 4},
    {"out_of_memory", 4},
    {"no_device", 4},
    {"device_lost", 5},
    {"internal", 5},
}};
static_assert(kCategories.back().exit_status != 0, "every category has a row");

}  // namespace

std::string_view category_name(Category category) {
    return kCategories[size_t(category)].name;
}

int exit_status(Category category) {
    return kCategories[size_t(category)].exit_status;
}

std::string Error::str() const {
    return "error[" + std::string(category_name(category)) + "] " + escape_line(message);
}

}  // namespace m2w
