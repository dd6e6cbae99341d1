// nbits_cases.h — the golden cases of ONNX Runtime's MatMulNBits and GatherBlockQuantized in the
// shared data, and their operands as ours.
#pragma once
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/code_packing.h"
#include "gguf/float16.h"
#include "gguf/nbits.h"
#include "tests/support/golden.h"

namespace m2w::test {

using Bytes = std::vector<std::byte>;

/// A tensor of a golden case.
struct Blob {
    std::string dtype;
    std::vector<uint64_t> shape;
    Bytes bytes;

    uint64_t rows() const {
        uint64_t n = 1;
        for (size_t i = 0; i + 1 < shape.size(); ++i) n *= shape[i];
        return n;
    }
    template <class T>
    std::vector<T> as() const {
        std::vector<T> out(bytes.size() / sizeof(T));
        std::memcpy(out.data(), bytes.data(), out.size() * sizeof(T));
        return out;
    }
    std::vector<float> floats() const {
        std::vector<float> out;
        if (dtype == "float32") return as<float>();
        if (dtype == "float16")
            for (const uint16_t half : as<uint16_t>()) out.push_back(f16_to_f32(half));
        if (dtype == "float64")
            for (const double x : as<double>()) out.push_back(float(x));
        return out;
    }
};

struct NBitsCase {
    std::string name;
    nlohmann::json facts;
    std::map<std::string, Blob> tensors;

    uint32_t attr(const char* key) const { return facts["attrs"][key].get<uint32_t>(); }
    const Blob* find(const std::string& tensor) const {
        const auto at = tensors.find(tensor);
        return at == tensors.end() ? nullptr : &at->second;
    }
};

inline std::vector<NBitsCase> read_nbits_cases(const std::filesystem::path& folder,
                                               std::string_view op) {
    std::vector<NBitsCase> cases;
    const nlohmann::json all = read_json(folder / "cases.json");
    for (const auto& facts : all["cases"]) {
        if (facts["op"] != op) continue;
        NBitsCase golden{facts["name"], facts, {}};
        const std::string file = read_text(folder / facts["file"].get<std::string>());
        for (const auto& [name, t] : facts["tensors"].items()) {
            const auto* from = reinterpret_cast<const std::byte*>(file.data());
            const size_t at = t["offset"], size = t["bytes"];
            EXPECT_LE(at + size, file.size()) << golden.name;
            golden.tensors[name] = {t["dtype"], t["shape"].get<std::vector<uint64_t>>(),
                                    Bytes(from + at, from + at + size)};
        }
        cases.push_back(std::move(golden));
    }
    return cases;
}

/// What every case says of its weights; zero points that are not packed by row are seen to by the
/// caller.
inline NBits format_of(const NBitsCase& golden) {
    NBits format{.bits = golden.attr("bits"), .block = golden.attr("block_size")};
    format.halves = golden.tensors.at("scales").dtype == "float16";
    if (const Blob* zeros = golden.find("zero_points"))
        format.zero = zeros->dtype.starts_with("float") ? NBits::Zero::floats : NBits::Zero::codes;
    return format;
}

/// Codes or zero points of a gather in rows of their own. Four-bit types are packed over the whole
/// tensor; uint8 says how wide the bytes are, not the codes.
inline Bytes rows_of_codes(const NBitsCase& golden, const Blob& blob, uint64_t cols,
                           uint64_t row_bytes) {
    const CodePacking packing{.bits = golden.attr("bits"),
                              .by_row = blob.dtype == "uint8",
                              .is_signed = blob.dtype == "int4"};
    return unsigned_rows(packing, blob.bytes, blob.rows(), cols, row_bytes);
}

/// The arrays of a gather as ours.
struct GatherTable {
    NBits format;
    uint64_t rows = 0, cols = 0;
    Bytes codes, scales, zeros;
};

inline GatherTable gather_table(const NBitsCase& golden) {
    const Blob &data = golden.tensors.at("data"), *zeros = golden.find("zero_points");
    EXPECT_TRUE(zeros || data.dtype != "uint4") << "absent zero points of uint4 are 0";
    GatherTable out{.format = format_of(golden), .rows = data.rows()};
    out.cols = golden.facts["logical_shape"].back().get<uint64_t>();
    out.codes = rows_of_codes(golden, data, out.cols, out.format.code_bytes(out.cols));
    out.scales = golden.tensors.at("scales").bytes;
    if (zeros)
        out.zeros = rows_of_codes(golden, *zeros, out.format.blocks(out.cols),
                                  out.format.zero_bytes(out.cols));
    return out;
}

/// Rows of `data` that the indices name: an index of the first axis is all rows of the axes
/// between.
inline std::vector<uint32_t> gathered_rows(const NBitsCase& golden) {
    const Blob& data = golden.tensors.at("data");
    const int64_t n = int64_t(data.shape[0]), between = int64_t(data.rows()) / n;
    std::vector<uint32_t> rows;
    for (const int64_t index : golden.tensors.at("indices").as<int64_t>())
        for (int64_t i = 0; i < between; ++i)
            rows.push_back(uint32_t((index < 0 ? index + n : index) * between + i));
    return rows;
}

}  // namespace m2w::test
