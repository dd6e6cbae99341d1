// pins.cpp — m2w.lock as JSON.
#include "gguf/fetch/pins.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "gguf/fetch/journal.h"
#include "gguf/fetch/names.h"
#include "gguf/sha256.h"

namespace m2w::fetch {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;

Error refuse(std::string_view what) {
    return Error{Category::cache, fmt::format("m2w.lock: {}", what)};
}

Result<RemoteIdentity> parse_file(const Json& json) {
    TRY(auto identity,
        identity_from_json(json.dump(-1, ' ', true, Json::error_handler_t::replace)));
    if (identity.sha256.empty()) return refuse(identity.url + " has no sha256");
    return identity;
}

}  // namespace

Result<Pins> parse_pins(std::string_view text) {
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return refuse("not a JSON object");
    const auto format = json.find("format"), models = json.find("models");
    if (format == json.end() || *format != kFormat)
        return refuse(fmt::format("\"format\" is not {}", kFormat));
    if (models == json.end() || !models->is_object()) return refuse("no \"models\"");
    Pins pins;
    for (const auto& [name, model] : models->items()) {
        if (!model.is_object() || !model.contains("files") || !model["files"].is_array() ||
            model["files"].empty())
            return refuse(name + " has no files");
        for (const Json& file : model["files"]) {
            TRY(auto identity, parse_file(file));
            pins[name].push_back(std::move(identity));
        }
    }
    return pins;
}

std::string print_pins(const Pins& pins) {
    Json json{{"format", kFormat}, {"models", Json::object()}};
    for (const auto& [name, files] : pins) {
        Json list = Json::array();
        for (const RemoteIdentity& file : files) {
            Json row{{"url", file.url}, {"size", file.size_bytes}, {"sha256", file.sha256}};
            if (!file.revision.empty()) row["revision"] = file.revision;
            list.push_back(std::move(row));
        }
        json["models"][name] = Json{{"files", std::move(list)}};
    }
    return json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
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
