// nbits_tensor.cpp — types and sizes of the arrays behind n-bit codes.
#include "runtime/model/nbits_tensor.h"

#include <fmt/format.h>

namespace m2w {
namespace {

using Zero = NBits::Zero;

Result<void> check_type(std::string_view name, const char* what, const gguf::TensorInfo* info,
                        DType expected) {
    if (info && info->dtype == expected) return {};
    return Error{
        Category::shape_mismatch,
        fmt::format("{}: {} are {}, expected {}", name, what,
                    info ? dtype_info(info->dtype).name : "missing", dtype_info(expected).name)};
}

}  // namespace

std::array<NBitsTensor::Array, 3> NBitsTensor::arrays(uint64_t cols) const {
    const bool packed = format.zero == Zero::codes;
    return {{{0, codes, format.code_bytes(cols)},
             {1, scales, format.scale_bytes(cols)},
             {packed ? kZeroCodesPlane : kZeroFloatsPlane,
              format.zero == Zero::middle ? nullptr : zeros, format.zero_bytes(cols)}}};
}

uint64_t NBitsTensor::file_bytes() const {
    return codes->size_bytes + scales->size_bytes + (zeros ? zeros->size_bytes : 0);
}

Result<void> NBitsTensor::check(std::string_view name, uint64_t rows, uint64_t cols) const {
    const DType floats = format.halves ? DType::f16 : DType::f32;
    TRY(check_type(name, "codes", codes, DType::i8));
    TRY(check_type(name, "scales", scales, floats));
    if (format.zero != Zero::middle)
        TRY(check_type(name, "zero points", zeros,
                       format.zero == Zero::codes ? DType::i8 : floats));
    const auto checked = check_nbits(format, rows, cols, codes->size_bytes, scales->size_bytes,
                                     zeros ? zeros->size_bytes : 0);
    if (checked) return {};
    return Error{checked.error().category, fmt::format("{}: {}", name, checked.error().message)};
}

}  // namespace m2w
