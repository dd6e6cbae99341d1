// json_value.cpp — values put together from the events of a parser, which itself does not recurse.
#include "gguf/json_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace m2w {
namespace {

using Json = nlohmann::json;

/// False from a callback ends the parser; why is in `error`.
class Builder {
  public:
    explicit Builder(const JsonLimits& limits) : limits_(limits) {}

    bool null() { return add({}); }
    bool boolean(bool truth) { return add({JsonValue::Kind::boolean, truth, {}, {}, {}}); }
    bool number_integer(Json::number_integer_t) { return add({}); }  // negative ones
    bool number_float(Json::number_float_t, const std::string&) { return add({}); }
    bool number_unsigned(Json::number_unsigned_t number) {
        return add({JsonValue::Kind::number, number, {}, {}, {}});
    }
    bool string(std::string& text) {
        return add({JsonValue::Kind::text, 0, std::move(text), {}, {}});
    }
    bool binary(Json::binary_t&) { return add({}); }
    bool start_array(size_t) { return open(JsonValue::Kind::array); }
    bool start_object(size_t) { return open(JsonValue::Kind::object); }
    bool key(std::string& name) {
        open_.back()->names.push_back(std::move(name));
        return true;
    }
    bool end_array() {
        open_.pop_back();
        return true;
    }
    bool end_object() {
        std::vector<std::string_view> names(open_.back()->names.begin(), open_.back()->names.end());
        std::sort(names.begin(), names.end());
        const auto twice = std::adjacent_find(names.begin(), names.end());
        if (twice != names.end()) {
            error = {Category::manifest, fmt::format("\"{}\" is there twice", *twice)};
            return false;
        }
        open_.pop_back();
        return true;
    }
    bool parse_error(size_t byte, const std::string&, const Json::exception&) {
        error = {Category::manifest, fmt::format("not valid JSON at byte {}", byte)};
        return false;
    }

    JsonValue root;
    Error error;

  private:
    bool add(JsonValue value) {
        if (++n_values_ > limits_.values) {
            error = {Category::resource_limit, fmt::format("more than {} values", limits_.values)};
            return false;
        }
        if (open_.empty())
            root = std::move(value);
        else
            open_.back()->items.push_back(std::move(value));
        return true;
    }
    bool open(JsonValue::Kind kind) {
        if (open_.size() == limits_.depth) {
            error = {Category::resource_limit,
                     fmt::format("nests deeper than {} levels", limits_.depth)};
            return false;
        }
        if (!add({kind, 0, {}, {}, {}})) return false;
        // Stays where it is while it is open: nothing is added beside it.
        open_.push_back(open_.empty() ? &root : &open_.back()->items.back());
        return true;
    }

    const JsonLimits limits_;
    uint64_t n_values_ = 0;
    std::vector<JsonValue*> open_;  // from the root to where the parser is
};

}  // namespace

const JsonValue* JsonValue::find(std::string_view name) const {
    const auto at = std::find(names.begin(), names.end(), name);
    return at == names.end() ? nullptr : &items[size_t(at - names.begin())];
}

Result<JsonValue> parse_json(std::string_view text, const JsonLimits& limits) {
    Builder builder(limits);
    if (!Json::sax_parse(text, &builder)) return std::move(builder.error);
    return std::move(builder.root);
}

std::string json_text(const std::string& text) {
    return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace m2w
