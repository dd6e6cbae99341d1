// verb_verify.cpp — m2w verify: a prompt on the reference and on devices, and where they part.
#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "chat/terminal.h"
#include "runtime/verify.h"
#include "tokenizer/tokenizer.h"
#include "tools/kernel_report.h"
#include "tools/model_argument.h"
#include "tools/verbs.h"
#include "tools/verify_text.h"
#include "tools/web_verify.h"

namespace m2w::tools {
namespace {

using Json = nlohmann::ordered_json;

struct VerifyArgs {
    std::string model, web, prompt = "The quick brown fox jumps over the lazy dog.", ids,
                            cache = "f32";
    std::vector<std::string> devices{"auto"}, ops, types;
    bool json = false, kernels = false;
    ModelAccess access;
    VerifyOptions options;
};

Result<std::vector<uint32_t>> prompt_ids(const VerifyArgs& args, const gguf::File& file) {
    if (!args.ids.empty()) return parse_ids(args.ids);
    TRY(const auto tokenizer, Tokenizer::from(file));
    return tokenizer->encode(args.prompt, {.parse_special = true});
}

Result<std::vector<VerifyReport>> run_verify(const VerifyArgs& args,
                                             const std::shared_ptr<const Model>& model,
                                             std::span<const uint32_t> ids) {
    TRY(const auto reference, reference_side(model));
    std::vector<VerifySide> devices;
    for (const std::string& device : args.devices) {
        TRY(auto side, device_side(model, device, args.options, ids.size()));
        devices.push_back(std::move(side));
    }
    return m2w::verify(reference, devices, ids, args.options);
}

Json check_json(const ValueCheck& check) {
    return {{"value", check.name}, {"relative_error", check.relative_error},
            {"pos", check.pos},    {"n_tok", check.n_tok},
            {"row", check.row},    {"column", check.column},
            {"got", check.got},    {"expected", check.expected},
            {"ok", check.ok}};
}

Json json_of(const VerifyReport& report) {
    const size_t n_layers = report.layers.size();
    Json out{{"device", report.device}, {"ok", report.ok()}, {"layers", Json::array()}};
    for (size_t i = 0; i < n_layers; ++i) {
        out["layers"].push_back(check_json(report.layers[i]));
        out["layers"].back()["layer"] = layer_name(i, n_layers);
    }
    out["logits"] = check_json(report.logits);
    out["expected_tokens"] = report.expected_tokens;
    out["tokens"] = report.tokens;
    if (report.ok()) return out;
    out["first_wrong"] = layer_name(*report.first_wrong, n_layers);
    out["first_wrong_step"] = nullptr;
    if (report.first_wrong_step)
        out["first_wrong_step"] = report.steps[*report.first_wrong_step].step;
    out["steps"] = Json::array();
    for (const StepCheck& check : report.steps)
        out["steps"].push_back({{"step", check.step},
                                {"op", op_info(check.op).name},
                                {"inputs", check.inputs},
                                {"outputs", check.outputs},
                                {"input_error", check.input_error},
                                {"output_error", check.output_error},
                                {"ok", check.ok}});
    return out;
}

Result<void> print_reports(const VerifyArgs& args, std::span<const VerifyReport> reports,
                           std::span<const uint32_t> ids) {
    if (args.json) {
        Json out{{"model", args.model},
                 {"prompt_ids", ids},
                 {"cache", args.cache},
                 {"tolerance", args.options.tolerance},
                 {"devices", Json::array()}};
        for (const VerifyReport& report : reports) out["devices"].push_back(json_of(report));
        return print(out.dump(2, ' ', true, Json::error_handler_t::replace) + "\n");
    }
    std::string text;
    for (const VerifyReport& report : reports) text += verify_text(report, args.options.tolerance);
    return print(escape_for_terminal(text));
}

}  // namespace

namespace {

/// The options of verify with a model; those that make no sense without one exclude --kernels.
void add_model_options(CLI::App& app, VerifyArgs& in, CLI::Option* kernels) {
    app.add_option("model", in.model, kModelHelp)->excludes(kernels);
    add_access_options(app, in.access);
    auto* prompt = app.add_option("--prompt", in.prompt, "text that is run")
                       ->capture_default_str()
                       ->excludes(kernels);
    app.add_option("--ids", in.ids, "token ids instead, separated by commas")
        ->excludes(prompt)
        ->excludes(kernels);
    app.add_option("--greedy", in.options.n_greedy, "single tokens that are run behind it")
        ->check(CLI::Range(0u, 1024u))
        ->capture_default_str()
        ->excludes(kernels);
    app.add_option("--cache", in.cache, "type of the key and value cache, on both sides")
        ->check(CLI::IsMember({"f16", "f32"}))
        ->capture_default_str()
        ->excludes(kernels);
    app.add_option("--tolerance", in.options.tolerance, "relative error that is allowed")
        ->check(CLI::PositiveNumber)
        ->capture_default_str()
        ->excludes(kernels);
}

Result<Verdict> verify_model(VerifyArgs& in) {
    if (in.model.empty())
        return Error{Category::usage, "a model, --kernels or --web is needed; m2w verify --help"};
    in.options.cache = in.cache == "f16" ? CacheType::f16 : CacheType::f32;
    TRY(auto file, open_model(in.model, in.access));
    TRY(const auto ids, prompt_ids(in, *file));
    TRY(const auto model, Model::from(std::move(file)));
    TRY(const auto reports, run_verify(in, model, ids));
    TRY(print_reports(in, reports, ids));
    for (const VerifyReport& report : reports)
        if (!report.ok()) return Verdict::different;
    return Verdict::good;
}

}  // namespace

Result<Verdict> verify(const Args& args) {
    CLI::App app(
        "Runs a prompt on the reference and on devices and compares what leaves each layer, the "
        "logits and the most probable tokens; or, with --kernels and without a model, each kernel "
        "by itself. Exit status 6, with the first wrong layer and its steps or with the wrong "
        "kernels, when a device is off.",
        "m2w verify");
    VerifyArgs in;
    auto* kernels = app.add_flag("--kernels", in.kernels, "each kernel by itself; no model");
    auto* web = app.add_option("--web", in.web,
                               "a package of m2w export instead: its own test, in a browser");
    auto* device = app.add_option("--device", in.devices,
                                  "auto, or as m2w devices lists them; may be given several times")
                       ->allow_extra_args(false)
                       ->capture_default_str();
    add_model_options(app, in, kernels);
    for (CLI::Option* other : {kernels, device, app.get_option("model")}) web->excludes(other);
    app.add_option("--op", in.ops, "kernels of this op only; may be given several times")
        ->allow_extra_args(false)
        ->needs(kernels);
    app.add_option("--type", in.types, "kernels of this weight type only; several times as well")
        ->allow_extra_args(false)
        ->needs(kernels);
    app.add_flag("--json", in.json, "as one JSON object");
    TRY(const bool go_on, parse(app, args));
    if (!go_on) return Verdict::good;
    if (!in.web.empty()) return verify_package(in.web, in.json);
    if (!in.kernels) return verify_model(in);
    return verify_kernels_of(in.devices, in.ops, in.types, in.json);
}

}  // namespace m2w::tools
