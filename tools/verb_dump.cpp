// verb_dump.cpp — m2w dump: what a model computes for given ids, as files that numpy reads.
#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>

#include "runtime/engine.h"
#include "runtime/session.h"
#include "runtime/vk_executor.h"
#include "tools/model_argument.h"
#include "tools/verbs.h"

namespace m2w::tools {
namespace {

namespace fs = std::filesystem;

struct DumpOptions {
    std::string model, ids, device = "ref", folder, cache = "f32";
    ModelAccess access;
    uint32_t n_greedy = 0;
};

/// A float32 array as .npy, version 1.0 (NEP 1): magic, header length, Python dict padded so that
/// the data begins on 64 bytes.
std::string npy_of(std::span<const float> data, const std::vector<size_t>& shape) {
    static_assert(std::endian::native == std::endian::little, "the header says '<f4'");
    std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
    for (size_t n : shape) header += fmt::format("{}, ", n);
    header += "), }";
    header.append(64 - (10 + header.size() + 1) % 64, ' ');
    header += '\n';
    std::string out("\x93NUMPY\x01\x00", 8);
    out += {char(header.size() & 255), char(header.size() >> 8)};
    out += header;
    return out.append(reinterpret_cast<const char*>(data.data()), data.size_bytes());
}

uint32_t greedy(std::span<const float> logits) {
    return uint32_t(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

Result<Session> open_session(const DumpOptions& options, size_t n_ids) {
    TRY(auto file, open_model(options.model, options.access));
    TRY(auto model, Model::from(std::move(file)));
    SessionOptions session;
    session.n_ctx = uint32_t(std::min<size_t>(n_ids + options.n_greedy, UINT32_MAX));
    session.n_batch = uint32_t(n_ids);
    session.cache = options.cache == "f16" ? CacheType::f16 : CacheType::f32;
    session.keep_values = session.all_logits = true;
    EngineOptions engine_options;
    engine_options.device = options.device;
    engine_options.n_ctx = session.n_ctx;
    engine_options.cache = session.cache;
    TRY(auto engine, Engine::create(std::move(model), engine_options));
    return Session::create(std::move(engine), session);
}

/// f32 [block_count + 1][n_tok][width]: the residual stream at every tap of the Plan.
Result<std::vector<float>> read_hidden(Session& session) {
    std::vector<float> hidden;
    for (const Tap& tap : session.engine().model().plan().taps) {
        TRY(const auto value, session.executor().read_value(tap.value));
        hidden.insert(hidden.end(), value.begin(), value.end());
    }
    return hidden;
}

Result<void> write_dump(Session& session, const DumpOptions& options,
                        std::span<const uint32_t> ids) {
    const Plan& plan = session.engine().model().plan();
    TRY(const auto all, session.eval_all(ids));
    const std::vector<float> logits(all.begin(), all.end());
    TRY(const auto hidden, read_hidden(session));
    std::error_code error;
    fs::create_directories(options.folder, error);
    if (error) return Error{Category::io, options.folder + ": " + error.message()};
    const fs::path folder = options.folder;
    TRY(write_file(folder / "hidden.npy",
                   npy_of(hidden, {plan.taps.size(), ids.size(),
                                   hidden.size() / plan.taps.size() / ids.size()})));
    TRY(write_file(folder / "logits.npy", npy_of(logits, {ids.size(), plan.n_vocab})));
    if (options.n_greedy == 0) return {};

    std::vector<uint32_t> generated{greedy(std::span(logits).last(plan.n_vocab))};
    while (generated.size() < options.n_greedy) {
        TRY(const auto next, session.eval(std::span(generated).last(1)));
        generated.push_back(greedy(next));
    }
    return write_file(folder / "greedy.json", nlohmann::json{{"ids", generated}}.dump() + "\n");
}

}  // namespace

Result<void> dump(const Args& args) {
    CLI::App app(
        "Evaluates token ids and writes hidden.npy [layers + 1, tokens, width], logits.npy "
        "[tokens, vocabulary] and greedy.json {ids}.",
        "m2w dump");
    DumpOptions options;
    app.add_option("-m,--model", options.model, kModelHelp)->required();
    add_access_options(app, options.access);
    app.add_option("--ids", options.ids, "token ids, separated by commas")->required();
    app.add_option("--greedy", options.n_greedy, "most probable tokens to append and write");
    app.add_option("--device", options.device, "ref, auto, or as m2w devices lists them")
        ->capture_default_str();
    app.add_option("--cache", options.cache, "type of the key and value cache")
        ->check(CLI::IsMember({"f16", "f32"}))
        ->capture_default_str();
    app.add_option("-o,--output", options.folder, "folder to write to")->required();
    TRY(const bool go_on, parse(app, args));
    if (!go_on) return {};
    TRY(const auto ids, parse_ids(options.ids));
    TRY(auto session, open_session(options, ids.size()));
    TRY(write_dump(session, options, ids));
    const auto complaints = validation_messages(session.engine().backend());
    if (complaints.empty()) return {};
    return Error{Category::internal,
                 fmt::format("the Vulkan validation layer complains {} times: {}",
                             complaints.size(), complaints.front())};
}

}  // namespace m2w::tools
