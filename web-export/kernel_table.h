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

/// Where a Step stands: by itself, among those that a short cut is taken for, or as that short cut.
struct StepPlace {
    const Step* cut = nullptr;  // nullptr: by itself
    WebWeight cut_weight{};     // a piece of the short cut's
    bool is_cut = false;
};

/// What kernels on CPU adapters have a scratch buffer for, in words: one row, or each of several.
struct ScratchWords {
    uint64_t one = 0, row = 0;
    bool any() const { return one != 0 || row != 0; }
};

/// Constants of engine.ts for a Step; none where a short cut is taken by no adapter. `rounding` is
/// the kernel that rounds x to 8 bits before it, for CPU adapters, where the Step can take such
/// activations and does not round them itself.
struct KernelNames {
    std::string kernels, rounding{};
    bool takes_int8 = false;
    ScratchWords scratch{};
};

/// Arguments of perToken() and perOutput() (dispatches.ts): what is done with each of the Step's
/// buffers, constants, and kernels for one row and for several.
struct PrintedKernels {
    std::string io, set, list;  // without kernels ("[]") the others may be empty
};

class KernelTable {
  public:
    explicit KernelTable(KernelSource source) : source_(std::move(source)) {}

    /// The names of the constants that hold the kernels of a Step, for a piece of its weight where
    /// it has one. Steps with the same kernels and sizes share them. An adapter takes the short
    /// cuts that the source has kernels for; then these are those of one row, and the Steps that
    /// they stand for have kernels for several alone. Errors: those of the source.
    Result<KernelNames> names_of(const Plan& plan, const Step& step, const WebWeight& weight,
                                 const StepPlace& place = {});

    /// `const NAME = ...;`, a kernel a line. They are printed for a function with the variables
    /// int8, cpu, subgroups, halfCache and d (dispatches.ts).
    const std::string& declarations() const { return declarations_; }
    /// WGSL by the names of the modules.
    const std::map<std::string, std::string>& modules() const { return modules_; }

  private:
    /// A constant with this text: one that there is, or a new one of this name.
    std::string declare(const std::string& text, const std::string& name);
    std::string print_kernel(const WebKernel& kernel);
    Result<PrintedKernels> variant(const Step& step, const WebContext& context);
    Result<PrintedKernels> pair(const Step& step, const StepPlace& place,
                                const WebContext& context);
    Result<ScratchWords> scratch_of(const Step& step, const StepPlace& place, WebContext context);
    Result<PrintedKernels> by_device(const Step& step, const StepPlace& place, WebContext context);

    KernelSource source_;
    ScriptNames names_;
    std::map<std::string, std::string> name_of_text_, modules_;
    std::string declarations_;
};

}  // namespace m2w::web
