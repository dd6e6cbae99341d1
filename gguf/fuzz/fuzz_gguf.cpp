// fuzz_gguf.cpp — libFuzzer target: the bytes of a model file (check_gguf.h). Half of the mutations
// edit the file as a structure, so that counts and lengths stay consistent; random bytes alone
// rarely get past the first key.
#include <algorithm>
#include <cstdint>
#include <string>

#include "gguf/fuzz/check_gguf.h"
#include "gguf/fuzz/editable_file.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace m2w::gguf::fuzz {
namespace {

Value random_value(Random& random) {
    const uint64_t bits = uint64_t(random()) << 33 ^ random();
    const std::vector<uint32_t> numbers(below(random, 20), uint32_t(bits));
    switch (below(random, 12)) {
        case 0:
            return make_value(uint8_t(bits));
        case 1:
            return make_value(int8_t(bits));
        case 2:
            return make_value(uint16_t(bits % 4));
        case 3:
            return make_value(int16_t(bits));
        case 4:
            return make_value(uint32_t(1) << (bits % 32));
        case 5:
            return make_value(int32_t(bits));
        case 6:
            return make_value(bits);
        case 7:
            return make_value(int64_t(bits));
        case 8:
            return make_value(std::bit_cast<float>(uint32_t(bits)));
        case 9:
            return make_value(std::string(below(random, 100), char('a' + bits % 26)));
        case 10:
            return make_array(numbers);
        default:
            return make_array(std::vector<std::string>(below(random, 40), "token"));
    }
}

std::string random_key(Random& random) {
    constexpr const char* kKeys[] = {"general.alignment",   "split.count",  "split.no",
                                     "split.tensors.count", "general.name", "x"};
    return kKeys[below(random, std::size(kKeys))];
}

void edit(EditableFile& file, Random& random) {
    auto& [metadata, tensors] = file;
    switch (below(random, 7)) {
        case 0:
            metadata.push_back({random_key(random), random_value(random)});
            break;
        case 1:
            if (!metadata.empty())
                metadata[below(random, metadata.size())].value = random_value(random);
            break;
        case 2:
            if (!metadata.empty())
                metadata.erase(metadata.begin() + below(random, metadata.size()));
            break;
        case 3: {
            const DTypeInfo& dtype = all_dtypes()[below(random, all_dtypes().size())];
            tensors.push_back({{"t" + std::to_string(random() % 100),
                                dtype.dtype,
                                {dtype.block_elems * (1 + random() % 3), 1 + random() % 3}},
                               {}});
            break;
        }
        case 4:
            if (!tensors.empty()) tensors.erase(tensors.begin() + below(random, tensors.size()));
            break;
        case 5:
            if (!tensors.empty())
                tensors[below(random, tensors.size())].spec.dims.push_back(1 + random() % 2);
            break;
        default:
            std::shuffle(tensors.begin(), tensors.end(), random);
    }
}

}  // namespace
}  // namespace m2w::gguf::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
    using namespace m2w::gguf::fuzz;
    Random random(seed);
    if (below(random, 2) == 0) return LLVMFuzzerMutate(data, size, max_size);
    EditableFile file = EditableFile::of(data, size);
    for (uint32_t n = 1 + below(random, 4); n > 0; n--) edit(file, random);
    const std::string bytes = file.bytes(random, max_size);
    if (bytes.empty()) return LLVMFuzzerMutate(data, size, max_size);
    std::copy(bytes.begin(), bytes.end(), data);
    // A quarter of the consistent files gets one inconsistent spot.
    return below(random, 4) ? bytes.size() : LLVMFuzzerMutate(data, bytes.size(), max_size);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    m2w::gguf::fuzz::check_gguf(std::as_bytes(std::span(data, size)));
    return 0;
}
