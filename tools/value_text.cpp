// value_text.cpp — cuts long values short, and folds the layers of a model into one line.
#include "tools/value_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

namespace m2w::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kShownElements = 8;     // of an array
constexpr size_t kShownCharacters = 60;  // of a string, for people

/// "blk.12.ffn_up.weight" is layer 12 and "ffn_up.weight"; false for other names.
bool split_name(std::string_view name, uint32_t& layer, std::string_view& rest) {
    if (!name.starts_with("blk.")) return false;
    name.remove_prefix(4);
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), layer);
    if (error != std::errc{} || end == name.data() + name.size() || *end != '.') return false;
    rest = std::string_view(end + 1, name.data() + name.size());
    return true;
}

/// "0-3,5" of ascending numbers.
std::string ranges(const std::vector<uint32_t>& numbers) {
    std::string out;
    for (size_t i = 0; i < numbers.size();) {
        size_t last = i;
        while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
        out += fmt::format("{}{}", i ? "," : "", numbers[i]);
        if (last > i) out += fmt::format("-{}", numbers[last]);
        i = last + 1;
    }
    return out;
}

}  // namespace

std::string shortened(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    if (text.size() <= kShownCharacters) return text;
    size_t end = kShownCharacters;
    while (end > 0 && (uint8_t(text[end]) & 0xc0) == 0x80) --end;  // not inside a character
    return text.substr(0, end) + fmt::format("... ({} bytes)", text.size());
}

std::string text_of(const gguf::Value& value) {
    if (const auto* array = std::get_if<gguf::Array>(&value.data)) {
        std::string out =
            fmt::format("{} x {}", array->count, gguf::value_type_name(array->element));
        for (size_t i = 0; i < std::min(array->strings.size(), kShownElements); ++i)
            out += fmt::format("{} \"{}\"", i ? "," : ":", shortened(array->strings[i]));
        return out;
    }
    if (const auto* text = std::get_if<std::string>(&value.data)) return shortened(*text);
    if (value.type == gguf::ValueType::f32)  // as few digits as tell it from other floats
        return fmt::format("{}", float(std::get<double>(value.data)));
    return json_of(value).dump();
}

Json json_of(const gguf::Value& value) {
    if (const auto* array = std::get_if<gguf::Array>(&value.data)) {
        Json out{{"array_of", gguf::value_type_name(array->element)}, {"count", array->count}};
        if (array->element == gguf::ValueType::string)
            out["first"] =
                std::vector(array->strings.begin(),
                            array->strings.begin() +
                                ptrdiff_t(std::min<size_t>(array->strings.size(), kShownElements)));
        return out;
    }
    return std::visit(
        [](const auto& scalar) -> Json {
            if constexpr (std::is_same_v<std::decay_t<decltype(scalar)>, gguf::Array>)
                return nullptr;
            else
                return scalar;
        },
        value.data);
}

std::vector<uint64_t> shape_of(const gguf::TensorInfo& tensor) {
    std::vector<uint64_t> shape;
    for (uint32_t d = tensor.n_dims; d-- > 0;) shape.push_back(tensor.dims[d]);
    return shape;
}

std::string shape_text(const gguf::TensorInfo& tensor) {
    std::string text;
    for (const uint64_t n : shape_of(tensor)) text += fmt::format("[{}]", n);
    return text;
}

std::string with_commas(uint64_t number) {
    std::string text = fmt::to_string(number);
    for (size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
    return text;
}

std::vector<NamedText> grouped_by_layer(std::span<const NamedText> tensors) {
    struct Group {
        const NamedText* first;
        std::vector<uint32_t> layers;
    };
    std::vector<Group> groups;
    std::map<std::pair<std::string_view, std::string_view>, size_t> known;  // rest, what is said
    for (const NamedText& tensor : tensors) {
        uint32_t layer = 0;
        std::string_view rest;
        if (!split_name(tensor.first, layer, rest)) {
            groups.push_back({&tensor, {}});
            continue;
        }
        const auto [at, is_new] = known.try_emplace({rest, tensor.second}, groups.size());
        if (is_new) groups.push_back({&tensor, {}});
        groups[at->second].layers.push_back(layer);
    }
    std::vector<NamedText> out;
    for (Group& group : groups) {
        uint32_t layer = 0;
        std::string_view rest;
        if (group.layers.size() > 1 && split_name(group.first->first, layer, rest)) {
            std::sort(group.layers.begin(), group.layers.end());
            out.push_back(
                {fmt::format("blk.{}.{}", ranges(group.layers), rest), group.first->second});
        } else {
            out.push_back(*group.first);
        }
    }
    return out;
}

}  // namespace m2w::tools
