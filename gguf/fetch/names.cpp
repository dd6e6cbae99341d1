// names.cpp — names of models to URLs; the choice among a repository's files.
#include "gguf/fetch/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>

#include "gguf/fetch/http_head.h"
#include "gguf/fetch/limits.h"
#include "gguf/fetch/remote_file.h"
#include "gguf/fetch/url.h"
#include "gguf/json_value.h"
#include "gguf/limits.h"

namespace m2w::fetch {
namespace {

constexpr std::string_view kHub = "hf:";
constexpr std::array<std::string_view, 2> kDefaultQuants{"Q4_K_M", "Q8_0"};
constexpr size_t kMaxListed = 40;  // files in a message
constexpr size_t kMaxSegmentBytes = 255;
constexpr JsonLimits kListingLimits{.depth = 32, .values = 1u << 20};

Error bad_name(std::string_view name, std::string_view what) {
    return Error{Category::usage,
                 fmt::format("{}: {}; expected hf:owner/repo[/file][:QUANT]", name, what)};
}

std::string upper(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = char(std::toupper(static_cast<unsigned char>(c)));
    return out;
}

std::vector<std::string> split(std::string_view text, char at) {
    std::vector<std::string> parts;
    for (size_t begin = 0;;) {
        const size_t end = text.find(at, begin);
        parts.emplace_back(text.substr(begin, end - begin));
        if (end == std::string_view::npos) return parts;
        begin = end + 1;
    }
}

/// A part of a path that stays where it is put.
bool is_segment(std::string_view text) {
    return !text.empty() && text.size() <= kMaxSegmentBytes && text != "." && text != ".." &&
           std::none_of(text.begin(), text.end(),
                        [](unsigned char c) { return c < ' ' || c == 0x7f || c == '/'; });
}

/// What owners, repositories, revisions and quants are made of.
bool is_plain(std::string_view text) {
    return is_segment(text) && std::all_of(text.begin(), text.end(), [](unsigned char c) {
               return std::isalnum(c) || c == '-' || c == '_' || c == '.';
           });
}

/// Whether a file's name has the quant as a word of its own: Q4_K is not in Q4_K_M nor in IQ4_K.
bool has_quant(std::string_view file, std::string_view quant) {
    const std::string text = upper(file);
    const auto is_word = [](unsigned char c) { return std::isalnum(c); };
    for (size_t at = text.find(quant); at != std::string::npos; at = text.find(quant, at + 1)) {
        const size_t end = at + quant.size();
        const bool begins = at == 0 || !is_word(text[at - 1]);
        const bool ends = end == text.size() || (!is_word(text[end]) && text[end] != '_');
        if (begins && ends) return true;
    }
    return false;
}

/// "path/x-00002-of-00005.gguf" taken apart.
struct SplitName {
    std::string stem;  // "path/x"
    uint64_t part = 0, parts = 0;

    std::string name(uint64_t i) const {
        return fmt::format("{}-{:05}-of-{:05}.gguf", stem, i, parts);
    }
};

std::optional<SplitName> parse_split_name(std::string_view file) {
    constexpr std::string_view kForm = "-00001-of-00005.gguf";
    if (file.size() <= kForm.size()) return std::nullopt;
    const std::string_view tail = file.substr(file.size() - kForm.size());
    const auto part = parse_decimal(tail.substr(1, 5)), parts = parse_decimal(tail.substr(10, 5));
    if (tail[0] != '-' || tail.substr(6, 4) != "-of-" || tail.substr(15) != ".gguf" || !part ||
        !parts || *part < 1 || *part > *parts || *parts > gguf::kMaxParts)
        return std::nullopt;
    return SplitName{std::string(file.substr(0, file.size() - kForm.size())), *part, *parts};
}

/// A language model's weights, not what else comes as GGUF beside them.
bool is_model(std::string_view file) {
    const std::string name = upper(file.substr(file.rfind('/') + 1));
    return name.ends_with(".GGUF") && name.find("MMPROJ") == std::string::npos &&
           name.find("IMATRIX") == std::string::npos;
}

std::string listing(const std::vector<std::string>& files) {
    std::string text;
    for (size_t i = 0; i < std::min(files.size(), kMaxListed); i++)
        text += (i ? ", " : "") + files[i];
    if (files.size() > kMaxListed) text += fmt::format(" and {} more", files.size() - kMaxListed);
    return text;
}

/// Models by their first file.
std::vector<std::string> first_files(const std::vector<std::string>& files) {
    std::vector<std::string> models;
    for (const std::string& file : files) {
        const auto split_name = parse_split_name(file);
        if (is_model(file) && (!split_name || split_name->part == 1)) models.push_back(file);
    }
    std::sort(models.begin(), models.end());
    return models;
}

Result<std::vector<std::string>> list_files(const HubName& name, const FetchOptions& options) {
    std::string url =
        fmt::format("{}/api/models/{}/{}", options.hub_endpoint, name.owner, name.repo);
    if (name.revision != "main") url += "/revision/" + name.revision;
    TRY(const std::string text, fetch_document(url, options, kMaxListingBytes));
    const auto json = parse_json(text, kListingLimits);
    const auto broken = [&] {
        return Error{Category::http_protocol, url + ": the answer is no listing of a repository"};
    };
    if (!json) return broken();
    const JsonValue* siblings = json->find("siblings");
    if (!siblings || siblings->kind != JsonValue::Kind::array) return broken();
    std::vector<std::string> files;
    for (const JsonValue& sibling : siblings->items) {
        const JsonValue* name_of_file = sibling.find("rfilename");
        if (!name_of_file || name_of_file->kind != JsonValue::Kind::text) return broken();
        std::string file = name_of_file->text;
        const auto segments = split(file, '/');
        if (!std::all_of(segments.begin(), segments.end(), is_segment)) return broken();
        files.push_back(std::move(file));
    }
    return files;
}

}  // namespace

NameKind name_kind(std::string_view name) {
    if (name.starts_with(kHub)) return NameKind::hub;
    const std::string scheme = upper(name.substr(0, 8));
    return scheme.starts_with("HTTP://") || scheme == "HTTPS://" ? NameKind::url : NameKind::path;
}

std::string HubName::file_url(std::string_view endpoint, std::string_view name) const {
    std::string url = fmt::format("{}/{}/{}/resolve/{}", endpoint, owner, repo, revision);
    for (const std::string& segment : split(name, '/')) url += "/" + encode_segment(segment);
    return url;
}

Result<HubName> parse_hub_name(std::string_view text) {
    if (!text.starts_with(kHub)) return bad_name(text, "does not begin with hf:");
    std::string_view rest = text.substr(kHub.size());
    HubName name;
    if (const size_t colon = rest.rfind(':'); colon != std::string_view::npos) {
        name.quant = upper(rest.substr(colon + 1));
        if (!is_plain(name.quant)) return bad_name(text, "no quant behind the colon");
        rest = rest.substr(0, colon);
    }
    std::vector<std::string> segments = split(rest, '/');
    if (segments.size() < 2) return bad_name(text, "no repository");
    name.owner = segments[0];
    name.repo = segments[1];
    if (const size_t at = name.repo.find('@'); at != std::string::npos) {
        name.revision = name.repo.substr(at + 1);
        name.repo.resize(at);
    }
    if (!is_plain(name.owner) || !is_plain(name.repo) || !is_plain(name.revision))
        return bad_name(text, "an owner, repository or revision cannot be called that");
    for (size_t i = 2; i < segments.size(); i++) {
        if (!is_segment(segments[i])) return bad_name(text, "a file cannot be called that");
        name.file += (i > 2 ? "/" : "") + segments[i];
    }
    if (!name.file.empty() && !name.quant.empty() && !has_quant(name.file, name.quant))
        return bad_name(text, "the file is of another quant");
    return name;
}

std::vector<std::string> split_parts(std::string_view file) {
    const auto split_name = parse_split_name(file);
    if (!split_name) return {std::string(file)};
    std::vector<std::string> parts;
    for (uint64_t i = 1; i <= split_name->parts; i++) parts.push_back(split_name->name(i));
    return parts;
}

Result<std::vector<std::string>> pick_files(const HubName& name,
                                            const std::vector<std::string>& files) {
    const std::string repository = fmt::format("hf:{}/{}", name.owner, name.repo);
    const std::vector<std::string> models = first_files(files);
    const auto usage = [&](std::string_view what, const std::vector<std::string>& which) {
        return Error{Category::usage, fmt::format("{}: {}: {}", repository, what, listing(which))};
    };
    if (models.empty())
        return Error{Category::usage, repository + ": the repository has no GGUF model"};
    std::vector<std::string> found;
    const auto look_for = [&](std::string_view quant) {
        found.clear();
        std::copy_if(models.begin(), models.end(), std::back_inserter(found),
                     [&](const std::string& file) { return has_quant(file, quant); });
    };
    if (!name.quant.empty()) {
        look_for(name.quant);
        if (found.empty()) return usage("no " + name.quant + " among its files", models);
    } else if (models.size() == 1) {
        found = models;
    } else {
        for (const std::string_view quant : kDefaultQuants)
            if (found.empty()) look_for(quant);
        if (found.empty()) return usage("has neither Q4_K_M nor Q8_0; name one of", models);
    }
    if (found.size() > 1) return usage("several files fit; name one of", found);
    std::vector<std::string> parts = split_parts(found[0]);
    for (const std::string& part : parts)
        if (std::find(files.begin(), files.end(), part) == files.end())
            return Error{Category::usage,
                         fmt::format("{}: {} is missing in the repository", repository, part)};
    return parts;
}

Result<RemoteName> resolve_name(std::string_view text, const FetchOptions& options) {
    RemoteName remote;
    if (name_kind(text) == NameKind::url) {
        const size_t query = std::min(text.find('?'), text.size());
        for (const std::string& part : split_parts(text.substr(0, query)))
            remote.urls.push_back(part + std::string(text.substr(query)));
        return remote;
    }
    TRY(const HubName name, parse_hub_name(text));
    std::vector<std::string> files = split_parts(name.file);
    if (name.file.empty()) {
        TRY(const auto listed, list_files(name, options));
        TRY(files, pick_files(name, listed));
    }
    for (const std::string& file : files)
        remote.urls.push_back(name.file_url(options.hub_endpoint, file));
    return remote;
}

}  // namespace m2w::fetch
