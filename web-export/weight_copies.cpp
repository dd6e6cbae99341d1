// weight_copies.cpp — rows of parts, cut at the borders of buffers, plane by plane.
#include "web-export/weight_copies.h"

#include <fmt/format.h>

#include <algorithm>

namespace m2w::web {
namespace {

/// Bytes of a row in a plane, and where the plane begins in the source and in the buffer.
struct PlanePair {
    uint64_t row_bytes = 0, from = 0, to = 0;
};

void append(std::vector<ByteCopy>& copies, const ByteCopy& next) {
    if (!copies.empty()) {
        ByteCopy& last = copies.back();
        const bool plain = last.count == 1 && next.count == 1;
        if (plain && last.from + last.bytes == next.from && last.to + last.bytes == next.to) {
            last.bytes += next.bytes;
            return;
        }
    }
    copies.push_back(next);
}

/// Rows [begin, end) of a part, of which row `at` of the buffer is the first.
void copy_rows(std::vector<ByteCopy>& copies, const FileRows& rows, uint64_t begin, uint64_t end,
               uint64_t at, const PlanePair& plane) {
    while (begin < end) {
        const uint64_t run = std::min(rows.run(begin), end - begin);
        ByteCopy copy{plane.from + rows.file_row(begin) * plane.row_bytes,
                      plane.to + at * plane.row_bytes, run * plane.row_bytes};
        // Whole periods go together.
        if (!rows.all() && run == rows.take) {
            copy.count = (end - begin) / rows.take;
            copy.stride = rows.period * plane.row_bytes;
        }
        begin += run * copy.count;
        at += run * copy.count;
        append(copies, copy);
    }
}

Result<std::vector<WeightBuffer>> vector_buffer(const Tensor& tensor) {
    WeightBuffer buffer;
    buffer.rows = 1;
    for (const TensorPart& part : tensor.parts()) {
        if (part.info->dtype != DType::f32)
            return Error{Category::unsupported,
                         fmt::format("{}: vectors are expected as F32, this one is {}",
                                     part.info->name, dtype_info(part.info->dtype).name)};
        buffer.parts.push_back({part.info->name, {{0, buffer.size_bytes, part.info->size_bytes}}});
        buffer.size_bytes += part.info->size_bytes;
    }
    buffer.whole = buffer.parts.size() == 1;
    return std::vector{std::move(buffer)};
}

void add_nbits_parts(const Tensor& tensor, WeightBuffer& buffer) {
    const PlaneLayout layout = tensor.planes(buffer.rows);
    for (const NBitsTensor::Array& array : tensor.nbits->arrays(tensor.cols))
        if (array.info)
            buffer.parts.push_back(
                {array.info->name,
                 {{buffer.row0 * array.row_bytes, layout.offset_bytes[array.plane],
                   buffer.rows * array.row_bytes}}});
}

/// Several parts of a tensor may lie in one tensor of the file.
std::vector<ByteCopy>& copies_from(WeightBuffer& buffer, const std::string& name) {
    const auto found = std::ranges::find(buffer.parts, name, &WeightSourcePart::tensor);
    if (found != buffer.parts.end()) return found->copies;
    return buffer.parts.emplace_back(WeightSourcePart{name, {}}).copies;
}

void add_parts(const Tensor& tensor, WeightBuffer& buffer) {
    const DTypeInfo& type = dtype_info(tensor.dtype);
    const uint64_t row_blocks = tensor.cols / type.block_elems;
    const PlaneLayout to = tensor.planes(buffer.rows);
    if (!type.grid.empty()) buffer.grid_offset_bytes = to.offset_bytes[type.n_planes()];
    uint64_t row0 = 0;  // of the part
    for (const TensorPart& part : tensor.parts()) {
        const uint64_t begin = std::max(row0, buffer.row0);
        const uint64_t end = std::min(row0 + part.rows, buffer.row0 + buffer.rows);
        const PlaneLayout from = plane_layout(tensor.dtype, part.info->rows() * row_blocks);
        for (uint32_t p = 0; p < type.n_planes() && begin < end; ++p)
            copy_rows(copies_from(buffer, part.info->name), part.file_rows, begin - row0,
                      end - row0, begin - buffer.row0,
                      {row_blocks * type.planes[p].bytes_per_block, from.offset_bytes[p],
                       to.offset_bytes[p]});
        row0 += part.rows;
        if (buffer.rows == tensor.rows && tensor.parts().size() == 1)
            buffer.whole = part.file_rows.all() && part.info->rows() == tensor.rows;
    }
}

}  // namespace

Result<std::vector<WeightBuffer>> weight_buffers(const Tensor& tensor, uint64_t max_bytes) {
    if (tensor.is_vector) return vector_buffer(tensor);
    if (tensor.nbits) TRY(tensor.nbits->check(tensor.name, tensor.rows, tensor.cols));
    // Each buffer has a grid of its own; sizes are padded, so a row is never counted too small.
    const uint64_t grid_bytes = tensor.planes(0).size_bytes;
    const uint64_t row_bytes = tensor.planes(1).size_bytes - grid_bytes;
    uint64_t rows_each = tensor.rows;
    if (tensor.planes(tensor.rows).size_bytes > max_bytes)
        rows_each = max_bytes > grid_bytes ? (max_bytes - grid_bytes) / row_bytes : 0;
    if (rows_each == 0)
        return Error{Category::resource_limit,
                     fmt::format("{}: one row takes {} bytes, and a buffer may have {}",
                                 tensor.name, row_bytes + grid_bytes, max_bytes)};
    std::vector<WeightBuffer> buffers;
    for (uint64_t row = 0; row < tensor.rows; row += rows_each) {
        WeightBuffer buffer;
        buffer.row0 = row;
        buffer.rows = std::min(rows_each, tensor.rows - row);
        buffer.size_bytes = tensor.planes(buffer.rows).size_bytes;
        if (tensor.nbits)
            add_nbits_parts(tensor, buffer);
        else
            add_parts(tensor, buffer);
        buffers.push_back(std::move(buffer));
    }
    return buffers;
}

}  // namespace m2w::web
