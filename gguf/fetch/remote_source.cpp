// remote_source.cpp — one read, several ranges, a thread for each.
#include "gguf/fetch/remote_source.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <thread>
#include <vector>

#include "gguf/guarded.h"

namespace m2w::fetch {
namespace {

// A request for less costs more in waiting than a second connection gains.
constexpr uint64_t kLeastBytes = 256u << 10;

class RemoteSource final : public Source {
  public:
    RemoteSource(std::shared_ptr<const RemoteFile> file, std::string name, uint32_t connections)
        : file_(std::move(file)), name_(std::move(name)), connections_(connections) {}

    uint64_t size_bytes() const override { return file_->identity().size_bytes; }
    const std::string& name() const override { return name_; }

    Result<void> read(uint64_t offset_bytes, std::span<std::byte> out) const override {
        return guarded(name_, [&] { return read_split(offset_bytes, out); });
    }

    std::span<const std::byte> view(uint64_t, uint64_t) const override { return {}; }
    void done_with(uint64_t, uint64_t) const override {}

  private:
    Result<void> read_split(uint64_t offset_bytes, std::span<std::byte> out) const {
        const uint64_t n = std::clamp<uint64_t>(out.size() / kLeastBytes, 1, connections_);
        const size_t share = (out.size() + n - 1) / n;
        std::vector<Result<void>> results(n);
        {
            std::vector<std::jthread> threads;
            for (uint64_t i = 1; i < n; i++)
                threads.emplace_back([&, i] {
                    results[i] =
                        fetch(offset_bytes + i * share,
                              out.subspan(i * share, std::min(share, out.size() - i * share)));
                });
            results[0] = fetch(offset_bytes, out.first(std::min(share, out.size())));
        }
        for (const Result<void>& result : results) TRY(result);
        return {};
    }

    Result<void> fetch(uint64_t offset_bytes, std::span<std::byte> out) const {
        size_t at = 0;
        return file_->fetch(offset_bytes, out.size(),
                            [&](std::span<const std::byte> bytes) -> Result<void> {
                                std::memcpy(out.data() + at, bytes.data(), bytes.size());
                                at += bytes.size();
                                return {};
                            });
    }

    const std::shared_ptr<const RemoteFile> file_;
    const std::string name_;
    const uint32_t connections_;
};

}  // namespace

std::shared_ptr<const Source> make_remote_source(std::shared_ptr<const RemoteFile> file,
                                                 std::string name, uint32_t connections) {
    return std::make_shared<RemoteSource>(std::move(file), std::move(name), connections);
}

}  // namespace m2w::fetch
