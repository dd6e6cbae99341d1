// key_reader.cpp — reads, notes, and lists what was never asked for.
#include "runtime/model/key_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace m2w {
namespace {

// Keys that change nothing that is computed here, each with the reason.
constexpr std::array<std::string_view, 4> kIgnoredKeys{
    "rope.scaling.original_context_length",  // linear scaling does not use it
    "rope.scaling.finetuned",                // provenance
    "rope.dimension_sections",               // text has the same position in every section
    "attention.layer_norm_rms_epsilon",  // beside layer_norm_epsilon, of models with layer norms
};

}  // namespace

Error bad_key(const std::string& key, const std::string& detail) {
    return {Category::hyperparameter, fmt::format("{}: {}", key, detail)};
}

Result<std::optional<uint32_t>> KeyReader::find_u32(std::string_view name, uint32_t lo, uint32_t hi,
                                                    Category otherwise) {
    const std::string key = note(name);
    TRY(auto value, file_.find_u32(key));
    if (value && (*value < lo || *value > hi))
        return Error{otherwise,
                     fmt::format("{}: expected {} to {}, file has {}", key, lo, hi, *value)};
    return value;
}

Result<uint32_t> KeyReader::get_u32(std::string_view name, uint32_t lo, uint32_t hi) {
    TRY(auto value, find_u32(name, lo, hi));
    if (!value) return Error{Category::missing_metadata, key(name) + ": key missing"};
    return *value;
}

Result<std::optional<float>> KeyReader::find_positive(std::string_view name) {
    const std::string key = note(name);
    TRY(auto value, file_.find_f32(key));
    if (value && !(*value > 0))
        return bad_key(key, fmt::format("expected a number above 0, file has {}", *value));
    return value;
}

Result<float> KeyReader::get_positive(std::string_view name) {
    TRY(auto value, find_positive(name));
    if (!value) return Error{Category::missing_metadata, key(name) + ": key missing"};
    return *value;
}

Result<std::optional<bool>> KeyReader::find_bool(std::string_view name) {
    return file_.find_bool(note(name));
}

Result<std::string> KeyReader::find_string(std::string_view name, std::string_view fallback) {
    TRY(auto value, file_.find_string(note(name)));
    return std::string(value.value_or(fallback));
}

Result<std::optional<std::vector<uint32_t>>> KeyReader::find_u32s(std::string_view name) {
    return file_.find_u32s(note(name));
}

const gguf::Value* KeyReader::find(std::string_view name) {
    return file_.find(note(name));
}

std::vector<std::string> KeyReader::unread() const {
    std::vector<std::string> out;
    for (const auto& [key, value] : file_.metadata()) {
        if (!key.starts_with(prefix_) || read_.contains(key)) continue;
        const std::string_view name = std::string_view(key).substr(prefix_.size());
        if (std::find(kIgnoredKeys.begin(), kIgnoredKeys.end(), name) == kIgnoredKeys.end())
            out.push_back(key);
    }
    return out;
}

std::string KeyReader::note(std::string_view name) {
    std::string key = prefix_ + std::string(name);
    read_.insert(key);
    return key;
}

}  // namespace m2w
