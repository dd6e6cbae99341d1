// cached_source.cpp — forwards to the cached file; exceptions end here.
#include "gguf/fetch/cached_source.h"

#include <exception>

#include "gguf/guarded.h"

namespace m2w::fetch {
namespace {

class CachedSource final : public Source {
  public:
    CachedSource(std::shared_ptr<CachedFile> file, std::string name)
        : file_(std::move(file)), name_(std::move(name)) {}

    uint64_t size_bytes() const override { return file_->size_bytes(); }
    const std::string& name() const override { return name_; }

    Result<void> read(uint64_t offset_bytes, std::span<std::byte> out) const override {
        return guarded(name_, [&] { return file_->read(offset_bytes, out); });
    }

    std::span<const std::byte> view(uint64_t offset_bytes, uint64_t count_bytes) const override {
        try {
            return file_->view({offset_bytes, count_bytes});
        } catch (const std::exception&) {
            return {};  // read() will say why
        }
    }

    void done_with(uint64_t offset_bytes, uint64_t count_bytes) const override {
        file_->done_with({offset_bytes, count_bytes});
    }

  private:
    std::shared_ptr<CachedFile> file_;
    std::string name_;
};

}  // namespace

std::shared_ptr<const Source> make_cached_source(std::shared_ptr<CachedFile> file,
                                                 std::string name) {
    return std::make_shared<CachedSource>(std::move(file), std::move(name));
}

}  // namespace m2w::fetch
