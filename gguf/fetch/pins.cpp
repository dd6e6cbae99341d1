// pins.cpp — m2w.lock as JSON.
#include "gguf/fetch/pins.h"

#include <fmt/format.h>

#include "gguf/fetch/journal.h"
#include "gguf/fetch/names.h"
#include "gguf/json_value.h"
#include "gguf/sha256.h"

namespace m2w::fetch {
namespace {

constexpr uint64_t kFormat = 1;
constexpr JsonLimits kLimits{.depth = 8, .values = 1u << 20};

Error refuse(std::string_view what) {
    return Error{Category::cache, fmt::format("m2w.lock: {}", what)};
}

Result<std::vector<RemoteIdentity>> parse_model(const std::string& name, const JsonValue& model) {
    const JsonValue* files = model.find("files");
    if (!files || files->kind != JsonValue::Kind::array || files->items.empty())
        return refuse(name + " has no files");
    std::vector<RemoteIdentity> out;
    for (const JsonValue& file : files->items) {
        TRY(auto identity, identity_of(file));
        if (identity.sha256.empty()) return refuse(identity.url + " has no sha256");
        out.push_back(std::move(identity));
    }
    return out;
}

}  // namespace

Result<Pins> parse_pins(std::string_view text) {
    const auto json = parse_json(text, kLimits);
    if (!json) return refuse(json.error().message);
    if (json->kind != JsonValue::Kind::object) return refuse("not a JSON object");
    const JsonValue *format = json->find("format"), *models = json->find("models");
    if (!format || format->kind != JsonValue::Kind::number || format->number != kFormat)
        return refuse(fmt::format("\"format\" is not {}", kFormat));
    if (!models || models->kind != JsonValue::Kind::object) return refuse("no \"models\"");
    Pins pins;
    for (size_t i = 0; i < models->items.size(); i++) {
        TRY(pins[models->names[i]], parse_model(models->names[i], models->items[i]));
    }
    return pins;
}

std::string print_pins(const Pins& pins) {
    std::string models;
    for (const auto& [name, files] : pins) {
        std::string list;
        for (const RemoteIdentity& file : files) {
            list += fmt::format(
                "{}\n        {{\n          \"url\": {},\n          \"size\": {},\n          "
                "\"sha256\": {}",
                list.empty() ? "" : ",", json_text(file.url), file.size_bytes,
                json_text(file.sha256));
            if (!file.revision.empty())
                list += fmt::format(",\n          \"revision\": {}", json_text(file.revision));
            list += "\n        }";
        }
        models += fmt::format("{}\n    {}: {{\n      \"files\": [{}\n      ]\n    }}",
                              models.empty() ? "" : ",", json_text(name), list);
    }
    return fmt::format("{{\n  \"format\": {},\n  \"models\": {{{}{}}}\n}}\n", kFormat, models,
                       models.empty() ? "" : "\n  ");
}

RemoteIdentity pin_of(std::string_view name, RemoteIdentity identity) {
    constexpr std::string_view kResolve = "/resolve/";
    const size_t at = identity.url.find(kResolve);
    if (name_kind(name) == NameKind::hub && !identity.revision.empty() && at != std::string::npos) {
        const size_t begin = at + kResolve.size();
        const size_t end = identity.url.find('/', begin);
        if (end != std::string::npos) identity.url.replace(begin, end - begin, identity.revision);
    }
    return identity;
}

}  // namespace m2w::fetch
