// tensors.h — the slot table: which tensors a model needs, by name pattern and shape. Reads no
// weights.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "gguf/repack.h"
#include "gguf/result.h"
#include "runtime/model/arch_spec.h"
#include "runtime/model/hparams.h"
#include "runtime/model/nbits_tensor.h"

namespace m2w {

/// The places that tensors can fill. Layer slots come after first_layer_slot.
enum class Slot : uint8_t {
    token_embd,
    output_norm,
    output_norm_bias,
    output,
    rope_freqs,
    rope_factors_long,
    rope_factors_short,
    attn_norm,
    attn_norm_bias,
    attn_qkv,  // q, k and v rows in one matrix, instead of attn_q, attn_k and attn_v
    attn_qkv_bias,
    attn_q,
    attn_k,
    attn_v,
    attn_output,
    attn_q_bias,
    attn_k_bias,
    attn_v_bias,
    attn_output_bias,
    attn_sinks,
    attn_q_norm,
    attn_k_norm,
    attn_q_a,
    attn_q_a_norm,
    attn_q_b,
    attn_kv_a_mqa,
    attn_kv_a_norm,
    attn_k_b,
    attn_v_b,
    post_attn_norm,
    ffn_norm,
    ffn_norm_bias,
    post_ffn_norm,
    ffn_gate,
    ffn_up,  // without ffn_gate the gate's rows, then its own, where the form is gated
    ffn_down,
    ffn_gate_bias,
    ffn_up_bias,
    ffn_down_bias,
    ffn_gate_inp,
    ffn_gate_inp_bias,
    ffn_exp_probs_bias,
    ffn_gate_exps,
    ffn_up_exps,
    ffn_down_exps,
    ffn_gate_exps_bias,
    ffn_up_exps_bias,
    ffn_down_exps_bias,
    ffn_gate_inp_shexp,
    ffn_gate_shexp,
    ffn_up_shexp,
    ffn_down_shexp,
    attn_q_gate,
    shortconv_b,
    shortconv_c,
    shortconv_x,
    shortconv_conv,
    shortconv_out,
    ssm_z,
    ssm_xbc,
    ssm_dt,
    delta_qkv,
    delta_gate,
    ssm_beta,
    ssm_alpha,
    ssm_ba_beta,
    ssm_ba_alpha,
    ssm_conv,
    ssm_conv_bias,
    ssm_dt_bias,
    scan_a,
    delta_a,
    ssm_d,
    ssm_norm,
    ssm_out,
    count
};
constexpr Slot kFirstLayerSlot = Slot::attn_norm;

/// Which rows of a file's matrix make up a Tensor, where the file has several matrices in one: of
/// every `period` rows `take`, from row `first` on.
struct FileRows {
    uint64_t first = 0, take = 0, period = 0;  // take 0: all of them

    bool all() const { return take == 0; }
    uint64_t file_row(uint64_t row) const {
        return all() ? row : first + row / take * period + row % take;
    }
    /// How many rows, from this one on, follow each other in the file.
    uint64_t run(uint64_t row) const { return all() ? UINT32_MAX : take - row % take; }
};

/// What a Tensor is made of: a vector, or rows of a matrix.
struct TensorPart {
    const gguf::TensorInfo* info = nullptr;  // in the File that the model was made from
    FileRows file_rows{};
    uint64_t rows = 0;
};

/// Rows [first, first + rows) of a matrix, which are those from row `at` on of a buffer.
struct RowRun {
    uint64_t first = 0, rows = 0, at = 0;
};

/// A weight of the model: a matrix [rows][cols] in planes, or an f32 vector (rows = 1).
struct Tensor {
    std::string name;
    DType dtype = DType::f32;  // of the file; vectors are converted to f32 at load
    uint64_t rows = 0;
    uint64_t cols = 0;
    bool is_vector = false;
    const gguf::TensorInfo* info = nullptr;  // in the File that the model was made from
    FileRows file_rows{};                    // of a matrix: which of info's rows
    /// Further parts, whose rows follow those of info in one matrix or vector; only rewritten Plans
    /// have them (runtime/fuse.h). rows and cols count all.
    std::vector<TensorPart> stacked{};
    /// Row i of the first half of a matrix and row i of the second are used together, so what holds
    /// one holds the other; only rewritten Plans have it.
    bool paired = false;
    /// A matrix of n-bit codes, which are info too (and dtype theirs); never in parts.
    std::optional<NBitsTensor> nbits{};

    /// info and stacked, in the order of their rows.
    std::vector<TensorPart> parts() const;
    uint64_t file_bytes() const;
    /// Where the planes of so many rows of a matrix lie on a device.
    PlaneLayout planes(uint64_t n_rows) const;
    /// How many rows of a matrix fit a buffer of max_bytes, an even number of a paired one that
    /// does not fit as a whole; 0: none.
    uint64_t rows_within(uint64_t max_bytes) const;
    /// What a buffer holds that has n_rows rows, behind buffers with row0: rows from row0 on, or
    /// as many of each half.
    std::vector<RowRun> rows_of_buffer(uint64_t row0, uint64_t n_rows) const;

    /// The rows, or the values of a vector, are so many equal slices: one an expert or a head.
    uint64_t slices = 1;
};

constexpr uint32_t kNoTensor = UINT32_MAX;

/// The tensors of a model and where each slot's is.
class TensorTable {
  public:
    /// Finds and checks every tensor that the architecture needs. Errors: shape_mismatch (missing
    /// or misshapen, with expected and found), unsupported (a type that cannot be computed, or a
    /// tensor that belongs to a feature not built in).
    static Result<TensorTable> from(const gguf::File& file, const Hparams& hparams,
                                    const ArchSpec& arch);

    const std::vector<Tensor>& all() const { return tensors_; }
    /// Index into all(), or kNoTensor. layer is ignored for slots that are not in layers.
    uint32_t find(Slot slot, uint32_t layer = 0) const;
    /// Names in the file that no slot knows; they are not used.
    const std::vector<std::string>& unused_names() const { return unused_names_; }

  private:
    std::vector<Tensor> tensors_;
    std::vector<uint32_t> index_;  // [1 + block_count][Slot::count]
    std::vector<std::string> unused_names_;
};

}  // namespace m2w
