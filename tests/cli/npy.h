// npy.h — reads float32 arrays that numpy wrote (version 1.0, C order). For tests.
#pragma once
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/shared.h"

namespace m2w::test {

struct Npy {
    std::vector<size_t> shape;  // empty: unreadable
    std::vector<float> data;
};

inline Npy read_npy(const std::filesystem::path& path) {
    const std::string bytes = read_text(path);
    if (bytes.size() < 10 || bytes.compare(0, 8, std::string("\x93NUMPY\x01\x00", 8)) != 0)
        return {};
    const size_t header_bytes = uint8_t(bytes[8]) + 256u * uint8_t(bytes[9]);
    const std::string header = bytes.substr(10, header_bytes);
    if (header.find("'<f4'") == std::string::npos || header.find("False") == std::string::npos)
        return {};
    Npy out;
    size_t count = 1;
    const size_t open = header.find('('), close = header.find(')');
    for (size_t at = open + 1; at < close;) {
        size_t used = 0;
        out.shape.push_back(std::stoul(header.substr(at), &used));
        count *= out.shape.back();
        at = header.find_first_of("0123456789)", at + used);
    }
    const size_t begin = 10 + header_bytes;
    if (bytes.size() - begin != count * sizeof(float)) return {};
    out.data.resize(count);
    std::memcpy(out.data.data(), bytes.data() + begin, count * sizeof(float));
    return out;
}

}  // namespace m2w::test
