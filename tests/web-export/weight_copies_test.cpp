// weight_copies_test.cpp — the printed copies, carried out, give each row of a weight the bytes
// that the file has for it.
#include "web-export/weight_copies.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "runtime/fuse.h"
#include "runtime/model/fuzz/blueprint.h"
#include "tests/support/results.h"

namespace m2w::web {
namespace {

using Bytes = std::vector<std::byte>;

/// A tensor of the file as its planes.
Bytes planes_of(const gguf::File& file, const gguf::TensorInfo& info) {
    Bytes raw(info.size_bytes);
    EXPECT_TRUE(file.read(info, 0, raw));
    const DTypeInfo& type = dtype_info(info.dtype);
    const uint64_t n_blocks = info.size_bytes / type.block_bytes;
    const PlaneLayout layout = plane_layout(info.dtype, n_blocks);
    Bytes out(layout.size_bytes);
    std::array<std::byte*, 4> planes{};
    for (uint32_t i = 0; i < type.n_planes(); ++i) planes[i] = out.data() + layout.offset_bytes[i];
    repack(type, raw.data(), n_blocks, planes.data());
    return out;
}

Bytes carry_out(const gguf::File& file, const Tensor& tensor, const WeightBuffer& buffer) {
    std::map<std::string, const gguf::TensorInfo*> infos;
    for (const TensorPart& part : tensor.parts()) infos[part.info->name] = part.info;
    Bytes out(buffer.size_bytes);
    for (const WeightSourcePart& part : buffer.parts) {
        const Bytes from = planes_of(file, *infos.at(part.tensor));
        for (const ByteCopy& copy : part.copies)
            for (uint64_t k = 0; k < copy.count; ++k)
                for (uint64_t i = 0; i < copy.bytes; ++i)
                    out.at(copy.to + k * copy.bytes + i) = from.at(copy.from + k * copy.stride + i);
    }
    return out;
}

/// Which row of the tensor a row of a buffer is: of a paired one the first half of a buffer is of
/// the first half of the tensor.
uint64_t tensor_row_of(const Tensor& tensor, const WeightBuffer& buffer, uint64_t row) {
    if (!tensor.paired) return buffer.row0 + row;
    const uint64_t half = buffer.rows / 2;
    return buffer.row0 / 2 + (row < half ? row : tensor.rows / 2 + row - half);
}

/// The part that a row of a tensor is in, and the file's row.
std::pair<const gguf::TensorInfo*, uint64_t> file_row_of(const Tensor& tensor, uint64_t row) {
    for (const TensorPart& part : tensor.parts()) {
        if (row < part.rows) return {part.info, part.file_rows.file_row(row)};
        row -= part.rows;
    }
    return {};
}

void expect_rows(const gguf::File& file, const Tensor& tensor, const WeightBuffer& buffer) {
    const Bytes got = carry_out(file, tensor, buffer);
    const DTypeInfo& type = dtype_info(tensor.dtype);
    const uint64_t blocks = tensor.cols / type.block_elems;
    const PlaneLayout to = plane_layout(tensor.dtype, buffer.rows * blocks);
    for (uint64_t row = 0; row < buffer.rows; ++row) {
        const auto [info, file_row] = file_row_of(tensor, tensor_row_of(tensor, buffer, row));
        const Bytes source = planes_of(file, *info);
        const PlaneLayout from = plane_layout(info->dtype, info->rows() * blocks);
        for (uint32_t p = 0; p < type.n_planes(); ++p) {
            const uint64_t n = blocks * type.planes[p].bytes_per_block;
            ASSERT_TRUE(std::equal(got.begin() + int64_t(to.offset_bytes[p] + row * n),
                                   got.begin() + int64_t(to.offset_bytes[p] + (row + 1) * n),
                                   source.begin() + int64_t(from.offset_bytes[p] + file_row * n)))
                << tensor.name << " row " << buffer.row0 + row << " plane " << p;
        }
    }
}

void expect_all(const Model& model, const Plan& plan, uint64_t max_bytes, bool cut) {
    bool was_cut = false;
    for (const Tensor& tensor : plan.tensors) {
        const auto buffers = weight_buffers(tensor, max_bytes);
        ASSERT_OK(buffers);
        uint64_t rows = 0;
        for (const WeightBuffer& buffer : *buffers) {
            EXPECT_EQ(buffer.row0, rows);
            rows += buffer.rows;
            std::set<std::string> sources;  // keys of one object
            for (const WeightSourcePart& part : buffer.parts)
                EXPECT_TRUE(sources.insert(part.tensor).second) << part.tensor;
            if (tensor.is_vector) continue;
            EXPECT_LE(buffer.size_bytes, max_bytes);
            expect_rows(model.file(), tensor, buffer);
        }
        EXPECT_EQ(rows, tensor.rows);
        was_cut = was_cut || buffers->size() > 1;
    }
    EXPECT_EQ(was_cut, cut);
}

TEST(WeightCopies, EveryRowIsTheFilesWholeStackedAndCut) {
    test::BlueprintShape shape;
    shape.embedding_length = 64;
    shape.head_dim = 16;
    shape.feed_forward_length = 96;
    shape.matrices = DType::q8_0;
    for (const std::string_view arch : {"llama", "phi3", "qwen2", "lfm2"}) {
        const auto model = test::Blueprint(*find_arch(arch), shape).model();
        ASSERT_OK(model);
        const Plan fused = fuse((*model)->plan());
        expect_all(**model, (*model)->plan(), 1 << 20, false);
        expect_all(**model, fused, 1 << 20, false);
        expect_all(**model, fused, 1024, true);
    }
}

TEST(WeightCopies, AWholeTensorIsOneCopy) {
    const auto model = test::Blueprint(*find_arch("llama")).model();
    ASSERT_OK(model);
    for (const Tensor& tensor : (*model)->plan().tensors) {
        const auto buffers = weight_buffers(tensor, 1 << 20);
        ASSERT_OK(buffers);
        EXPECT_TRUE(buffers->at(0).whole) << tensor.name;
    }
}

TEST(WeightCopies, ARowThatDoesNotFitIsAnError) {
    const auto model = test::Blueprint(*find_arch("llama")).model();
    ASSERT_OK(model);
    const auto buffers = weight_buffers((*model)->plan().tensors.at(0), 64);
    ASSERT_FALSE(buffers);
    EXPECT_EQ(buffers.error().category, Category::resource_limit);
}

}  // namespace
}  // namespace m2w::web
