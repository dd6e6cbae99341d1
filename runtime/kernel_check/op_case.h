// op_case.h — one Step with its weights, and one batch to run it on, in the terms of the op's
// contract. Runs nothing.
#pragma once
#include <bit>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gguf/nbits.h"
#include "runtime/model/plan.h"

namespace m2w::op_check {

/// A batch. Tokens come from its seed, unless they are given.
struct BatchCase {
    uint32_t n_tok = 1;
    uint32_t pos = 0;
    uint32_t n_out = 1;
    std::vector<uint32_t> tokens{};  // empty: random ones that every embed of the Plan knows

    /// "n_tok=9,pos=0,n_out=1"
    std::string name() const;
};

/// A param by its contract name; f32 params as their bits.
using ParamValue = std::pair<std::string_view, uint32_t>;
inline ParamValue f32_param(std::string_view name, float value) {
    return {name, std::bit_cast<uint32_t>(value)};
}

/// A Step to be tested. Shapes follow from the contract's shape strings and these params.
struct StepCase {
    std::string name;  // unique among the Steps that run together: "k=256,m=65,bias"
    Op op = Op::count;
    std::vector<ParamValue> params{};      // optional ones that are left out are 0
    Rows rows = Rows::n_tok;               // what "rows" means in its shapes
    std::vector<std::string_view> with{};  // optional bindings that are present
    DType weight_type = DType::f32;
    std::optional<NBits> nbits{};    // the weight is n-bit codes instead
    DType vector_type = DType::f32;  // in the file; on the device vectors are f32
    uint32_t n_vocab = 0;
    std::vector<uint32_t> words{};  // of a constant; empty: random ones

    /// Random numbers are uniform, with a root mean square of 1 times this, by binding name.
    std::map<std::string_view, float> scale{};
    /// Overrides random inputs: fills the given values of an activation for a batch and says true.
    std::function<bool(std::string_view binding, const BatchCase&, std::span<float> out)> fill{};
    /// Overrides random weights: the bytes of a weight or vector as in a file. Of n-bit codes "w"
    /// is the codes, beside "w.scales" and "w.zeros".
    std::map<std::string_view, std::vector<std::byte>> stored{};

    /// "matmul/k=256,m=65,bias"
    std::string full_name() const { return std::string(op_info(op).name) + "/" + name; }
    uint32_t param(std::string_view param_name) const;
    bool is_gated() const {
        return (op == Op::matmul || op == Op::norm_matmul) && param("gated_by") != 0;
    }
    bool has(const Binding& binding) const;
    float scale_of(std::string_view binding) const;
};

/// A matmul of m columns as one of m gates and as many columns that they gate, all about 1, where
/// activations bend.
StepCase gated(StepCase product, Activation activation, float limit = 0, float up_shift = 0);

/// A binding's shape in numbers. What changes from batch to batch (n_tok, n_out, rows, n_ctx)
/// counts as 1, so the product of dims is what one row of it takes.
struct Dims {
    std::vector<uint64_t> dims;  // slowest first
    uint64_t count() const;
};
/// Evaluates a contract's shape string, e.g. "[rows * groups][n]".
Dims dims_of(const Binding& binding, const StepCase& step);

/// A small generator whose numbers are the same everywhere.
class Random {
  public:
    explicit Random(uint64_t seed) : state_(seed) {}
    explicit Random(std::string_view seed);
    uint64_t next();
    uint32_t below(uint32_t n) { return uint32_t((next() >> 32) * n >> 32); }
    /// Uniform, mean 0, variance 1.
    float unit();
    void fill(std::span<float> out, float scale);

  private:
    uint64_t state_;
};

/// n_blocks random blocks of a weight type as in a file: finite, weights of about `scale`.
std::vector<std::byte> random_blocks(DType dtype, uint64_t n_blocks, float scale, Random& random);

/// Random arrays of [rows][cols] n-bit codes: weights of about `scale`.
struct NBitsArrays {
    std::vector<std::byte> codes, scales, zeros;
};
NBitsArrays random_nbits(const NBits& format, uint64_t rows, uint64_t cols, float scale,
                         Random& random);

/// n random numbers of [lo, hi) as an f32 vector in a file.
std::vector<std::byte> stored_uniform(std::string_view seed, uint32_t n, float lo, float hi);

/// The types that kernels read.
std::vector<DType> weight_types();
/// "q4_k"
std::string type_name(DType dtype);

}  // namespace m2w::op_check
