// hparams_parts.h — the readers that Hparams::from is made of, each for one family of keys in a
// file of its own.
#pragma once
#include "runtime/model/arch_spec.h"
#include "runtime/model/hparams.h"
#include "runtime/model/key_reader.h"

namespace m2w {

// Limits of docs/models.md.
constexpr uint32_t kMaxHeads = 1024, kMaxHeadDim = 4096, kMaxFeedForward = 1u << 20,
                   kMaxContext = 1u << 28;

/// Needs the heads and RoPE's dimensions; says which layers have latent attention, and checks
/// widths of keys and values.
Result<void> read_latent(KeyReader& keys, Hparams& hp);

/// rope.*: needs key_length.
Result<void> read_rope(KeyReader& keys, const gguf::File& file, const ArchSpec& arch, Hparams& hp);

/// Windows, scales and caps: what layers do beyond their shapes. Needs heads and RoPE.
Result<void> read_behaviour(KeyReader& keys, const gguf::File& file, const ArchSpec& arch,
                            Hparams& hp);

/// Needs feed_forward_length; says which layers have experts.
Result<void> read_experts(KeyReader& keys, const ArchSpec& arch, Hparams& hp);

/// Says which layers have which mixer. Needs head_count_kv and embedding_length.
Result<void> read_recurrent(KeyReader& keys, const ArchSpec& arch, Hparams& hp);

}  // namespace m2w
