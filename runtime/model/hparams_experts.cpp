// hparams_experts.cpp — the expert_* keys: how many experts there are, how a token chooses among
// them, and which layers have them.
#include <fmt/format.h>

#include <algorithm>

#include "runtime/model/hparams_parts.h"

namespace m2w {
namespace {

// Limits of docs/models.md. Those of used experts and of groups are the kernels' (route.comp).
constexpr uint32_t kMaxExperts = 1024, kMaxUsed = 64, kMaxGroups = 32, kMaxShared = 64;

/// The values of expert_gating_func.
enum GatingFunc : uint32_t { kSoftmax = 1, kSigmoid = 2, kSoftmaxOfChosen = 3 };

Result<void> read_gating(KeyReader& keys, const ArchSpec& arch, ExpertHparams& experts) {
    TRY(auto function, keys.find_u32("expert_gating_func", 0, kSoftmaxOfChosen));
    TRY(auto norm, keys.find_bool("expert_weights_norm"));
    TRY(auto scale, keys.find_positive("expert_weights_scale"));
    experts.gating = function == kSigmoid ? Scoring::sigmoid : Scoring::softmax;
    // A softmax over the chosen logits is one over all of them, divided by the sum of the chosen.
    experts.weights_norm = function == kSoftmaxOfChosen || norm.value_or(arch.expert_weights_norm);
    experts.weights_scale = scale.value_or(1.0f);
    return {};
}

Result<void> read_lengths(KeyReader& keys, const Hparams& hp, ExpertHparams& experts) {
    TRY(auto length, keys.find_u32("expert_feed_forward_length", 1, kMaxFeedForward));
    experts.feed_forward_length = length.value_or(hp.feed_forward_length);
    // Several shared experts are one that is wider.
    TRY(auto shared, keys.find_u32("expert_shared_count", 0, kMaxShared));
    TRY(auto shared_length, keys.find_u32("expert_shared_feed_forward_length", 0, kMaxFeedForward));
    experts.shared_feed_forward_length =
        shared_length.value_or(shared.value_or(0) * experts.feed_forward_length);
    return {};
}

Result<void> check_counts(const KeyReader& keys, const ExpertHparams& experts) {
    if (experts.used_count > experts.count)
        return bad_key(
            keys.key("expert_used_count"),
            fmt::format("{} exceeds expert_count {}", experts.used_count, experts.count));
    if (experts.count > 0 && experts.used_count == 0)
        return bad_key(keys.key("expert_used_count"),
                       fmt::format("no expert of {} is used", experts.count));
    if (experts.count % experts.group_count != 0)
        return bad_key(keys.key("expert_group_count"),
                       fmt::format("expected a divisor of expert_count {}, file has {}",
                                   experts.count, experts.group_count));
    if (experts.group_used_count > experts.group_count ||
        experts.group_used_count * (experts.count / experts.group_count) < experts.used_count)
        return bad_key(
            keys.key("expert_group_used_count"),
            fmt::format("{} of {} groups do not hold {} of {} experts", experts.group_used_count,
                        experts.group_count, experts.used_count, experts.count));
    return {};
}

}  // namespace

Result<void> read_experts(KeyReader& keys, const ArchSpec& arch, Hparams& hp) {
    ExpertHparams& experts = hp.experts;
    TRY(auto count, keys.find_u32("expert_count", 0, kMaxExperts));
    TRY(auto used, keys.find_u32("expert_used_count", 0, kMaxUsed));
    TRY(auto groups, keys.find_u32("expert_group_count", 0, kMaxGroups));
    TRY(auto groups_used, keys.find_u32("expert_group_used_count", 0, kMaxGroups));
    experts.count = count.value_or(0);
    experts.used_count = used.value_or(0);
    experts.group_count = std::max(1u, groups.value_or(1));
    experts.group_used_count = std::max(1u, groups_used.value_or(experts.group_count));
    TRY(check_counts(keys, experts));
    TRY(read_lengths(keys, hp, experts));
    TRY(read_gating(keys, arch, experts));
    TRY(auto dense, keys.find_u32("leading_dense_block_count", 0, hp.block_count));
    if (experts.count == 0) return {};
    for (uint32_t layer = dense.value_or(0); layer < hp.block_count; ++layer)
        hp.layers[layer].feed_forward = FeedForward::experts;
    return {};
}

}  // namespace m2w
