// pull_line.h — a pull as people see it: one line on a terminal, a line now and then in a pipe.
// Fetches nothing.
#pragma once
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "gguf/fetch/pull.h"
#include "gguf/file.h"

namespace m2w::tools {

/// Where the layers of a model end, in the order of its bytes, all parts together.
struct LayerEnds {
    struct End {
        uint64_t bytes;
        uint32_t layer;
    };
    std::vector<End> ends;
    uint32_t n_layers = 0;

    static LayerEnds of(const gguf::File& file);
    /// The layer that a byte belongs to, as "layer 3 of 28"; empty for bytes of none.
    std::string at(uint64_t byte) const;
};

/// Several threads may say things; update() is called by one.
class PullLine {
  public:
    PullLine(std::FILE* stream, std::string label, LayerEnds layers);
    ~PullLine() { erase(); }
    PullLine(const PullLine&) = delete;

    void update(const fetch::PullProgress& progress);
    void erase();

  private:
    std::FILE* stream_;
    std::string label_;
    LayerEnds layers_;
    bool terminal_, visible_ = false;
    std::chrono::steady_clock::time_point shown_;
};

/// The numbers of a line: "45%  12.3 MB of 27.0 MB  3.4 MB/s  4 s left".
std::string pull_numbers(const fetch::PullProgress& progress);

}  // namespace m2w::tools
