// kernel_table.h — the kernels that a Plan's Steps take on the devices that a page may find,
// printed once each. Chooses none: it asks.
#pragma once
#include <functional>
#include <map>
#include <string>

#include "web-export/script_text.h"
#include "web-export/web_step.h"

namespace m2w::web {

/// web_kernels(), or what a test has in its place.
using KernelSource =
    std::function<Result<std::vector<WebKernel>>(const Step& step, const WebContext& context)>;

class KernelTable {
  public:
    explicit KernelTable(KernelSource source) : source_(std::move(source)) {}

    /// The name of the constant that holds the kernels of a Step, for a piece of its weight where
    /// it has one. Steps with the same kernels and sizes share it. Errors: those of the source.
    Result<std::string> name_of(const Plan& plan, const Step& step, const WebWeight& weight);

    /// `const NAME = ...;`, a kernel a line. They are printed for a function with the variables
    /// cpu, subgroups, halfCache and d (dispatches.ts).
    const std::string& declarations() const { return declarations_; }
    /// WGSL by the names of the modules.
    const std::map<std::string, std::string>& modules() const { return modules_; }

  private:
    Result<std::string> variant(const Plan& plan, const Step& step, WebContext context);
    Result<std::string> pair(const Plan& plan, const Step& step, const WebContext& context);
    Result<std::string> by_device(const Plan& plan, const Step& step, WebContext context);

    KernelSource source_;
    ScriptNames names_;
    std::map<std::string, std::string> name_of_text_, modules_;
    std::string declarations_;
};

}  // namespace m2w::web
