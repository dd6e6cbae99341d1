// pull.cpp — threads that bring chunks, one that reports, and the hash of the whole that follows
// them through the file.
#include "gguf/fetch/pull.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <optional>
#include <thread>

#include "gguf/guarded.h"

namespace m2w::fetch {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kReportEvery = std::chrono::milliseconds(100);
constexpr auto kRateWindow = std::chrono::seconds(5);
constexpr size_t kNamedChunks = 8;  // in a message

double seconds(Clock::duration d) {
    return std::chrono::duration<double>(d).count();
}

/// The SHA-256 of the file's bytes from the first on, as far as they are here.
class WholeHash {
  public:
    explicit WholeHash(CachedFile& file) : file_(file), buffer_(kHashPieceBytes) {}

    /// Goes on as far as it can without waiting for anything; returns at once while another thread
    /// is at it.
    Result<void> advance() {
        const std::unique_lock lock(mutex_, std::try_to_lock);
        if (!lock) return {};
        while (at_bytes_ < file_.front_bytes()) TRY(hash_piece());
        return {};
    }

    /// Goes on to the end, bringing what is missing.
    Result<std::string> finish() {
        const std::lock_guard lock(mutex_);
        while (at_bytes_ < file_.size_bytes()) TRY(hash_piece());
        return hash_.hex();
    }

  private:
    Result<void> hash_piece() {
        const auto piece = std::span(buffer_).first(
            size_t(std::min<uint64_t>(buffer_.size(), file_.size_bytes() - at_bytes_)));
        TRY(file_.read(at_bytes_, piece));
        hash_.update(piece);
        at_bytes_ += piece.size();
        return {};
    }

    CachedFile& file_;
    std::mutex mutex_;
    std::vector<std::byte> buffer_;
    Sha256 hash_;
    uint64_t at_bytes_ = 0;
};

/// Bytes a second over a window, and when the rest will be here.
class Rate {
  public:
    explicit Rate(const CachedFile& file) : file_(file) { add(); }

    PullProgress add() {
        const auto now = Clock::now();
        samples_.push_back({now, file_.fetched_bytes()});
        while (now - samples_.front().at > kRateWindow) samples_.pop_front();
        const double window = seconds(now - samples_.front().at);
        PullProgress p;
        p.bytes_done = file_.checked_bytes();
        p.bytes_total = file_.size_bytes();
        p.front_bytes = file_.front_bytes();
        if (window > 0)
            p.bytes_per_s = double(samples_.back().bytes - samples_.front().bytes) / window;
        if (p.bytes_per_s > 0)
            p.seconds_left = double(p.bytes_total - p.bytes_done) / p.bytes_per_s;
        return p;
    }

  private:
    struct Sample {
        Clock::time_point at;
        uint64_t bytes;
    };
    const CachedFile& file_;
    std::deque<Sample> samples_;
};

/// The threads of one pull.
class Workers {
  public:
    Workers(CachedFile& file, const PullOptions& options, WholeHash& hash)
        : file_(file), options_(options), hash_(hash) {
        ranges_ = options.order;
        ranges_.push_back({0, file.size_bytes()});
    }

    Result<void> run() {
        const uint32_t n = std::clamp<uint32_t>(options_.connections, 1, kMaxConnections);
        std::vector<std::jthread> threads;
        const HaltAtEnd halt_at_end{*this};  // before they are joined, however this ends
        try {
            while (threads.size() < n) {
                {
                    const std::lock_guard lock(mutex_);
                    running_++;
                }
                threads.emplace_back([this] { work_guarded(); });
            }
        } catch (const std::exception&) {  // no more threads: those that there are do it
            const std::lock_guard lock(mutex_);
            running_--;
        }
        if (threads.empty())
            return Error{Category::out_of_memory,
                         file_.identity().label() + ": no thread to pull with"};
        Rate rate(file_);
        while (!wait(kReportEvery)) {
            if (options_.stop && *options_.stop) halt();
            if (options_.progress) options_.progress(rate.add());
        }
        if (error_) return *std::move(error_);
        if (options_.progress) options_.progress(rate.add());
        return {};
    }

  private:
    struct HaltAtEnd {
        Workers& workers;
        ~HaltAtEnd() { workers.halt(); }
    };

    /// True: all threads have ended.
    bool wait(Clock::duration time) {
        std::unique_lock lock(mutex_);
        return ended_.wait_for(lock, time, [&] { return running_ == 0; });
    }

    void halt() {
        stop_ = true;
        file_.wake();
    }

    void work_guarded() {
        Result<void> done = guarded("pulling", [&] { return work(); });
        const bool failed = !done;
        {
            const std::lock_guard lock(mutex_);
            // The first error is the cause; the others stopped because of it.
            if (failed && !error_) error_ = std::move(done).error();
            running_--;
            ended_.notify_all();
        }
        if (failed) halt();
    }

    Result<void> work() {
        for (const ByteRange& range : ranges_)
            TRY(file_.bring(range, &stop_, [&] { return hash_.advance(); }));
        return {};
    }

    CachedFile& file_;
    const PullOptions& options_;
    WholeHash& hash_;
    std::vector<ByteRange> ranges_;
    std::atomic<bool> stop_{false};
    std::mutex mutex_;
    std::condition_variable ended_;
    uint32_t running_ = 0;
    std::optional<Error> error_;
};

std::string names_of(const CachedFile& file, const std::vector<uint64_t>& chunks) {
    std::string text;
    for (size_t i = 0; i < std::min(chunks.size(), kNamedChunks); i++)
        text += (i ? ", " : "") + file.chunk_name(chunks[i]);
    if (chunks.size() > kNamedChunks)
        text += fmt::format(" and {} more", chunks.size() - kNamedChunks);
    return text;
}

/// The whole is not what it should be: fetches it again and says which chunks were the reason.
Result<std::vector<uint64_t>> repair(CachedFile& file, const std::string& expected,
                                     const std::string& found) {
    if (file.options().note)
        file.options().note(fmt::format("{}: SHA-256 is {}, expected {}; fetching everything again",
                                        file.identity().label(), found, expected));
    TRY(std::vector<uint64_t> changed, file.fetch_again());
    TRY(const std::string now, WholeHash(file).finish());
    if (now == expected) return changed;
    file.discard();
    const std::string url = file.identity().label();
    if (changed.empty())
        return Error{Category::checksum,
                     fmt::format("{}: SHA-256 is {}, expected {}; the server sent the same bytes "
                                 "twice",
                                 url, now, expected)};
    return Error{
        Category::checksum,
        fmt::format("{}: SHA-256 is {}, then {}, expected {}; {} came with other bytes the "
                    "second time",
                    url, found, now, expected, names_of(file, changed))};
}

}  // namespace

Result<PullReport> pull(CachedFile& file, const std::string& sha256, const PullOptions& options) {
    PullReport report;
    const uint64_t before = file.fetched_bytes();
    if (!file.is_complete()) TRY(file.require_room());
    WholeHash hash(file);
    TRY(Workers(file, options, hash).run());
    TRY(report.sha256, hash.finish());
    TRY(report.repaired, file.replaced());
    if (!sha256.empty() && report.sha256 != sha256) {
        if (file.is_complete() || file.is_offline())
            return Error{Category::checksum,
                         fmt::format("{}: SHA-256 is {}, expected {}", file.identity().label(),
                                     report.sha256, sha256)};
        TRY(const auto repaired, repair(file, sha256, report.sha256));
        report.repaired.insert(report.repaired.end(), repaired.begin(), repaired.end());
        report.sha256 = sha256;
    }
    std::sort(report.repaired.begin(), report.repaired.end());
    const auto same = std::unique(report.repaired.begin(), report.repaired.end());
    report.repaired.erase(same, report.repaired.end());
    report.bytes_fetched = file.fetched_bytes() - before;
    return report;
}

}  // namespace m2w::fetch
