// package_printer.h — all text files of a package: those printed from the model, and the
// hand-written ones around them. Writes none and runs no model.
#pragma once
#include <string>
#include <vector>

#include "runtime/model/model.h"
#include "web-export/engine_printer.h"

namespace m2w::web {

struct PackageFile {
    std::string path;  // below the package's folder
    std::string text;
};

struct PackageOptions {
    std::string name;      // of the package, as npm has them: "tiny-webgpu"
    std::string base_url;  // where the weights will be; empty: models/weights beside the page
    EngineOptions engine;
};

/// Whether npm takes it for the name of a package.
bool is_package_name(std::string_view name);
/// A name for the package of a model file: "Tiny-Q8_0.gguf" -> "tiny-q8_0-webgpu".
std::string package_name_of(std::string_view file_name);

/// The files, sorted by path, the same for the same arguments. plan: the model's, or one that
/// computes the same. Errors: those of print_engine(),
/// tokenizer_module() and print_chat().
Result<std::vector<PackageFile>> print_package(const Model& model, const Plan& plan,
                                               const PackageOptions& options,
                                               const KernelSource& kernels);

/// What the reference computed, for tests: activations.json and float32 files beside it.
struct Activations {
    std::string prompt;        // empty: only ids are known
    bool add_special = false;  // with the tokens that the model wants around a text
    std::vector<uint32_t> prompt_ids, greedy_ids;
    std::vector<std::vector<float>> hidden;  // [taps][tokens * width]
    std::vector<float> logits;               // [vocabulary], of the last token
};
std::vector<PackageFile> print_activations(const Activations& activations);

}  // namespace m2w::web
