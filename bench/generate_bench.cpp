// generate_bench.cpp — prefill, time to first token, decode and peak memory of one model on one
// device. Prints one CSV line a run. usage: generate_bench [MODEL [DEVICE [PROMPT_TOKENS
// [NEW_TOKENS [RUNS]]]]]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "runtime/engine.h"
#include "runtime/memory.h"
#include "runtime/session.h"

namespace {

using Clock = std::chrono::steady_clock;
using namespace m2w;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Peak resident memory of this process in bytes; 0 where the system does not say.
uint64_t peak_memory_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmHWM:")) return std::strtoull(line.c_str() + 6, nullptr, 10) * 1024;
    return 0;
}

struct Run {
    double prefill_s, decode_s;
};

/// Prompts with arbitrary ids, then greedy tokens: what is computed does not depend on the text.
Result<Run> run_once(Session& session, uint32_t n_prompt, uint32_t n_new) {
    TRY(session.truncate(0));
    std::vector<uint32_t> prompt(n_prompt);
    const uint32_t n_vocab = session.engine().model().plan().n_vocab;
    for (uint32_t i = 0; i < n_prompt; ++i) prompt[i] = (i * 37 + 11) % std::min(n_vocab, 1000u);
    const auto start = Clock::now();
    TRY(auto logits, session.eval(prompt));
    Run run{seconds_since(start), 0};
    const auto decode_start = Clock::now();
    for (uint32_t i = 0; i < n_new; ++i) {
        const uint32_t id =
            uint32_t(std::max_element(logits.begin(), logits.end()) - logits.begin());
        TRY(logits, session.eval(std::span(&id, 1)));
    }
    run.decode_s = seconds_since(decode_start);
    return run;
}

Result<void> bench(const std::string& path, const std::string& device, uint32_t n_prompt,
                   uint32_t n_new, uint32_t runs) {
    TRY(auto file, gguf::File::open(path));
    TRY(auto model, Model::from(file));
    const SessionOptions options{.n_ctx = std::min(n_prompt + n_new, model->plan().context_length)};
    TRY(auto engine, Engine::create(model, {.device = device, .n_ctx = options.n_ctx}));
    TRY(auto session, Session::create(engine, options));
    const MemoryEstimate memory = estimate_memory(model->plan(), executor_options(*model, options));
    std::printf(
        "device,model,prompt_tokens,new_tokens,first_token_ms,prefill_tok_s,decode_tok_s,run\n");
    for (uint32_t i = 0; i < runs; ++i) {
        TRY(auto run, run_once(session, n_prompt, n_new));
        std::printf("\"%s\",%s,%u,%u,%.2f,%.1f,%.1f,%s\n", engine->backend().device_name().c_str(),
                    path.substr(path.rfind('/') + 1).c_str(), n_prompt, n_new, run.prefill_s * 1e3,
                    n_prompt / run.prefill_s, n_new / run.decode_s,
                    i ? "warm" : "first (compiles pipelines)");
    }
    std::printf(
        "# weights %s, cache %s, activations %s, peak resident %s\n",
        format_bytes(memory.weights_bytes).c_str(), format_bytes(memory.cache_bytes).c_str(),
        format_bytes(memory.activation_bytes).c_str(), format_bytes(peak_memory_bytes()).c_str());
    return {};
}

uint32_t number(int argc, char** argv, int index, uint32_t fallback) {
    return argc > index ? uint32_t(std::strtoul(argv[index], nullptr, 10)) : fallback;
}

}  // namespace

int main(int argc, char** argv) {
    const bool own_arguments =
        argc > 1 &&
        argv[1][0] != '-';  // ./dev bench hands options meant for Google Benchmark to all
    const int n = own_arguments ? argc : 1;
    const auto done = bench(n > 1 ? argv[1] : M2W_SOURCE_DIR "/chat/model/tiny-q8_0.gguf",
                            n > 2 ? argv[2] : "auto", number(n, argv, 3, 128),
                            number(n, argv, 4, 128), number(n, argv, 5, 5));
    if (done) return 0;
    std::fprintf(stderr, "%s\n", done.error().str().c_str());
    return exit_status(done.error().category);
}
