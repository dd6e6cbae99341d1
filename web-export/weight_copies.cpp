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

/// Several parts of a tensor may lie in one tensor of the file.
std::vector<ByteCopy>& copies_from(WeightBuffer& buffer, const std::string& name) {
    const auto found = std::ranges::find(buffer.parts, name, &WeightSourcePart::tensor);
    if (found != buffer.parts.end()) return found->copies;
    return buffer.parts.emplace_back(WeightSourcePart{name, {}}).copies;
}

void add_nbits_parts(const Tensor& tensor, WeightBuffer& buffer) {
    const PlaneLayout layout = tensor.planes(buffer.rows);
    for (const NBitsTensor::Array& array : tensor.nbits->arrays(tensor.cols))
        for (const RowRun& run : tensor.rows_of_buffer(buffer.row0, buffer.rows))
            if (array.info)
                copies_from(buffer, array.info->name)
                    .push_back({run.first * array.row_bytes,
                                layout.offset_bytes[array.plane] + run.at * array.row_bytes,
                                run.rows * array.row_bytes});
}

void add_parts(const Tensor& tensor, WeightBuffer& buffer) {
    const DTypeInfo& type = dtype_info(tensor.dtype);
    const uint64_t row_blocks = tensor.cols / type.block_elems;
    const PlaneLayout to = tensor.planes(buffer.rows);
    if (!type.grid.empty()) buffer.grid_offset_bytes = to.offset_bytes[type.n_planes()];
    const std::vector<RowRun> runs = tensor.rows_of_buffer(buffer.row0, buffer.rows);
    uint64_t row0 = 0;  // of the part
    for (const TensorPart& part : tensor.parts()) {
        const PlaneLayout from = plane_layout(tensor.dtype, part.info->rows() * row_blocks);
        for (const RowRun& run : runs) {
            const uint64_t begin = std::max(row0, run.first);
            const uint64_t end = std::min(row0 + part.rows, run.first + run.rows);
            for (uint32_t p = 0; p < type.n_planes() && begin < end; ++p)
                copy_rows(copies_from(buffer, part.info->name), part.file_rows, begin - row0,
                          end - row0, begin - run.first + run.at,
                          {row_blocks * type.planes[p].bytes_per_block, from.offset_bytes[p],
                           to.offset_bytes[p]});
        }
        row0 += part.rows;
        if (buffer.rows == tensor.rows && tensor.parts().size() == 1)
            buffer.whole = part.file_rows.all() && part.info->rows() == tensor.rows;
    }
}

}  // namespace

Result<std::vector<WeightBuffer>> weight_buffers(const Tensor& tensor, uint64_t max_bytes) {
    if (tensor.is_vector) return vector_buffer(tensor);
    if (tensor.nbits) TRY(tensor.nbits->check(tensor.name, tensor.rows, tensor.cols));
    const uint64_t rows_each = tensor.rows_within(max_bytes);
    if (rows_each == 0)
        return Error{Category::resource_limit,
                     fmt::format("{}: {} {} bytes, and a buffer may have {}", tensor.name,
                                 tensor.paired ? "a pair of rows takes" : "one row takes",
                                 tensor.planes(tensor.paired ? 2 : 1).size_bytes, max_bytes)};
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
