// npy.h — reads float32 arrays that numpy saved (format version 1, C order, little endian). Writes
// none.
#pragma once
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "gguf/result.h"
#include "tests/support/shared.h"

namespace m2w::test {

/// f32 [shape[0]][shape[1]]...
struct Npy {
    std::vector<size_t> shape;
    std::vector<float> data;

    /// Elements [i] of the slowest dimension.
    std::span<const float> operator[](size_t i) const {
        const size_t n = data.size() / shape[0];
        return std::span(data).subspan(i * n, n);
    }
};

namespace detail {

/// The numbers between the parentheses behind 'shape'.
inline std::vector<size_t> npy_shape(const std::string& header) {
    std::vector<size_t> shape;
    const size_t open = header.find('(', header.find("'shape'")), close = header.find(')', open);
    if (open == std::string::npos || close == std::string::npos) return shape;
    for (size_t at = open + 1; at < close;) {
        if (header[at] < '0' || header[at] > '9') {
            ++at;
            continue;
        }
        size_t end = at;
        shape.push_back(std::stoul(header.substr(at, close - at), &end));
        at += end;
    }
    return shape;
}

}  // namespace detail

/// Errors: unsupported (not the one kind of file that the shared data has), truncated.
/// Source of the layout: numpy.lib.format, "Format Version 1.0".
inline Result<Npy> read_npy(const std::filesystem::path& path) {
    const std::string bytes = read_text(path);
    const auto bad = [&](Category category, const char* why) {
        return Error{category, path.string() + ": " + why};
    };
    if (bytes.size() < 10 || bytes.substr(0, 8) != std::string("\x93NUMPY\x01\0", 8))
        return bad(Category::unsupported, "not numpy's format version 1");
    const size_t header_bytes = uint8_t(bytes[8]) | size_t(uint8_t(bytes[9])) << 8;
    if (bytes.size() < 10 + header_bytes) return bad(Category::truncated, "header cut");
    const std::string header = bytes.substr(10, header_bytes);
    if (header.find("'<f4'") == std::string::npos ||
        header.find("'fortran_order': False") == std::string::npos)
        return bad(Category::unsupported, "not float32 in C order");
    Npy npy;
    npy.shape = detail::npy_shape(header);
    npy.data.resize(
        std::accumulate(npy.shape.begin(), npy.shape.end(), size_t(1), std::multiplies<>()));
    if (npy.shape.empty() || bytes.size() != 10 + header_bytes + npy.data.size() * sizeof(float))
        return bad(Category::truncated, "size does not fit the shape");
    std::memcpy(npy.data.data(), bytes.data() + 10 + header_bytes, npy.data.size() * sizeof(float));
    return npy;
}

}  // namespace m2w::test
