// fuzz_replay.cpp — main() for a fuzz target built without libFuzzer: feeds it files, and a few
// inputs of its own. Finds nothing new; shows that the target builds and that known inputs stay
// harmless.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

// libFuzzer's own mutation, which custom mutators call; nothing is mutated here.
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);
extern "C" size_t LLVMFuzzerMutate(uint8_t*, size_t size, size_t) {
    return size;
}

namespace {

size_t feed(const std::string& bytes) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    return 1;
}

size_t feed_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return feed({std::istreambuf_iterator<char>(in), {}});
}

}  // namespace

int main(int argc, char** argv) {
    // The smallest inputs need no seed folder: empty, one byte, all zero, all ones.
    size_t inputs =
        feed("") + feed("x") + feed(std::string(64, '\0')) + feed(std::string(64, '\xff'));
    for (int i = 1; i < argc; i++) {
        if (!std::filesystem::exists(argv[i])) {
            std::printf("seeds missing: %s\n", argv[i]);
            if (std::getenv("CI")) return 1;
        } else if (std::filesystem::is_directory(argv[i])) {
            for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
                if (entry.is_regular_file()) inputs += feed_file(entry.path());
            }
        } else {
            inputs += feed_file(argv[i]);
        }
    }
    std::printf("%zu inputs\n", inputs);
    return 0;
}
