// inspection.h — what can be found out about a model file without running it: facts, what m2w does
// not understand in it, what it takes. Prints nothing.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chat/template_features.h"
#include "gguf/file.h"
#include "runtime/memory.h"
#include "runtime/model/model.h"
#include "tokenizer/tokenizer.h"
#include "tools/model_argument.h"

namespace m2w::tools {

/// Why m2w cannot run a file that is not broken, and what that would take.
struct Obstacle {
    Error error;
    std::string needs;
};

/// The tensors of one weight type.
struct TypeShare {
    DType dtype = DType::f32;
    uint64_t n_tensors = 0, n_params = 0, bytes = 0;
};

/// The numbers of `<arch>.*` that every architecture has, as far as the file says them.
struct Dimensions {
    std::optional<uint32_t> context_length, layers, embedding_length, feed_forward_length, heads,
        head_dim;
    std::vector<uint32_t> kv_heads;  // by layer
};

struct MemoryRow {
    uint32_t context = 0;
    MemoryEstimate need;
};

struct Inspection {
    std::shared_ptr<const gguf::File> file;
    std::vector<Obstacle> obstacles;  // empty: m2w can run it
    std::string architecture;
    Dimensions dimensions;
    std::vector<std::string> unread_keys, unused_tensors;
    std::optional<Hparams> hparams;              // of an architecture that m2w knows
    std::shared_ptr<const Model> model;          // null: there are obstacles
    std::shared_ptr<const Tokenizer> tokenizer;  // null: m2w does not have it, or the file
    std::string chat_template = "none";          // "usable", "none", or why it cannot be used
    std::optional<ChatFeatures> features;        // of a usable template
    std::vector<std::string> warnings;

    uint64_t n_params() const;
    uint64_t weight_bytes() const;
    /// The largest first.
    std::vector<TypeShare> types() const;
    /// What a session takes with contexts of 2048, 8192, 32768 and the model's own, as far as they
    /// are not longer than that. Empty without a model.
    std::vector<MemoryRow> memory() const;
};

/// The ExecutorOptions whose memory is meant: those of a chat with so long a context.
ExecutorOptions session_options(const Model& model, uint32_t n_ctx);

/// Opens and checks a file; with read_weights every weight as well. Errors: io and every category
/// of a file that is broken. What is only not supported is an Obstacle.
Result<Inspection> inspect_file(const std::string& model, const ModelAccess& access,
                                bool read_weights);

}  // namespace m2w::tools
