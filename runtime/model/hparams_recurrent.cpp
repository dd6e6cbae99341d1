// hparams_recurrent.cpp — the ssm.* and shortconv.* keys: the shapes of recurrent layers, and which
// layers they are.
#include <fmt/format.h>

#include "runtime/model/hparams_parts.h"

namespace m2w {
namespace {

// Limits of docs/models.md.
constexpr uint32_t kMaxConv = 64, kMaxInner = 1u << 17, kMaxState = 4096, kMaxInterval = 512;
constexpr uint64_t kMaxStateWords = 1u << 26;  // of one layer

Result<void> read_scan(KeyReader& keys, RecurrentHparams& r) {
    TRY(r.conv_width, keys.get_u32("ssm.conv_kernel", 2, kMaxConv));
    TRY(r.inner_size, keys.get_u32("ssm.inner_size", 1, kMaxInner));
    TRY(r.state_size, keys.get_u32("ssm.state_size", 1, kMaxState));
    TRY(r.head_count, keys.get_u32("ssm.time_step_rank", 1, kMaxHeads));
    TRY(r.group_count, keys.get_u32("ssm.group_count", 1, kMaxHeads));
    if (r.inner_size % r.head_count != 0)
        return bad_key(
            keys.key("ssm.time_step_rank"),
            fmt::format("{} does not divide ssm.inner_size {}", r.head_count, r.inner_size));
    if (r.head_count % r.group_count != 0)
        return bad_key(
            keys.key("ssm.group_count"),
            fmt::format("{} does not divide ssm.time_step_rank {}", r.group_count, r.head_count));
    const uint64_t words = uint64_t(r.inner_size) * r.state_size;
    if (words > kMaxStateWords)
        return bad_key(
            keys.key("ssm.state_size"),
            fmt::format("a state of {} words, expected at most {}", words, kMaxStateWords));
    return {};
}

}  // namespace

Result<void> read_recurrent(KeyReader& keys, const ArchSpec& arch, Hparams& hp) {
    if (arch.recurrent.kind == Recurrence::none) return {};
    if (arch.recurrent.kind == Recurrence::short_conv) {
        TRY(hp.recurrent.conv_width, keys.get_u32("shortconv.l_cache", 2, kMaxConv));
        for (uint32_t layer = 0; layer < hp.block_count; ++layer)
            if (hp.head_count_kv[layer] == 0) hp.layers[layer].mixer = Mixer::short_conv;
        return {};
    }
    TRY(read_scan(keys, hp.recurrent));
    uint32_t interval = 1;  // a layer in so many has attention alone
    if (arch.recurrent.kind == Recurrence::delta_net) {
        TRY(interval, keys.get_u32("full_attention_interval", 1, kMaxInterval));
    }
    for (uint32_t layer = 0; layer < hp.block_count; ++layer) {
        if (arch.recurrent.kind == Recurrence::scan)
            hp.layers[layer].mixer = Mixer::scan_and_attention;
        else if ((layer + 1) % interval != 0)
            hp.layers[layer].mixer = Mixer::delta_net;
    }
    return {};
}

}  // namespace m2w
