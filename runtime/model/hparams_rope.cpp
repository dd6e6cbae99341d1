// hparams_rope.cpp — the rope.* keys: which dimensions turn, how fast, and how that is scaled.
#include <fmt/format.h>

#include "runtime/model/hparams_parts.h"

namespace m2w {
namespace {

constexpr float kDefaultFreqBase =
    10'000.0f;  // files from before rope.freq_base was written (Su et al. 2021)

}  // namespace

Result<void> read_rope(KeyReader& keys, bool has_factors, Hparams& hp) {
    TRY(auto dims, keys.find_u32("rope.dimension_count", 1, kMaxHeadDim));
    hp.rope.dimension_count = dims.value_or(hp.key_length);
    if (hp.rope.dimension_count % 2 != 0 || hp.rope.dimension_count > hp.key_length)
        return bad_key(keys.key("rope.dimension_count"),
                       fmt::format("expected an even number up to {}, file has {}", hp.key_length,
                                   hp.rope.dimension_count));
    TRY(auto base, keys.find_positive("rope.freq_base"));
    hp.rope.freq_base = base.value_or(kDefaultFreqBase);

    TRY(auto factor, keys.find_positive("rope.scaling.factor"));
    TRY(auto old_factor,
        keys.find_positive("rope.scale_linear"));  // written before rope.scaling.* existed
    // A factor alone means linear scaling: the type came later.
    TRY(auto type, keys.find_string("rope.scaling.type", factor || old_factor ? "linear" : "none"));
    if (type == "linear") {
        hp.rope.scaling = RopeScaling::linear;
        hp.rope.scaling_factor = factor.value_or(old_factor.value_or(1.0f));
    } else if (type == "yarn" || type == "longrope" || type == "su") {
        return Error{
            Category::unsupported,
            fmt::format("{}: scaling \"{}\" is not supported; none, linear and rope_freqs are",
                        keys.key("rope.scaling.type"), type)};
    } else if (type == "llama3" && !has_factors) {  // they come as a tensor, made by the converter
        return Error{
            Category::unsupported,
            fmt::format("{}: scaling \"{}\" without the tensor rope_freqs.weight is not supported",
                        keys.key("rope.scaling.type"), type)};
    } else if (type != "none" && type != "llama3") {
        return bad_key(keys.key("rope.scaling.type"), fmt::format("unknown scaling \"{}\"", type));
    }
    return {};
}

}  // namespace m2w
