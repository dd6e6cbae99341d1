// vk_weights.cpp — sizes first, then one arena, then blocks through the uploader.
#include "runtime/vk_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "gguf/plane_source.h"
#include "gguf/validate.h"
#include "runtime/vk/upload.h"

namespace m2w {
namespace {

uint64_t blocks_per_row(const Tensor& t) {
    return t.cols / dtype_info(t.dtype).block_elems;
}

/// The pieces of a tensor, without memory yet.
Result<DeviceTensor> split_rows(const Tensor& t, uint64_t max_bytes) {
    if (t.is_vector)
        return DeviceTensor{DType::f32, {{0, 1, plane_layout(DType::f32, t.cols), {}}}};
    DeviceTensor out{t.dtype, {}};
    if (t.nbits) {
        TRY(t.nbits->check(t.name, t.rows, t.cols));
        out.nbits = t.nbits->format;
    }
    const uint64_t rows_per_piece = t.rows_within(max_bytes);
    if (rows_per_piece == 0)
        return Error{Category::resource_limit,
                     fmt::format("{}: {} {} bytes, the device allows {} in one piece", t.name,
                                 t.paired ? "a pair of rows takes" : "one row takes",
                                 t.planes(t.paired ? 2 : 1).size_bytes, max_bytes)};
    for (uint64_t row = 0; row < t.rows; row += rows_per_piece) {
        const uint64_t rows = std::min(rows_per_piece, t.rows - row);
        out.pieces.push_back({row, rows, t.planes(rows), {}});
    }
    return out;
}

/// How the loaders with TEXELS read a plane (kernels/glsl/weights.glsl): halves, single words, or
/// four words.
VkFormat texel_format(const DTypeInfo& type, uint32_t plane) {
    if (plane >= type.n_planes()) return VK_FORMAT_R32_UINT;  // the grid
    const uint32_t bytes = type.planes[plane].bytes_per_block;
    if (type.block_elems == 1 || bytes > 4) return VK_FORMAT_R32G32B32A32_UINT;
    return bytes == 2 ? VK_FORMAT_R16_SFLOAT : VK_FORMAT_R32_UINT;
}

vk::Slice plane(const WeightPiece& piece, uint32_t i) {
    const uint64_t begin = piece.layout.offset_bytes[i];
    const uint64_t end =
        i + 1 < piece.layout.count ? piece.layout.offset_bytes[i + 1] : piece.layout.size_bytes;
    return piece.memory.part(begin, end - begin);
}

/// Codes as four words, packed zero points as words, the rest as floats. Instead of an empty plane
/// another one, which can be read in the same way.
vk::TexelPlanes texel_planes(const NBits& format, const WeightPiece& piece) {
    const VkFormat floats = format.halves ? VK_FORMAT_R16_SFLOAT : VK_FORMAT_R32_SFLOAT;
    const uint32_t codes = format.zero == NBits::Zero::codes ? kZeroCodesPlane : 0;
    const uint32_t zeros = format.zero == NBits::Zero::floats ? kZeroFloatsPlane : 1;
    return {{{plane(piece, 0), VK_FORMAT_R32G32B32A32_UINT},
             {plane(piece, 1), floats},
             {plane(piece, codes), VK_FORMAT_R32_UINT},
             {plane(piece, zeros), floats}}};
}

vk::TexelPlanes texel_planes(const DTypeInfo& type, const WeightPiece& piece) {
    vk::TexelPlanes planes;
    for (uint32_t i = 0; i < vk::kTexelPlanes; ++i) {
        const uint32_t from = std::min(i, piece.layout.count - 1);
        planes[i] = {plane(piece, from), texel_format(type, from)};
    }
    return planes;
}

class Loader {
  public:
    Loader(vk::Device& device, const WeightUpload& from)
        : uploader_(device), file_(from.file), progress_(from.progress), stop_(from.stop) {
        for (const Tensor& t : from.plan.tensors) state_.bytes_total += t.file_bytes();
    }

    Result<void> load(const Tensor& t, const DeviceTensor& to) {
        if (t.nbits) return load_nbits(t, to);
        for (const WeightPiece& piece : to.pieces) TRY(load_grid(dtype_info(to.dtype), piece));
        uint64_t done = 0;  // rows of a matrix, bytes of a vector
        for (const TensorPart& part : t.parts()) {
            const gguf::TensorInfo& info = *part.info;
            if (t.is_vector) {
                TRY(done, load_vector(info, to.pieces[0], done));
                continue;
            }
            for (const WeightPiece& piece : to.pieces)
                for (const RowRun& run : t.rows_of_buffer(piece.row0, piece.rows))
                    TRY(load_rows(t, {part, done}, piece, run));
            file_.source(info).done_with(info.offset_bytes, info.size_bytes);
            done += part.rows;
        }
        return {};
    }

    Result<void> finish() { return uploader_.flush(); }

  private:
    /// Rows of the file, and which of the matrix they are from row0 on.
    struct Placed {
        const TensorPart& part;
        uint64_t row0;
    };

    /// Floats to byte `at` of a piece; gives the byte behind them.
    Result<uint64_t> load_vector(const gguf::TensorInfo& info, const WeightPiece& to, uint64_t at) {
        TRY(gguf::check_finite(file_, info));
        TRY(auto values, file_.decode(info));
        TRY(uploader_.write(to.memory.part(at, values.size() * 4),
                            std::as_bytes(std::span(values))));
        TRY(advance(info.size_bytes));
        return at + values.size() * 4;
    }

    /// The arrays are planes already: their bytes stay as they are.
    Result<void> load_nbits(const Tensor& t, const DeviceTensor& to) {
        for (const NBitsTensor::Array& array : t.nbits->arrays(t.cols)) {
            if (!array.info) continue;
            for (const WeightPiece& piece : to.pieces)
                for (const RowRun& run : t.rows_of_buffer(piece.row0, piece.rows))
                    TRY(load_array(array, piece, run));
            file_.source(*array.info).done_with(array.info->offset_bytes, array.info->size_bytes);
        }
        return {};
    }

    Result<void> load_array(const NBitsTensor::Array& array, const WeightPiece& piece,
                            const RowRun& run) {
        const vk::Slice target =
            piece.memory.part(piece.layout.offset_bytes[array.plane] + run.at * array.row_bytes,
                              run.rows * array.row_bytes);
        for (uint64_t at = 0, count = 0; at < target.size_bytes; at += count) {
            count = std::min(kPieceBytes, target.size_bytes - at);
            TRY(auto bytes, fetch(*array.info, run.first * array.row_bytes + at, count));
            TRY(uploader_.write(target.part(at, count), bytes));
            TRY(advance(count));
        }
        return {};
    }

    Result<void> load_grid(const DTypeInfo& type, const WeightPiece& to) {
        if (type.grid.empty()) return {};
        const uint64_t at = to.layout.offset_bytes[type.n_planes()];
        return uploader_.write(to.memory.part(at, type.grid.size_bytes()),
                               std::as_bytes(type.grid));
    }

    /// The rows that a part and a run of a piece share.
    Result<void> load_rows(const Tensor& t, const Placed& placed, const WeightPiece& piece,
                           const RowRun& run) {
        const TensorPart& part = placed.part;
        const uint64_t begin = std::max(placed.row0, run.first);
        const uint64_t end = std::min(placed.row0 + part.rows, run.first + run.rows);
        if (begin >= end) return {};
        const DTypeInfo& type = dtype_info(t.dtype);
        const uint64_t row_blocks = blocks_per_row(t), n = (end - begin) * row_blocks;
        const uint64_t in_part = (begin - placed.row0) * row_blocks,
                       in_piece = (begin - run.first + run.at) * row_blocks;
        const uint64_t step = std::max<uint64_t>(
            1, std::min(kPieceBytes, uploader_.max_stage_bytes() / 2) / type.block_bytes);
        for (uint64_t b = 0, count = 0; b < n; b += count) {
            const uint64_t row = (in_part + b) / row_blocks, in_row = (in_part + b) % row_blocks;
            count = std::min({step, n - b, part.file_rows.run(row) * row_blocks - in_row});
            const uint64_t from = part.file_rows.file_row(row) * row_blocks + in_row;
            const BlockRun target{piece, in_piece + b, count};
            if (const auto* stored = gguf::plane_source(file_, *part.info)) {
                TRY(copy_planes(*stored, *part.info, from, target));
            } else {
                TRY(repack_blocks(*part.info, from, target));
            }
            TRY(advance(count * type.block_bytes));
        }
        return {};
    }

    /// The file's bytes in place, or read into scratch.
    Result<std::span<const std::byte>> fetch(const gguf::TensorInfo& info, uint64_t offset,
                                             uint64_t size) {
        auto bytes = file_.source(info).view(info.offset_bytes + offset, size);
        if (bytes.empty()) {
            scratch_.resize(size);
            TRY(file_.read(info, offset, scratch_));
            bytes = scratch_;
        }
        const uint64_t block_bytes = dtype_info(info.dtype).block_bytes;
        const size_t n_blocks = size / block_bytes,
                     bad = gguf::find_non_finite_block(info.dtype, bytes.data(), n_blocks);
        if (bad < n_blocks) return gguf::non_finite_error(file_, info, offset / block_bytes + bad);
        return bytes;
    }

    /// Blocks of a piece.
    struct BlockRun {
        const WeightPiece& piece;
        uint64_t first, count;
    };

    Result<void> repack_blocks(const gguf::TensorInfo& info, uint64_t from, const BlockRun& to) {
        const DTypeInfo& type = dtype_info(info.dtype);
        TRY(const auto blocks, fetch(info, from * type.block_bytes, to.count * type.block_bytes));
        TRY(const auto planes, stage(type, to));
        repack(type, blocks.data(), to.count, planes.data());
        return {};
    }

    /// Through scratch: the check reads what it looks at, which device memory may be slow at.
    Result<void> copy_planes(const gguf::PlaneSource& source, const gguf::TensorInfo& info,
                             uint64_t from, const BlockRun& to) {
        const DTypeInfo& type = dtype_info(info.dtype);
        scratch_.resize(to.count * type.block_bytes);
        std::array<std::byte*, 4> read{};
        std::byte* next = scratch_.data();
        for (uint32_t i = 0; i < type.n_planes(); ++i) {
            read[i] = next;
            next += to.count * type.planes[i].bytes_per_block;
        }
        TRY(source.read_planes(info, from, to.count, read.data()));
        const size_t bad = gguf::find_non_finite_in_planes(info.dtype, read.data(), to.count);
        if (bad < to.count) return gguf::non_finite_error(file_, info, from + bad);
        TRY(const auto planes, stage(type, to));
        for (uint32_t i = 0; i < type.n_planes(); ++i)
            std::memcpy(planes[i], read[i], to.count * type.planes[i].bytes_per_block);
        return {};
    }

    /// Where the planes of these blocks go.
    Result<std::array<std::byte*, 4>> stage(const DTypeInfo& type, const BlockRun& to) {
        std::array<vk::Slice, 4> targets;
        std::array<std::span<std::byte>, 4> spans;
        std::array<std::byte*, 4> planes{};
        const uint32_t n_planes = type.n_planes();
        for (uint32_t i = 0; i < n_planes; ++i) {
            const uint64_t bytes = type.planes[i].bytes_per_block;
            targets[i] = to.piece.memory.part(to.piece.layout.offset_bytes[i] + to.first * bytes,
                                              to.count * bytes);
        }
        TRY(uploader_.stage(std::span(targets).first(n_planes), std::span(spans).first(n_planes)));
        for (uint32_t i = 0; i < n_planes; ++i) planes[i] = spans[i].data();
        return planes;
    }

    Result<void> advance(uint64_t bytes) {
        state_.bytes_done += bytes;
        if (progress_) progress_(state_);
        if (stop_.stop_requested()) return Error{Category::internal, "loading was given up"};
        return {};
    }

    static constexpr uint64_t kPieceBytes = 4 << 20;
    vk::Uploader uploader_;
    const gguf::File& file_;
    const ProgressFn& progress_;
    std::stop_token stop_;
    LoadProgress state_;
    std::vector<std::byte> scratch_;
};

}  // namespace

Result<VkWeights> VkWeights::place(vk::Device& device, const Plan& plan,
                                   const WeightOptions& options) {
    const uint64_t limit = options.max_piece_bytes ? options.max_piece_bytes
                                                   : vk::Arena::max_slice_bytes(device.caps());
    std::vector<DeviceTensor> placed;
    std::vector<uint64_t> sizes;
    for (const Tensor& t : plan.tensors) {
        TRY(auto split, split_rows(t, limit));
        for (const WeightPiece& piece : split.pieces) sizes.push_back(piece.layout.size_bytes);
        placed.push_back(std::move(split));
    }
    TRY(auto arena, vk::Arena::create(device, sizes, "weights"));
    VkWeights weights(std::move(arena));
    size_t slice = 0;
    for (DeviceTensor& t : placed)
        for (WeightPiece& piece : t.pieces) piece.memory = weights.arena_[slice++];
    weights.tensors_ = std::move(placed);
    if (options.texels) TRY(weights.make_texels(device));
    return weights;
}

Result<void> VkWeights::upload(vk::Device& device, const WeightUpload& from,
                               UploadFront& front) const {
    Loader loader(device, from);
    const std::vector<uint32_t> order = order_of_use(from.plan);
    for (const uint32_t i : order) {
        TRY(loader.load(from.plan.tensors[i], tensors_[i]));
        if (!from.early) continue;
        TRY(loader.finish());
        front.arrive(i);
    }
    if (from.early) return {};
    TRY(loader.finish());
    for (const uint32_t i : order) front.arrive(i);
    return {};
}

Result<void> VkWeights::make_texels(vk::Device& device) {
    std::vector<vk::TexelPlanes> sets;
    std::vector<WeightPiece*> pieces;
    for (DeviceTensor& t : tensors_) {
        for (WeightPiece& piece : t.pieces) {
            const vk::TexelPlanes planes =
                t.nbits ? texel_planes(*t.nbits, piece) : texel_planes(dtype_info(t.dtype), piece);
            if (!std::all_of(planes.begin(), planes.end(),
                             [&](const auto& p) { return vk::TexelSets::fits(p, device.caps()); }))
                continue;
            sets.push_back(planes);
            pieces.push_back(&piece);
        }
    }
    TRY(auto texels, vk::TexelSets::create(device, sets));
    texels_.emplace(std::move(texels));
    for (size_t i = 0; i < pieces.size(); ++i) pieces[i]->texels = (*texels_)[i];
    return {};
}

}  // namespace m2w
