// wgsl.cpp — the line preprocessor, the printed interface, and the removal of unused declarations.
#include "kernels/wgsl.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "gguf/result.h"
#include "kernels/push_layout.h"

namespace m2w {
namespace {

using Defines = std::map<std::string, std::string, std::less<>>;
using Lines = std::vector<std::string_view>;

bool is_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

Lines split_lines(std::string_view text) {
    Lines lines;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

std::string_view without_comment(std::string_view line) {
    line = line.substr(0, line.find("//"));
    const size_t last = line.find_last_not_of(' ');
    return last == std::string_view::npos ? std::string_view() : line.substr(0, last + 1);
}

/// Values of a loop: those of a list, or 0 .. n - 1.
std::vector<std::string> loop_values(std::string_view list) {
    std::vector<std::string> values;
    if (list.find_first_not_of("0123456789") == std::string_view::npos) {
        for (int i = 0; i < std::stoi(std::string(list)); ++i) values.push_back(std::to_string(i));
        return values;
    }
    while (!list.empty()) {
        const size_t end = std::min(list.find(','), list.size());
        values.emplace_back(list.substr(0, end));
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return values;
}

class Preprocessor {
  public:
    std::string run(std::string_view file, const Defines& defines) {
        include(file, defines);
        return std::move(out_);
    }

  private:
    void include(std::string_view name, const Defines& defines) {
        const auto files = wgsl_files();
        const auto file = std::find_if(files.begin(), files.end(),
                                       [&](const WgslFile& f) { return f.name == name; });
        M2W_ASSERT(file != files.end());
        expand(split_lines(file->text), defines);
    }

    void expand(std::span<const std::string_view> lines, const Defines& defines) {
        for (size_t i = 0; i < lines.size(); ++i) {
            const std::string line = substitute(without_comment(lines[i]), defines);
            if (line.starts_with("#include")) {
                const size_t from = line.find('"') + 1;
                include(std::string_view(line).substr(from, line.rfind('"') - from), defines);
            } else if (line.starts_with("#if ")) {
                i = choose(lines, i, line.substr(4), defines);
            } else if (line.starts_with("#repeat ")) {
                i = repeat(lines, i, line.substr(8), defines);
            } else if (!line.empty()) {
                out_ += line + "\n";
            }
        }
    }

    /// Index of the line that closes what begins at `first`, or of its #else.
    static size_t closing(std::span<const std::string_view> lines, size_t first,
                          std::string_view open, std::string_view close, bool or_else) {
        int depth = 0;
        for (size_t i = first; i < lines.size(); ++i) {
            if (lines[i].starts_with(open)) ++depth;
            if (lines[i].starts_with(close) && --depth == 0) return i;
            if (or_else && depth == 1 && lines[i].starts_with("#else")) return i;
        }
        M2W_ASSERT(false && "a block of kernels/wgsl is not closed");
        return lines.size();
    }

    size_t choose(std::span<const std::string_view> lines, size_t first, std::string_view condition,
                  const Defines& defines) {
        const bool negated = condition.starts_with('!');
        const bool holds = defines.contains(condition.substr(negated)) != negated;
        const size_t end = closing(lines, first, "#if ", "#endif", false);
        const size_t middle = closing(lines, first, "#if ", "#endif", true);
        if (holds)
            expand(lines.subspan(first + 1, middle - first - 1), defines);
        else if (middle != end)
            expand(lines.subspan(middle + 1, end - middle - 1), defines);
        return end;
    }

    size_t repeat(std::span<const std::string_view> lines, size_t first, std::string_view what,
                  const Defines& defines) {
        const size_t space = what.find(' ');
        const size_t end = closing(lines, first, "#repeat ", "#endrepeat", false);
        for (const std::string& value : loop_values(what.substr(space + 1))) {
            Defines inner = defines;
            inner[std::string(what.substr(0, space))] = value;
            expand(lines.subspan(first + 1, end - first - 1), inner);
        }
        return end;
    }

    static std::string substitute(std::string_view line, const Defines& defines) {
        std::string out;
        while (true) {
            const size_t dollar = line.find('$');
            out += line.substr(0, dollar);
            if (dollar == std::string_view::npos) return out;
            line.remove_prefix(dollar + 1);
            const bool braces = line.starts_with('{');
            // Without braces digits do not belong to the name: "w$r_0".
            const auto belongs = [&](char c) {
                return braces ? c != '}' : std::isalpha(static_cast<unsigned char>(c)) != 0;
            };
            size_t end = braces;
            while (end < line.size() && belongs(line[end])) ++end;
            const auto value = defines.find(line.substr(braces, end - braces));
            M2W_ASSERT(value != defines.end());
            out += value->second;
            line.remove_prefix(end + braces);
        }
    }

    std::string out_;
};

std::string element_type(const Binding& binding, const WgslVariant& variant) {
    switch (binding.kind) {
        case Bind::activation:
            return variant.vec4_bindings.contains(binding.name) ? "vec4f" : "f32";
        case Bind::vector:
        case Bind::state:
            return "f32";
        case Bind::cache:
            if (variant.vec4_bindings.contains(binding.name))
                return variant.defines.contains("CACHE_F16") ? "vec2u" : "vec4f";
            return variant.defines.contains("CACHE_F16") ? "u32" : "f32";
        case Bind::weight:
        case Bind::constant:
        case Bind::tokens:
        case Bind::none:
            break;
    }
    return "u32";
}

/// Bindings and params, in the names of the contract.
std::string interface_of(const WgslVariant& variant) {
    const OpInfo& info = op_info(variant.op);
    std::string out;
    for (size_t i = 0; i < variant.bindings.size(); ++i) {
        const Binding& binding = info.bindings[variant.bindings[i]];
        if (binding.kind == Bind::vector && variant.uniform_vec4s) {
            out += fmt::format("@group(0) @binding({}) var<uniform> {}: array<vec4f, {}>;\n", i + 1,
                               binding.name, variant.uniform_vec4s);
            continue;
        }
        out += fmt::format("@group(0) @binding({}) var<storage, {}> {}: array<{}>;\n", i + 1,
                           binding.mode == Mode::in ? "read" : "read_write", binding.name,
                           element_type(binding, variant));
    }
    if (variant.scratch)
        out += fmt::format("@group(0) @binding({}) var<storage, read_write> scratch: array<{}>;\n",
                           variant.bindings.size() + 1,
                           variant.vec4_bindings.contains("scratch") ? "vec4f" : "u32");
    for (uint32_t i = 0; i < info.n_params(); ++i)
        out += fmt::format("override {}: {};\n", info.params[i].name,
                           info.params[i].type == ParamType::u32 ? "u32" : "f32");
    if (has_binding(info, Bind::weight)) out += "override w_row0: u32;\noverride w_rows: u32;\n";
    return out;
}

/// A declaration of a module.
struct Item {
    std::string_view text;
    std::string_view keyword, name;  // empty: a directive, which stays
    std::vector<std::string_view> words;
};

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    for (size_t i = 0; i < text.size();) {
        size_t end = i;
        while (end < text.size() && is_name(text[end])) ++end;
        if (end > i) words.push_back(text.substr(i, end - i));
        i = std::max(end, i + 1);
    }
    return words;
}

Item make_item(std::string_view text) {
    constexpr std::string_view kKeywords[] = {"fn", "struct", "alias", "const", "override", "var"};
    Item item{.text = text, .keyword = {}, .name = {}, .words = words_of(text)};
    for (size_t i = 0; i + 1 < item.words.size() && item.keyword.empty(); ++i)
        if (std::find(std::begin(kKeywords), std::end(kKeywords), item.words[i]) !=
            std::end(kKeywords)) {
            item.keyword = item.words[i];
            const auto is_space = [](std::string_view word) {
                return word == "storage" || word == "uniform" || word == "read" ||
                       word == "read_write" || word == "private" || word == "workgroup";
            };
            size_t at = i + 1;
            while (item.keyword == "var" && is_space(item.words[at])) ++at;
            item.name = item.words[at];
        }
    return item;
}

/// A declaration ends with the brace that closes it, or with a semicolon outside of braces.
std::vector<Item> split_items(std::string_view code) {
    std::vector<Item> items;
    int depth = 0;
    size_t first = 0;
    for (size_t i = 0; i < code.size(); ++i) {
        if (code[i] == '{') ++depth;
        const bool closed = code[i] == '}' && --depth == 0;
        if (!closed && !(code[i] == ';' && depth == 0)) continue;
        items.push_back(make_item(code.substr(first, i + 1 - first)));
        first = i + 1 < code.size() && code[i + 1] == '\n' ? i + 2 : i + 1;
    }
    return items;
}

/// Keeps what `main` needs, in the order of the text.
WgslModule keep_used(std::string_view code) {
    const std::vector<Item> items = split_items(code);
    std::set<std::string_view> used{"main"};
    std::vector<bool> kept(items.size());
    for (bool grew = true; grew;) {
        grew = false;
        for (size_t i = 0; i < items.size(); ++i) {
            if (kept[i] || (!items[i].name.empty() && !used.contains(items[i].name))) continue;
            kept[i] = grew = true;
            used.insert(items[i].words.begin(), items[i].words.end());
        }
    }
    WgslModule module;
    for (size_t i = 0; i < items.size(); ++i) {
        if (!kept[i]) continue;
        module.code += std::string(items[i].text) + "\n";
        if (items[i].keyword == "override" && items[i].text.find('=') == std::string_view::npos)
            module.overrides.emplace_back(items[i].name);
    }
    return module;
}

}  // namespace

WgslModule assemble_wgsl(const WgslVariant& variant) {
    std::string code;
    if (variant.defines.contains("SUBGROUP") || variant.defines.contains("FOURS"))
        code += "enable subgroups;\ndiagnostic(off, subgroup_uniformity);\n";
    code += interface_of(variant);
    code += Preprocessor().run("common.wgsl", variant.defines);
    code += Preprocessor().run(std::string(variant.body) + ".wgsl", variant.defines);
    WgslModule module = keep_used(code);
    module.code =
        fmt::format("// {}: {}\n", variant.body, op_info(variant.op).formula) + module.code;
    return module;
}

}  // namespace m2w
