// names.h — what a user calls a model: a path, a URL, or hf:owner/repo[/file][:QUANT], and the URLs
// behind it. Fetches no model bytes; asks the hub for its listing.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/fetch/options.h"
#include "gguf/result.h"

namespace m2w::fetch {

enum class NameKind : uint8_t { path, url, hub };

/// By its beginning alone: "hf:" or "http(s)://"; everything else is a path.
NameKind name_kind(std::string_view name);

/// hf:owner/repo[@revision][/file][:QUANT], taken apart and checked.
struct HubName {
    std::string owner, repo;
    std::string revision = "main";
    std::string file;   // may have folders; empty: pick one
    std::string quant;  // upper case; empty: the default order

    /// Address of a file of the repository at the revision.
    std::string file_url(std::string_view endpoint, std::string_view file) const;
};

/// Errors: usage, with the form that is expected.
Result<HubName> parse_hub_name(std::string_view name);

/// "x-00002-of-00005.gguf": every part of the set in order, or just the file itself.
std::vector<std::string> split_parts(std::string_view file);

/// Which files of a repository a name means: one, or all parts of a split one, in order. Without a
/// quant: the only model there is, else Q4_K_M, else Q8_0. Errors: usage, with what there is.
Result<std::vector<std::string>> pick_files(const HubName& name,
                                            const std::vector<std::string>& files);

/// The URLs of a model, part by part, first part first. A name that says its file costs no request.
struct RemoteName {
    std::vector<std::string> urls;
};

/// For NameKind::url and hub. Errors: usage, http_* and io of the listing.
Result<RemoteName> resolve_name(std::string_view name, const FetchOptions& options);

}  // namespace m2w::fetch
