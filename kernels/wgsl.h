// wgsl.h — puts WGSL modules together: the interface printed from an op's contract, then a body of
// kernels/wgsl with what it includes, less what it does not use. Knows no Step and no grid.
#pragma once
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/ops.h"

namespace m2w {

/// A file of kernels/wgsl.
struct WgslFile {
    std::string_view name;  // "load_q8_0.wgsl"
    std::string_view text;
};

/// All of them, sorted by name.
std::span<const WgslFile> wgsl_files();

/// What a module is made from. Files are read line by line; lines that begin with # say:
///   #include "FILE"
///   #if NAME or #if !NAME, #else, #endif       whether the name is defined
///   #repeat NAME LIST, #endrepeat                 once for each of a,b,c, or for 0 .. n - 1 of a
///   number
/// and $NAME or ${NAME} stands for its value. Comments are left out.
struct WgslVariant {
    Op op = Op::count;
    std::string_view body;           // kernels/wgsl/<body>.wgsl
    std::vector<uint32_t> bindings;  // of the contract, those declared: from @binding(1) on
    bool scratch = false;            // a buffer behind them, array<u32> scratch: read and written
    std::set<std::string_view> vec4_bindings;  // activations and caches, four values at a time;
                                               // scratch: array<vec4f>
    uint64_t uniform_vec4s = 0;  // not 0: vectors are uniform buffers of so many four values
    std::map<std::string, std::string, std::less<>> defines;
};

struct WgslModule {
    std::string code;
    std::vector<std::string> overrides;  // that a pipeline must give values
};

WgslModule assemble_wgsl(const WgslVariant& variant);

}  // namespace m2w
