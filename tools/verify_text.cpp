// verify_text.cpp — a line a layer, and the Steps of the first wrong one.
#include "tools/verify_text.h"

#include <fmt/format.h>

namespace m2w::tools {
namespace {

std::string check_line(const std::string& name, const ValueCheck& check) {
    return fmt::format(
        "  {:<8}{:<10.2e}[{}][{}] is {:.7g}, expected {:.7g}, in {} at position {}"
        "  {}\n",
        name, check.relative_error, check.row, check.column, check.got, check.expected,
        check.n_tok == 1 ? "a token" : fmt::format("{} tokens", check.n_tok), check.pos,
        check.ok ? "ok" : "OFF");
}

std::string step_line(const StepCheck& check, bool first) {
    return fmt::format("  {:<6}{:<12}{} -> {}: inputs {:.2e}, outputs {:.2e}  {}{}\n", check.step,
                       op_info(check.op).name, check.inputs, check.outputs, check.input_error,
                       check.output_error, check.ok ? "ok" : "OFF", first ? "  <- first" : "");
}

}  // namespace

std::string layer_name(size_t index, size_t n_layers) {
    return index == 0 ? "input" : index < n_layers ? fmt::to_string(index - 1) : "logits";
}

std::string verify_text(const VerifyReport& report, double tolerance) {
    const size_t n_layers = report.layers.size();
    std::string out =
        fmt::format("{}, largest relative error allowed {:g}\n  {:<8}{:<10}worst element\n",
                    report.device, tolerance, "layer", "error");
    for (size_t i = 0; i < n_layers; ++i)
        out += check_line(layer_name(i, n_layers), report.layers[i]);
    out += check_line("logits", report.logits);
    size_t equal = 0;
    for (size_t i = 0; i < report.tokens.size(); ++i)
        equal += report.tokens[i] == report.expected_tokens[i];
    out += fmt::format("  tokens  {} of {} equal\n", equal, report.tokens.size());
    if (report.ok()) return out + "  good\n";

    const std::string where = layer_name(*report.first_wrong, n_layers);
    out += fmt::format("first wrong: {}{}\n", where == "input" || where == "logits" ? "" : "layer ",
                       where);
    for (size_t i = 0; i < report.steps.size(); ++i)
        out += step_line(report.steps[i], report.first_wrong_step == i);
    if (!report.steps.empty() && !report.first_wrong_step)
        out += "  no single step: errors grow from step to step\n";
    return out;
}

}  // namespace m2w::tools
