// first_token_bench.cpp — seconds from a model's name to the logits behind a prompt: computed while
// the model comes, or when it is there. bench/first_token.py throttles the line and compares.
#include <fmt/format.h>

#include <chrono>
#include <numeric>

#include "runtime/engine.h"
#include "runtime/session.h"
#include "tools/streamed_model.h"

namespace m2w::tools {
namespace {

struct Run {
    std::string name, device = "auto";
    bool early = false;
    uint32_t n_prompt = 64;
};

Result<void> answer(const Run& run) {
    std::unique_ptr<StreamedModel> streamed;
    std::shared_ptr<const gguf::File> file;
    if (run.early) {
        TRY(streamed, StreamedModel::open(run.name, {}));
        file = streamed->file();
    } else {
        TRY(file, open_model(run.name));
    }
    TRY(auto model, Model::from(std::move(file)));
    EngineOptions options;
    options.device = run.device;
    options.start_early = run.early;
    TRY(auto engine, Engine::create(model, options));
    if (streamed) streamed->start(model->plan());
    TRY(auto session, Session::create(std::move(engine), {}));
    // Arbitrary ids: what is computed does not depend on them.
    std::vector<uint32_t> prompt(run.n_prompt);
    std::iota(prompt.begin(), prompt.end(), 1u);
    TRY(session.eval(prompt));
    if (streamed) TRY(streamed->finish());
    return {};
}

int main_of(int argc, char** argv) {
    Run run;
    if (argc < 3) {
        fmt::print(stderr, "usage: first_token_bench MODEL early|late [DEVICE [PROMPT_TOKENS]]\n");
        return 1;
    }
    run.name = argv[1];
    run.early = std::string_view(argv[2]) == "early";
    if (argc > 3) run.device = argv[3];
    if (argc > 4) run.n_prompt = uint32_t(std::stoul(argv[4]));
    const auto start = std::chrono::steady_clock::now();
    if (const auto done = answer(run); !done) {
        fmt::print(stderr, "{}\n", done.error().str());
        return 2;
    }
    fmt::print("{:.3f}\n",
               std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    return 0;
}

}  // namespace
}  // namespace m2w::tools

int main(int argc, char** argv) {
    return m2w::tools::main_of(argc, argv);
}
