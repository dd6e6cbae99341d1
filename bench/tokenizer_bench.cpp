// tokenizer_bench.cpp — bytes of text a second, one thread: one long text, and chunks of 4 KiB.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "tokenizer/stream_decoder.h"
#include "tokenizer/tokenizer.h"

namespace {

using m2w::Tokenizer;

constexpr size_t kTextBytes = 10'000'000;
constexpr size_t kChunkBytes = 4096;

const std::filesystem::path kShared = M2W_SHARED_DIR;

std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// Prose and code: the design documents, the scripts and the vectors' README, over and over.
std::string prose() {
    std::string once;
    for (const char* folder : {"design", "robust", "tokenizer"}) {
        for (const auto& entry : std::filesystem::directory_iterator(kShared / folder)) {
            const auto extension = entry.path().extension();
            if (extension == ".md" || extension == ".py") once += read_file(entry.path());
        }
    }
    return once;
}

/// All scripts and many odd characters.
std::string mixed() {
    return read_file(kShared / "tokenizer/bulk.txt");
}

std::string repeated(const std::string& once) {
    std::string text;
    while (!once.empty() && text.size() < kTextBytes) text += once;
    return text;
}

std::shared_ptr<const Tokenizer> open(const std::string& vocab) {
    auto file =
        m2w::gguf::File::open(kShared / "tokenizer/vocab" / ("ggml-vocab-" + vocab + ".gguf"));
    if (!file) return nullptr;
    auto tokenizer = Tokenizer::from(**file);
    return tokenizer ? *tokenizer : nullptr;
}

void encode(benchmark::State& state, const std::string& vocab, std::string (*make)(),
            size_t chunk_bytes) {
    const auto tokenizer = open(vocab);
    const std::string text = repeated(make());
    if (!tokenizer || text.empty()) return state.SkipWithError("shared data missing");
    size_t n_ids = 0;
    for (auto _ : state) {
        n_ids = 0;
        for (size_t at = 0; at < text.size(); at += chunk_bytes) {
            auto ids = tokenizer->encode(std::string_view(text).substr(at, chunk_bytes));
            if (!ids) return state.SkipWithError(ids.error().str().c_str());
            n_ids += ids->size();
        }
    }
    state.SetBytesProcessed(int64_t(state.iterations()) * int64_t(text.size()));
    state.counters["bytes/token"] = double(text.size()) / double(n_ids);
}

void decode(benchmark::State& state, const std::string& vocab) {
    const auto tokenizer = open(vocab);
    const std::string text = repeated(prose());
    if (!tokenizer || text.empty()) return state.SkipWithError("shared data missing");
    const auto ids = tokenizer->encode(text);
    for (auto _ : state) {
        m2w::StreamDecoder decoder(*tokenizer);
        for (const uint32_t id : *ids) benchmark::DoNotOptimize(decoder.push(id));
    }
    state.SetBytesProcessed(int64_t(state.iterations()) * int64_t(text.size()));
}

void load(benchmark::State& state, const std::string& vocab) {
    auto file =
        m2w::gguf::File::open(kShared / "tokenizer/vocab" / ("ggml-vocab-" + vocab + ".gguf"));
    if (!file) return state.SkipWithError("shared data missing");
    for (auto _ : state) benchmark::DoNotOptimize(Tokenizer::from(**file));
}

}  // namespace

int main(int argc, char** argv) {
    // One of each way to cut and of each algorithm.
    for (const std::string vocab :
         {"gpt-2", "llama-bpe", "qwen2-mini", "gpt-4o-mini", "tekken-mini", "deepseek-v3-mini",
          "deepseek-coder", "falcon", "llama-spm", "gemma3-mini", "gemma4-mini", "ugm-synth",
          "bert-bge"}) {
        const auto add = [&](const std::string& name, auto fn) {
            benchmark::RegisterBenchmark((name + "/" + vocab).c_str(), fn)
                ->Unit(benchmark::kMillisecond);
        };
        add("encode/prose/whole", [=](auto& s) { encode(s, vocab, prose, kTextBytes * 2); });
        add("encode/prose/4KiB", [=](auto& s) { encode(s, vocab, prose, kChunkBytes); });
        add("encode/mixed/whole", [=](auto& s) { encode(s, vocab, mixed, kTextBytes * 2); });
        add("encode/mixed/4KiB", [=](auto& s) { encode(s, vocab, mixed, kChunkBytes); });
        add("decode/prose", [=](auto& s) { decode(s, vocab); });
        add("load", [=](auto& s) { load(s, vocab); });
    }
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
}
