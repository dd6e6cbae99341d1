// pull_line.cpp — numbers of a pull as text.
#include "tools/pull_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "chat/terminal.h"
#include "runtime/memory.h"

namespace m2w::tools {
namespace {

constexpr auto kRedrawEvery = std::chrono::milliseconds(200);
constexpr auto kPrintEvery = std::chrono::seconds(2);
constexpr std::string_view kLayerPrefix = "blk.";

/// The N of "blk.N.attn_q.weight".
std::optional<uint32_t> layer_of(std::string_view tensor) {
    if (!tensor.starts_with(kLayerPrefix)) return std::nullopt;
    tensor.remove_prefix(kLayerPrefix.size());
    uint32_t layer = 0;
    const auto parsed = std::from_chars(tensor.data(), tensor.data() + tensor.size(), layer);
    if (parsed.ec != std::errc()) return std::nullopt;
    return layer;
}

std::string duration(double seconds) {
    const auto s = uint64_t(seconds + 0.5);
    if (s < 100) return fmt::format("{} s", s);
    if (s < 6000) return fmt::format("{} min", (s + 30) / 60);
    return fmt::format("{} h {} min", s / 3600, s % 3600 / 60);
}

}  // namespace

LayerEnds LayerEnds::of(const gguf::File& file) {
    std::vector<uint64_t> part_begins;
    uint64_t sum = 0;
    for (const auto& part : file.parts()) {
        part_begins.push_back(sum);
        sum += part->size_bytes();
    }
    LayerEnds out;
    for (const gguf::TensorInfo& t : file.tensors())
        if (const auto layer = layer_of(t.name)) {
            out.ends.push_back({part_begins[t.part] + t.offset_bytes + t.size_bytes, *layer});
            out.n_layers = std::max(out.n_layers, *layer + 1);
        }
    std::sort(out.ends.begin(), out.ends.end(),
              [](const End& a, const End& b) { return a.bytes < b.bytes; });
    return out;
}

std::string LayerEnds::at(uint64_t byte) const {
    const auto end = std::upper_bound(ends.begin(), ends.end(), byte,
                                      [](uint64_t b, const End& e) { return b < e.bytes; });
    return end == ends.end() ? "" : fmt::format("layer {} of {}", end->layer + 1, n_layers);
}

std::string pull_numbers(const fetch::PullProgress& p) {
    const uint64_t percent = p.bytes_total == 0 ? 100 : p.bytes_done * 100 / p.bytes_total;
    std::string text = fmt::format("{}%  {} of {}", percent, format_bytes(p.bytes_done),
                                   format_bytes(p.bytes_total));
    if (p.bytes_per_s > 0) text += fmt::format("  {}/s", format_bytes(uint64_t(p.bytes_per_s)));
    if (p.seconds_left >= 0 && p.bytes_done < p.bytes_total)
        text += fmt::format("  {} left", duration(p.seconds_left));
    return text;
}

PullLine::PullLine(std::FILE* stream, std::string label, LayerEnds layers)
    : stream_(stream),
      label_(m2w::escape_for_terminal(label)),
      layers_(std::move(layers)),
      terminal_(is_terminal(stream)) {}

void PullLine::update(const fetch::PullProgress& p) {
    const auto now = std::chrono::steady_clock::now();
    const bool last = p.bytes_done == p.bytes_total;
    const bool first = shown_ == decltype(shown_)();
    if (!first && !last && now - shown_ < (terminal_ ? kRedrawEvery : kPrintEvery)) return;
    shown_ = now;
    std::string line = label_ + "  " + pull_numbers(p);
    if (!terminal_) {
        fmt::print(stream_, "{}\n", line);
    } else {
        if (const std::string layer = layers_.at(p.front_bytes); !layer.empty())
            line += "  " + layer;
        fmt::print(stream_, "\r\x1b[K{}", line);
        visible_ = true;
    }
    std::fflush(stream_);
}

void PullLine::erase() {
    if (!visible_) return;
    fmt::print(stream_, "\r\x1b[K");
    std::fflush(stream_);
    visible_ = false;
}

}  // namespace m2w::tools
