// upload.cpp — the staging ring, and reading back.
#include "runtime/vk/upload.h"

#include <algorithm>
#include <cstring>

namespace m2w::vk {
namespace {

constexpr uint64_t kMiB = uint64_t(1) << 20;
constexpr uint64_t kStageAlignment = 16;  // what a repacking loop may expect of its output
constexpr uint64_t kDownloadBytes = 16 * kMiB;

uint64_t align_stage(uint64_t n) {
    return (n + kStageAlignment - 1) / kStageAlignment * kStageAlignment;
}

}  // namespace

Uploader::Uploader(Device& device, const UploadOptions& options) : device_(device) {
    uint64_t ring = options.ring_bytes;
    if (ring == 0) ring = (device.caps().is_cpu ? 8 : 32) * kMiB;
    half_bytes_ = ring / 2 / kStageAlignment * kStageAlignment;
    M2W_ASSERT(half_bytes_ > 0);
}

Result<void> Uploader::make_ring() {
    std::vector<Half> halves;
    for (int i = 0; i < 2; ++i) {
        TRY(auto memory, Buffer::create(device_, half_bytes_, Memory::upload, "upload ring"));
        TRY(auto commands, Commands::create(device_));
        halves.push_back({std::move(memory), std::move(commands), {}, 0});
    }
    halves_ = std::move(halves);
    return {};
}

Result<std::span<std::byte>> Uploader::stage(Slice to) {
    std::span<std::byte> out;
    TRY(stage(std::span(&to, 1), std::span(&out, 1)));
    return out;
}

Result<void> Uploader::stage(std::span<const Slice> targets, std::span<std::span<std::byte>> out) {
    M2W_ASSERT(targets.size() == out.size());
    TRY(device_.check());
    uint64_t needed = 0, total = 0;
    for (const Slice& to : targets) {
        total += align_stage(to.size_bytes);
        if (!to.mapped()) needed += align_stage(to.size_bytes);
    }
    M2W_ASSERT(total <= half_bytes_);
    if (needed > 0 && halves_.empty()) TRY(make_ring());
    if (needed > 0 && needed > half_bytes_ - halves_[current_].used_bytes) TRY(submit_half());
    for (size_t i = 0; i < targets.size(); ++i) {
        const Slice& to = targets[i];
        if (to.mapped() || to.size_bytes == 0) {
            out[i] = {to.mapped(), to.size_bytes};
            continue;
        }
        Half& half = halves_[current_];
        const Slice from = half.memory.part(half.used_bytes, to.size_bytes);
        half.copies.emplace_back(from, to);
        half.used_bytes += align_stage(to.size_bytes);
        out[i] = {from.mapped(), from.size_bytes};
    }
    return {};
}

Result<void> Uploader::submit_half() {
    Half& half = halves_[current_];
    TRY(half.commands.begin());
    for (const auto& [from, to] : half.copies) half.commands.copy(from, to);
    // For all later submissions on this queue: a barrier's second half does not end with its own.
    half.commands.barrier(Stage::transfer, Stage::compute | Stage::transfer | Stage::indirect);
    TRY(half.commands.end());
    TRY(half.commands.submit());
    half.copies.clear();
    half.used_bytes = 0;
    current_ ^= 1;
    return halves_[current_].commands.wait();
}

Result<void> Uploader::write(Slice to, std::span<const std::byte> bytes) {
    M2W_ASSERT(to.size_bytes == bytes.size());
    for (uint64_t done = 0; done < bytes.size();) {
        const uint64_t n = std::min<uint64_t>(half_bytes_, bytes.size() - done);
        TRY(auto out, stage(to.part(done, n)));
        std::memcpy(out.data(), bytes.data() + done, n);
        done += n;
    }
    return device_.check();
}

Result<void> Uploader::flush() {
    if (halves_.empty()) return device_.check();
    if (!halves_[current_].copies.empty()) TRY(submit_half());
    for (Half& half : halves_) TRY(half.commands.wait());
    return {};
}

Result<void> download(Device& device, Slice from, std::span<std::byte> out) {
    M2W_ASSERT(from.size_bytes == out.size());
    if (out.empty()) return device.check();
    const Stage any = Stage::compute | Stage::transfer;
    TRY(auto commands, Commands::create(device));
    if (from.mapped()) {
        TRY(commands.begin());
        commands.barrier(any, Stage::host);
        TRY(commands.end());
        TRY(commands.submit_and_wait());
        std::memcpy(out.data(), from.mapped(), out.size());
        return {};
    }
    const uint64_t piece = std::min<uint64_t>(out.size(), kDownloadBytes);
    TRY(auto staging, Buffer::create(device, piece, Memory::readback, "download"));
    for (uint64_t done = 0; done < out.size();) {
        const uint64_t n = std::min(piece, out.size() - done);
        TRY(commands.begin());
        commands.barrier(any, Stage::transfer);
        commands.copy(from.part(done, n), staging.part(0, n));
        commands.barrier(Stage::transfer, Stage::host);
        TRY(commands.end());
        TRY(commands.submit_and_wait());
        std::memcpy(out.data() + done, staging.mapped(), n);
        done += n;
    }
    return {};
}

}  // namespace m2w::vk
