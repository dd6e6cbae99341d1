// jinja_bench.cpp — what the chat templates of the golden data cost, one thread: parsing one, and
// rendering all conversations that it accepts.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/jinja/chats.h"

namespace {

using namespace m2w;
using jinja::Rendering;
using jinja::Template;
using jinja::test::GoldenChat;
using jinja::test::GoldenTemplate;

/// Seconds of one item, as the counter `name`.
void count_each(benchmark::State& state, const char* name, size_t items) {
    using benchmark::Counter;
    state.counters[name] =
        Counter(double(items), Counter::kIsIterationInvariantRate | Counter::kInvert);
}

/// The conversations that the template renders; in the others a part of the work is left out.
std::vector<ChatInput> accepted_chats(const GoldenTemplate& golden) {
    std::vector<ChatInput> out;
    const auto tmpl = ChatTemplate::from_source(golden.source);
    for (const GoldenChat& chat : golden.chats)
        if (tmpl && tmpl->render(chat.input)) out.push_back(chat.input);
    return out;
}

bool parse(const GoldenTemplate& golden) {
    auto parsed = Template::parse(golden.source);
    benchmark::DoNotOptimize(parsed);
    return bool(parsed);
}

void parse_one(benchmark::State& state, const GoldenTemplate& golden) {
    for (auto _ : state)
        if (!parse(golden)) return state.SkipWithError("does not parse");
    state.SetBytesProcessed(int64_t(state.iterations()) * int64_t(golden.source.size()));
}

void render_chats(benchmark::State& state, const GoldenTemplate& golden) {
    const auto tmpl = ChatTemplate::from_source(golden.source);
    const std::vector<ChatInput> inputs = accepted_chats(golden);
    if (!tmpl || inputs.empty()) return state.SkipWithError("renders nothing");
    uint64_t steps = 0, peak_bytes = 0;
    for (auto _ : state) {
        steps = peak_bytes = 0;
        for (const ChatInput& input : inputs) {
            const auto outcome = tmpl->render_detailed(input);
            const auto& rendering = std::get<Rendering>(outcome);
            steps += rendering.steps;
            peak_bytes = std::max(peak_bytes, rendering.peak_bytes);
        }
    }
    count_each(state, "s/chat", inputs.size());
    state.counters["steps/chat"] = double(steps) / double(inputs.size());
    state.counters["peak_bytes"] = double(peak_bytes);
}

/// What a program does that renders once: parse the template, render one conversation.
void parse_and_render(benchmark::State& state, const std::vector<GoldenTemplate>& all) {
    struct Work {
        const GoldenTemplate* golden;
        std::vector<ChatInput> inputs;
    };
    std::vector<Work> work;
    size_t n = 0;
    for (const GoldenTemplate& golden : all) {
        work.push_back({&golden, accepted_chats(golden)});
        n += work.back().inputs.size();
    }
    for (auto _ : state)
        for (const Work& w : work)
            for (const ChatInput& input : w.inputs) {
                const auto parsed = Template::parse(w.golden->source);
                jinja::RenderOptions options;
                options.now = input.now;
                options.forgiving = true;
                benchmark::DoNotOptimize(parsed->render(chat_globals(input), options));
            }
    count_each(state, "s/chat", n);
}

}  // namespace

int main(int argc, char** argv) {
    const auto all = jinja::test::read_golden_templates(std::string(M2W_SHARED_DIR) + "/chat");
    if (!all) {
        std::fprintf(stderr, "shared data missing: %s\n", all.error().str().c_str());
        return 1;
    }
    const auto add = [](const std::string& name, auto fn) {
        benchmark::RegisterBenchmark(name.c_str(), fn)->Unit(benchmark::kMicrosecond)->MinTime(0.1);
    };
    add("parse_and_render/all", [&](auto& s) { parse_and_render(s, *all); });
    for (const GoldenTemplate& golden : *all) {
        add("parse/" + golden.name, [&](auto& s) { parse_one(s, golden); });
        add("render/" + golden.name, [&](auto& s) { render_chats(s, golden); });
    }
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
}
