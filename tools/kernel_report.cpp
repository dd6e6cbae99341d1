// kernel_report.cpp — names to rows of the tables, verdicts to lines.
#include "tools/kernel_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>

#include "chat/terminal.h"
#include "runtime/kernel_check/kernel_check.h"

namespace m2w::tools {
namespace {

using Json = nlohmann::ordered_json;
using op_check::KernelReport;
using op_check::KernelVerdict;

Result<std::vector<Op>> find_ops(const std::vector<std::string>& names) {
    std::vector<Op> out;
    for (const std::string& name : names) {
        const auto all = all_ops();
        const auto at = std::find_if(all.begin(), all.end(),
                                     [&](const OpInfo& info) { return info.name == name; });
        if (at == all.end())
            return Error{Category::usage,
                         fmt::format("--op: no op is called \"{}\"; docs/ops.md lists them", name)};
        out.push_back(at->op);
    }
    return out;
}

Result<std::vector<DType>> find_types(const std::vector<std::string>& names) {
    std::vector<DType> out;
    for (const std::string& name : names) {
        std::string lower = name;
        std::transform(lower.begin(), lower.end(), lower.begin(),
                       [](unsigned char c) { return char(std::tolower(c)); });
        const auto all = op_check::weight_types();
        const auto at = std::find_if(all.begin(), all.end(), [&](DType dtype) {
            return op_check::type_name(dtype) == lower;
        });
        if (at == all.end())
            return Error{Category::usage,
                         fmt::format("--type: no kernel reads \"{}\"; docs/models.md lists the "
                                     "weight types",
                                     name)};
        out.push_back(*at);
    }
    return out;
}

size_t n_off(const KernelReport& report) {
    return size_t(std::count_if(report.kernels.begin(), report.kernels.end(),
                                [](const KernelVerdict& kernel) { return !kernel.ok(); }));
}

std::string text_of(const KernelReport& report) {
    std::string text = fmt::format("{:<14}{:<24}{:>8}{:>11}{:>11}\n", "op", "kernel", "results",
                                   "error", "allowed");
    for (const KernelVerdict& kernel : report.kernels) {
        text += fmt::format("{:<14}{:<24}{:>8}{:>11.2e}{:>11.2e}  {}\n", op_info(kernel.op).name,
                            kernel.kernel, kernel.n_results, kernel.relative_error,
                            kernel.tolerance, kernel.ok() ? "ok" : "OFF");
        if (!kernel.ok()) text += fmt::format("  {}\n", kernel.problem);
    }
    text += report.ok()
                ? fmt::format("good: all {} kernels", report.kernels.size())
                : fmt::format("off: {} of {} kernels", n_off(report), report.kernels.size());
    return text + fmt::format(" on {}, driver {}\n", report.device, report.driver);
}

Json json_of(const KernelReport& report) {
    Json out{{"device", report.device},
             {"driver", report.driver},
             {"ok", report.ok()},
             {"kernels", Json::array()}};
    for (const KernelVerdict& kernel : report.kernels) {
        const double error = kernel.relative_error;  // JSON knows no infinity
        out["kernels"].push_back({{"kernel", kernel.kernel},
                                  {"op", op_info(kernel.op).name},
                                  {"results", kernel.n_results},
                                  {"relative_error", std::isfinite(error) ? Json(error) : nullptr},
                                  {"tolerance", kernel.tolerance},
                                  {"ok", kernel.ok()}});
        if (!kernel.ok()) out["kernels"].back()["problem"] = kernel.problem;
    }
    return out;
}

}  // namespace

Result<Verdict> verify_kernels_of(const std::vector<std::string>& devices,
                                  const std::vector<std::string>& ops,
                                  const std::vector<std::string>& types, bool json) {
    op_check::KernelCheckOptions options;
    TRY(options.ops, find_ops(ops));
    TRY(options.types, find_types(types));
    Json list = Json::array();
    std::string text;
    bool good = true;
    for (const std::string& device : devices) {
        options.device = device;
        TRY(const KernelReport report, op_check::verify_kernels(options));
        good = good && report.ok();
        list.push_back(json_of(report));
        text += (text.empty() ? "" : "\n") + text_of(report);
    }
    TRY(print(json ? Json{{"devices", list}}.dump(2, ' ', true, Json::error_handler_t::replace) +
                         "\n"
                   : escape_for_terminal(text)));
    return good ? Verdict::good : Verdict::different;
}

}  // namespace m2w::tools
