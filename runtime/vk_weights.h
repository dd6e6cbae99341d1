// vk_weights.h — a Plan's tensors on a Vulkan device: repacked planes, split by rows where an
// allocation would be too large.
#pragma once
#include <cstdint>
#include <optional>
#include <stop_token>
#include <vector>

#include "gguf/nbits.h"
#include "gguf/repack.h"
#include "runtime/executor.h"
#include "runtime/upload_front.h"
#include "runtime/vk/buffer.h"
#include "runtime/vk/device.h"
#include "runtime/vk/texels.h"

namespace m2w {

/// So many rows of a matrix behind row0 others, as planes (Tensor::rows_of_buffer).
struct WeightPiece {
    uint64_t row0 = 0;
    uint64_t rows = 0;
    PlaneLayout layout;
    vk::Slice memory;
    VkDescriptorSet texels =
        VK_NULL_HANDLE;  // the planes as texel buffers, where asked for and possible
};

/// A matrix in one or more pieces, or a vector (one piece, f32 [cols]).
struct DeviceTensor {
    DType dtype = DType::f32;
    std::vector<WeightPiece> pieces;
    std::optional<NBits> nbits{};  // then dtype is that of the codes
};

struct WeightOptions {
    uint64_t max_piece_bytes = 0;  // 0: the device's limit; tests set it small
    bool texels = false;           // make WeightPiece::texels
};

/// Where a Plan's weights come from and who is told of their coming.
struct WeightUpload {
    const Plan& plan;
    const gguf::File& file;
    const ProgressFn& progress;
    bool early = false;    // tensors arrive one by one; else all together, which takes fewer waits
    std::stop_token stop;  // the upload ends with an error soon after a request
};

class VkWeights {
  public:
    /// Memory for every tensor of the Plan, not filled yet: addresses are final. Errors:
    /// out_of_memory, resource_limit (one row larger than a piece), those of NBitsTensor::check.
    static Result<VkWeights> place(vk::Device& device, const Plan& plan,
                                   const WeightOptions& options);
    /// Fills it in the order in which the Steps need it; each tensor that a shader may read from
    /// now on arrives at the front. Errors: io, nan_scale (a weight or scale that is not finite),
    /// device_lost.
    Result<void> upload(vk::Device& device, const WeightUpload& from, UploadFront& front) const;

    const DeviceTensor& operator[](size_t tensor) const { return tensors_[tensor]; }
    uint64_t size_bytes() const { return arena_.reserved_bytes(); }
    /// Of all WeightPiece::texels; null without them.
    VkDescriptorSetLayout texel_layout() const {
        return texels_ ? texels_->layout() : VK_NULL_HANDLE;
    }

  private:
    explicit VkWeights(vk::Arena arena) : arena_(std::move(arena)) {}
    Result<void> make_texels(vk::Device& device);

    vk::Arena arena_;
    std::optional<vk::TexelSets> texels_;
    std::vector<DeviceTensor> tensors_;  // [n_tensors] of the Plan
};

}  // namespace m2w
