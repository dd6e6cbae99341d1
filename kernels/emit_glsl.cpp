// emit_glsl.cpp — build tool: prints the GLSL interface header of every op from the contract table.
// usage: emit_glsl OUT_DIR, which gets <op>.glsl for each op
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "kernels/ops.h"
#include "kernels/push_layout.h"

namespace m2w {
namespace {

std::string binding_type(const Binding& binding) {
    switch (binding.kind) {
        case Bind::activation:
        case Bind::state:
            return binding.mode == Mode::in ? "F32In" : "F32Out";
        case Bind::vector:
            return "F32In";
        case Bind::constant:
        case Bind::tokens:
            return "U32In";
        case Bind::cache:
            return binding.mode == Mode::in ? "CacheIn" : "CacheOut";
        case Bind::weight:
        case Bind::none:
            break;
    }
    return "";
}

std::string header(const OpInfo& info) {
    std::string out =
        "// " + std::string(info.name) + ".glsl - generated from kernels/ops.cpp, do not edit.\n";
    out += "// " + std::string(info.formula) + "\n";
    std::string addresses, weight_rows, params, constants;
    for (uint32_t i = 0; i < info.n_bindings(); ++i) {
        const Binding& b = info.bindings[i];
        const std::string name(b.name),
            note = "  // " + std::string(b.mode == Mode::in ? "in  " : "out ") +
                   std::string(b.shape) + (b.optional ? ", may be absent (address 0)" : "") + "\n";
        if (b.kind == Bind::weight) {
            for (uint32_t plane = 0; plane < kWeightPlanes; ++plane)
                addresses +=
                    "    uvec2 " + name + std::to_string(plane) + ";" + (plane ? "\n" : note);
            weight_rows += "    uint " + name + "_row0;  // first row of this piece of " + name +
                           "\n    uint " + name + "_rows;\n";
        } else if (b.optional) {
            addresses +=
                "    uvec2 " + name + ";" + note;  // a reference type cannot be compared with null
        } else {
            addresses += "    " + binding_type(b) + " " + name + ";" + note;
        }
    }
    if (has_binding(info, Bind::cache))
        weight_rows += "    uint n_rows;  // of the caches; position p is in row p mod n_rows\n";
    for (uint32_t i = 0; i < info.n_params(); ++i) {
        const std::string declared = (info.params[i].type == ParamType::u32 ? "uint " : "float ") +
                                     std::string(info.params[i].name);
        if (info.params[i].constant)
            constants += "layout(constant_id = " + std::to_string(kParamConstants + i) +
                         ") const " + declared + " = 0;\n";
        else
            params += "    " + declared + ";\n";
    }
    out +=
        "layout(push_constant, std430) uniform Push {\n    Dynamic dynamic;\n    uint rows;\n    "
        "uint n_tok;\n" +
        addresses + weight_rows + params + "} p;\n" + constants;
    return out;
}

/// A header that stays as it is keeps its time, so that no kernel is compiled again.
bool is_there(const std::filesystem::path& path, const std::string& text) {
    std::ifstream in(path);
    const std::string found{std::istreambuf_iterator<char>(in), {}};
    return in && found == text;
}

}  // namespace
}  // namespace m2w

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: emit_glsl OUT_DIR\n", stderr);
        return 1;
    }
    for (const m2w::OpInfo& info : m2w::all_ops()) {
        const auto path = std::filesystem::path(argv[1]) / (std::string(info.name) + ".glsl");
        const std::string text = m2w::header(info);
        if (m2w::is_there(path, text)) continue;
        std::ofstream out(path);
        out << text;
        if (!out.flush()) {
            std::fprintf(stderr, "emit_glsl: cannot write to %s\n", argv[1]);
            return 1;
        }
    }
    return 0;
}
