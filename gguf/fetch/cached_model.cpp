// cached_model.cpp — from a name to files: the server is asked first, the cache answers when no
// server does.
#include "gguf/fetch/cached_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "gguf/fetch/cached_source.h"
#include "gguf/fetch/names.h"
#include "gguf/fetch/url.h"
#include "gguf/guarded.h"

namespace m2w::fetch {
namespace {

/// Failures of the server or the way to it, not of the request: the cache may stand in.
bool is_unreachable(Category category) {
    constexpr Category kCategories[] = {Category::io, Category::http_status, Category::http_timeout,
                                        Category::http_truncated, Category::http_protocol};
    return std::find(std::begin(kCategories), std::end(kCategories), category) !=
           std::end(kCategories);
}

/// Errors about what a file says, not about getting it: a byte that came wrong may be the reason.
bool is_refused(Category category) {
    constexpr int kInputRefused = 2;
    return category == Category::resource_limit || exit_status(category) == kInputRefused;
}

/// A file on a server that is asked only when a byte is wanted.
class LazyRemote {
  public:
    LazyRemote(std::string url, FetchOptions options)
        : url_(std::move(url)), options_(std::move(options)) {}

    Result<void> fetch(uint64_t offset, uint64_t size, const ByteSink& sink) {
        std::shared_ptr<RemoteFile> file;
        {
            const std::lock_guard lock(mutex_);
            if (!file_) {
                TRY(auto opened, RemoteFile::open(url_, options_));
                file_ = std::move(opened);
            }
            file = file_;
        }
        return file->fetch(offset, size, sink);
    }

    void forget() {
        const std::lock_guard lock(mutex_);
        if (file_) file_->forget_first_bytes();
    }

  private:
    const std::string url_;  // may hold a password
    const FetchOptions options_;
    std::mutex mutex_;
    std::shared_ptr<RemoteFile> file_;
};

}  // namespace

Result<CachedModel> CachedModel::open(const std::string& name, ModelOptions options) {
    return guarded("opening a model of the cache", [&]() -> Result<CachedModel> {
        CachedModel model(name, std::move(options));
        if (name_kind(name) == NameKind::url) {
            TRY(const Url url, parse_url(name));
            model.key_ = url.text;
            model.label_ = url.label();
        }
        if (model.options_.offline) {
            TRY(model.open_cached("offline"));
            return model;
        }
        const Result<void> opened = model.open_online();
        if (!opened && is_unreachable(opened.error().category)) {
            // The server's error is the one to report when the cache cannot help.
            if (!model.open_cached(opened.error().message)) return opened.error();
            if (model.options_.note)
                model.options_.note(opened.error().message + "; using what is in the cache");
            return model;
        }
        TRY(opened);
        model.remember();
        return model;
    });
}

Result<void> CachedModel::open_online() {
    for (const RemoteIdentity& pin : options_.pins) TRY(open_file(pin.url, &pin));
    if (!options_.pins.empty()) return {};
    TRY(const RemoteName resolved, resolve_name(name_, options_.fetch));
    if (!options_.sha256.empty() && resolved.urls.size() != 1)
        return Error{Category::usage, fmt::format("{}: {} files, so one SHA-256 cannot be theirs",
                                                  label_, resolved.urls.size())};
    RemoteIdentity expected;
    expected.sha256 = options_.sha256;
    for (const std::string& url : resolved.urls)
        TRY(open_file(url, options_.sha256.empty() ? nullptr : &expected));
    return {};
}

Result<void> CachedModel::open_file(const std::string& url, const RemoteIdentity* pin) {
    CachedFileOptions how;
    how.note = options_.note;
    TRY(const Url address, parse_url(url));
    if (pin && cache_.has_complete(pin->sha256)) {
        RemoteIdentity identity = *pin;
        identity.url = address.text;
        // The server is needed only if the cache turns out to be damaged.
        const auto remote = std::make_shared<LazyRemote>(url, options_.fetch);
        how.fetch = [remote](uint64_t offset, uint64_t size, const ByteSink& sink) {
            return remote->fetch(offset, size, sink);
        };
        how.forget = [remote] { remote->forget(); };
        auto file = cache_.find(identity, how);
        if (file) {
            identity.size_bytes = (*file)->size_bytes();
            files_.push_back(*std::move(file));
            identities_.push_back(std::move(identity));
            return {};
        }
        // What lies there under this SHA-256 is something else: it is downloaded again.
        if (file.error().category != Category::checksum) return file.error();
    }
    FetchOptions asking = options_.fetch;
    // What is here already is not fetched again only to hear that it is still the same.
    if (cache_.has_any(address.text)) asking.first_bytes = 1;
    TRY(const auto remote, RemoteFile::open(url, asking));
    TRY(RemoteIdentity identity, expect(remote->identity(), pin));
    if (!identity.ranges && options_.note)
        options_.note(fmt::format("{}: the server gives no ranges, so all {} bytes are downloaded",
                                  identity.label(), identity.size_bytes));
    how.fetch = [remote](uint64_t offset, uint64_t size, const ByteSink& sink) {
        return remote->fetch(offset, size, sink);
    };
    how.forget = [remote] { remote->forget_first_bytes(); };
    TRY(auto file, cache_.open(identity, how));
    if (file->is_complete()) identity.sha256 = file->identity().sha256;
    files_.push_back(std::move(file));
    identities_.push_back(std::move(identity));
    return {};
}

/// What the server has, with the SHA-256 that it must have.
Result<RemoteIdentity> CachedModel::expect(RemoteIdentity found, const RemoteIdentity* pin) const {
    if (!pin) return found;
    if (pin->size_bytes > 0 && pin->size_bytes != found.size_bytes)
        return Error{Category::checksum,
                     fmt::format("{}: {} bytes on the server, expected {}", found.label(),
                                 found.size_bytes, pin->size_bytes)};
    if (!found.sha256.empty() && found.sha256 != pin->sha256)
        return Error{Category::checksum, fmt::format("{}: SHA-256 on the server is {}, expected {}",
                                                     found.label(), found.sha256, pin->sha256)};
    found.sha256 = pin->sha256;
    return found;
}

Result<void> CachedModel::open_cached(const std::string& why) {
    files_.clear();
    identities_ = options_.pins;
    for (RemoteIdentity& pin : identities_) {
        TRY(Url address, parse_url(pin.url));
        pin.url = std::move(address.text);
    }
    if (identities_.empty())
        if (auto ref = cache_.find_ref(key_)) identities_ = std::move(ref->parts);
    CachedFileOptions how;
    how.note = options_.note;
    how.why_offline = why;
    for (const RemoteIdentity& identity : identities_) {
        TRY(auto file, cache_.find(identity, how));
        if (!file)
            return Error{Category::io,
                         fmt::format("{}: not in the cache: {}", identity.label(), why)};
        files_.push_back(std::move(file));
    }
    if (files_.empty())
        return Error{Category::io, fmt::format("{}: not in the cache: {}", label_, why)};
    for (size_t i = 0; i < files_.size(); i++)
        if (!options_.sha256.empty() && identities_[i].sha256 != options_.sha256)
            return Error{Category::checksum,
                         fmt::format("{}: SHA-256 in the cache is {}, expected {}", label_,
                                     identities_[i].sha256, options_.sha256)};
    return {};
}

/// For offline use. A cache that may not be written does not stop anything here.
void CachedModel::remember() const {
    const Result<void> written = cache_.write_ref({key_, identities_});
    (void)written;
}

uint64_t CachedModel::size_bytes() const {
    uint64_t sum = 0;
    for (const auto& file : files_) sum += file->size_bytes();
    return sum;
}

bool CachedModel::is_complete() const {
    return std::all_of(files_.begin(), files_.end(),
                       [](const auto& file) { return file->is_complete(); });
}

Result<std::shared_ptr<const gguf::File>> CachedModel::parse() const {
    return guarded(label_, [&]() -> Result<std::shared_ptr<const gguf::File>> {
        auto first = parse_once();
        if (first || !is_refused(first.error().category) || !fetch_headers_again()) return first;
        return parse_once();
    });
}

/// Whether other bytes came. Says which.
bool CachedModel::fetch_headers_again() const {
    bool any = false;
    for (const auto& file : files_) {
        if (file->is_complete() || file->is_offline()) continue;
        const auto changed = file->fetch_beginning_again();
        if (!changed) continue;
        for (const uint64_t chunk : *changed) {
            any = true;
            if (options_.note)
                options_.note(fmt::format("{}: {} came damaged and was fetched again",
                                          file->identity().label(), file->chunk_name(chunk)));
        }
    }
    return any;
}

Result<std::shared_ptr<const gguf::File>> CachedModel::parse_once() const {
    gguf::ParseOptions options;
    options.max_window_bytes = kHeaderWindowBytes;
    const auto source_of = [this](size_t i) {
        return make_cached_source(files_[i], identities_[i].label());
    };
    if (files_.size() > 1)
        options.open_part = [&](const std::string& part) -> Result<std::shared_ptr<const Source>> {
            for (size_t i = 0; i < files_.size(); i++)
                if (identities_[i].label() == part) return source_of(i);
            return Error{Category::hyperparameter, part + ": this part of the model is missing"};
        };
    return gguf::File::parse(source_of(0), options);
}

Result<std::vector<PullReport>> CachedModel::pull(const PullOptions& options, bool verify) {
    return guarded(label_, [&]() -> Result<std::vector<PullReport>> {
        std::vector<PullReport> reports(files_.size());
        uint64_t before = 0;  // bytes of the files that are done
        for (size_t i = 0; i < files_.size(); i++) {
            reports[i].sha256 = identities_[i].sha256;
            if (!files_[i]->is_complete() || verify) {
                TRY(reports[i], pull_file(i, options, before));
            }
            before += files_[i]->size_bytes();
        }
        remember();
        return reports;
    });
}

Result<PullReport> CachedModel::pull_file(size_t i, const PullOptions& options, uint64_t before) {
    PullOptions mine = options;
    if (options.progress)
        mine.progress = [&](PullProgress p) {
            p.bytes_done += before;
            p.front_bytes += before;
            p.bytes_total = size_bytes();
            if (p.bytes_per_s > 0)
                p.seconds_left = double(p.bytes_total - p.bytes_done) / p.bytes_per_s;
            options.progress(p);
        };
    TRY(PullReport report, fetch::pull(*files_[i], identities_[i].sha256, mine));
    if (!files_[i]->is_complete()) TRY(cache_.complete(*files_[i], report.sha256));
    identities_[i].sha256 = report.sha256;
    return report;
}

}  // namespace m2w::fetch
