// diff_text.cpp — the listings of m2w inspect with two files.
#include "tools/diff_text.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "gguf/escape.h"
#include "tools/value_text.h"

namespace m2w::tools {
namespace {

using Json = nlohmann::ordered_json;
using gguf::MetadataChange;
using gguf::TensorChange;

template <class Change>
char sign_of(const Change& change) {
    return !change.a ? '+' : !change.b ? '-' : '~';
}

template <class Change>
std::string_view kind_of(const Change& change) {
    return !change.a ? "added" : !change.b ? "removed" : "changed";
}

/// "2 added, 1 removed, 3 changed, 25 equal"
template <class Change>
std::string counts(const std::vector<Change>& changes, uint64_t n_equal) {
    size_t added = 0, removed = 0;
    for (const Change& change : changes) {
        added += !change.a;
        removed += !change.b;
    }
    return fmt::format("{} added, {} removed, {} changed, {} equal", added, removed,
                       changes.size() - added - removed, n_equal);
}

const gguf::Array* array_of(const gguf::Value* value) {
    return value ? std::get_if<gguf::Array>(&value->data) : nullptr;
}

/// The arrays of a change that is told by its elements.
struct ArrayPair {
    const gguf::Array *a = nullptr, *b = nullptr;
    bool both() const { return a && b && a->element == b->element; }
};

ArrayPair arrays_of(const MetadataChange& change) {
    return {array_of(change.a), array_of(change.b)};
}

bool both_strings(const MetadataChange& change) {
    return change.a && change.b && std::holds_alternative<std::string>(change.a->data) &&
           std::holds_alternative<std::string>(change.b->data);
}

std::string element_text(const gguf::Array& array, uint64_t i) {
    return i < array.count ? text_of(gguf::array_element(array, i)) : "none";
}

std::string array_change_text(const ArrayPair& arrays, const MetadataChange& change) {
    const auto& [a, b] = arrays;
    const std::string type(gguf::value_type_name(a->element));
    const std::string size = a->count == b->count
                                 ? fmt::format("{} x {}", a->count, type)
                                 : fmt::format("{} x {} -> {}", a->count, type, b->count);
    return fmt::format("{}: {} differ, first [{}]: {} -> {}", size, change.n_different,
                       change.first_difference, element_text(*a, change.first_difference),
                       element_text(*b, change.first_difference));
}

/// A long text from shortly before byte `at`, whole characters.
std::string text_around(const std::string& text, uint64_t at) {
    constexpr uint64_t kBefore = 20, kLong = 60;
    if (text.size() <= kLong || at <= kBefore) return shortened(text);
    size_t begin = size_t(std::min<uint64_t>(at, text.size()) - kBefore);
    while (begin > 0 && (uint8_t(text[begin]) & 0xc0) == 0x80) --begin;
    return "..." + shortened(text.substr(begin));
}

std::string string_change_text(const MetadataChange& change) {
    const auto& a = std::get<std::string>(change.a->data);
    const auto& b = std::get<std::string>(change.b->data);
    return fmt::format("from byte {} on: \"{}\" -> \"{}\"", change.first_difference,
                       text_around(a, change.first_difference),
                       text_around(b, change.first_difference));
}

std::string typed_text(const gguf::Value& value) {
    return fmt::format("{} {}", gguf::value_type_name(value.type), text_of(value));
}

std::string change_text(const MetadataChange& change) {
    if (!change.a || !change.b) return typed_text(change.a ? *change.a : *change.b);
    if (const ArrayPair arrays = arrays_of(change); arrays.both())
        return array_change_text(arrays, change);
    if (both_strings(change)) return string_change_text(change);
    if (change.a->type != change.b->type)
        return fmt::format("{} -> {}", typed_text(*change.a), typed_text(*change.b));
    return fmt::format("{} -> {}", text_of(*change.a), text_of(*change.b));
}

std::string_view type_of(const gguf::TensorInfo& tensor) {
    return dtype_info(tensor.dtype).name;
}

std::string change_text(const TensorChange& change) {
    if (!change.a || !change.b) {
        const gguf::TensorInfo& tensor = change.a ? *change.a : *change.b;
        return fmt::format("{} {}", type_of(tensor), shape_text(tensor));
    }
    std::string text;
    const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
    if (change.type) add(fmt::format("type {} -> {}", type_of(*change.a), type_of(*change.b)));
    if (change.shape)
        add(fmt::format("shape {} -> {}", shape_text(*change.a), shape_text(*change.b)));
    if (change.weights) add("other weights");
    if (change.relative_error)
        add(fmt::format("relative error {:.2e}, at most {:.2e}", *change.relative_error,
                        change.largest_difference));
    return text;
}

Json json_of(const MetadataChange& change) {
    Json out{{"key", change.key}, {"change", kind_of(change)}};
    if (change.a) out["a"] = {{"type", gguf::value_type_name(change.a->type)}};
    if (change.a) out["a"]["value"] = tools::json_of(*change.a);
    if (change.b) out["b"] = {{"type", gguf::value_type_name(change.b->type)}};
    if (change.b) out["b"]["value"] = tools::json_of(*change.b);
    const ArrayPair arrays = arrays_of(change);
    if (!arrays.both() && !both_strings(change)) return out;
    out["first_difference"] = change.first_difference;
    out["n_different"] = change.n_different;
    if (!arrays.both()) return out;
    const uint64_t i = change.first_difference;
    for (const auto& [name, array] : {std::pair("a", arrays.a), std::pair("b", arrays.b)})
        out[name]["first_different"] =
            i < array->count ? tools::json_of(gguf::array_element(*array, i)) : Json(nullptr);
    return out;
}

Json json_of(const TensorChange& change) {
    Json out{{"name", change.name}, {"change", kind_of(change)}};
    for (const auto& [name, tensor] : {std::pair("a", change.a), std::pair("b", change.b)})
        if (tensor) out[name] = {{"type", type_of(*tensor)}, {"shape", shape_of(*tensor)}};
    if (!change.a || !change.b) return out;
    out["other_type"] = change.type;
    out["other_shape"] = change.shape;
    out["other_weights"] = change.weights;
    if (change.relative_error) {
        const double error = *change.relative_error;  // JSON knows no NaN
        out["relative_error"] = std::isfinite(error) ? Json(error) : Json(nullptr);
        out["largest_difference"] = change.largest_difference;
    }
    return out;
}

}  // namespace

Json json_of(const gguf::FileDiff& diff) {
    Json out{{"equal", diff.equal()},
             {"equal_keys", diff.n_equal_keys},
             {"equal_tensors", diff.n_equal_tensors},
             {"metadata", Json::array()},
             {"tensors", Json::array()}};
    for (const MetadataChange& change : diff.metadata) out["metadata"].push_back(json_of(change));
    for (const TensorChange& change : diff.tensors) out["tensors"].push_back(json_of(change));
    return out;
}

std::string text_of(const gguf::FileDiff& diff) {
    std::string text = fmt::format("\nmetadata: {}\n", counts(diff.metadata, diff.n_equal_keys));
    for (const MetadataChange& change : diff.metadata)
        text += fmt::format("  {} {:<38} {}\n", sign_of(change), escape_line(shortened(change.key)),
                            escape_line(change_text(change)));
    text += fmt::format("\ntensors: {}\n", counts(diff.tensors, diff.n_equal_tensors));
    std::vector<NamedText> changes;
    for (const TensorChange& change : diff.tensors)
        changes.push_back({change.name, sign_of(change) + change_text(change)});
    for (const auto& [name, what] : grouped_by_layer(changes))
        text += fmt::format("  {} {:<38} {}\n", what.front(), escape_line(name), what.substr(1));
    return text + (diff.equal() ? "\nequal\n" : "\ndifferent\n");
}

}  // namespace m2w::tools
