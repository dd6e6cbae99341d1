// package_printer.cpp — copies the skeleton with the model's names in it, and adds what is printed.
#include "web-export/package_printer.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>

#include "chat/answer/detect.h"
#include "chat/template.h"
#include "gguf/sha256.h"
#include "tokenizer/tokenizer.h"
#include "web-export/answer_printer.h"
#include "web-export/package_texts.h"
#include "web-export/template_printer.h"
#include "web-export/tokenizer_printer.h"

namespace m2w::web {
namespace {

constexpr size_t kMaxNameBytes = 214;  // npm's limit
// The bars of web-export/README.md: f32 sums in another order than the reference's.
constexpr double kTolerance = 1e-4;

bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/// What a file calls itself goes into HTML, JSON and Markdown: only what is harmless in all.
std::string plain_title(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, 80)) {
        const bool fit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == ' ' || c == '.' || c == '-' || c == '+';
        if (fit || c == '_') out += c == '_' ? ' ' : c;
    }
    return out.empty() ? "A language model" : out;
}

std::string title_of(const Model& model) {
    const auto name = model.file().find_string("general.name");
    return plain_title(name && *name ? std::string_view(**name) : std::string_view());
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at))
        text.replace(at, what.size(), with), at += with.size();
}

/// For a person: "7.3M parameters, 8 layers, a context of 2048".
std::string facts_line(const Model& model) {
    const double millions = double(model.n_params()) / 1e6;
    const std::string size = millions < 1000
                                 ? fmt::format("{:.{}f}M", millions, millions < 10 ? 1 : 0)
                                 : fmt::format("{:.1f}B", millions / 1000);
    return fmt::format("{} parameters, {} layers, a context of {}", size,
                       model.plan().taps.size() - 1, model.plan().context_length);
}

constexpr std::string_view kNoChat =
    "// chat.ts — this model has no chat template. Printed by m2w export.\n\n"
    "export const render = undefined;\n";

/// chat.ts and forms.ts: what the model's chat template renders, and how answers are read.
Result<std::vector<PackageFile>> print_conversation(const gguf::File& file,
                                                    const Tokenizer& tokenizer) {
    TRY(const auto standard, file.find_string("tokenizer.chat_template"));
    TRY(const auto* further, file.find_strings("tokenizer.chat_templates"));
    if (!standard && !further)
        return std::vector<PackageFile>{{"src/chat.ts", std::string(kNoChat)},
                                        {"src/forms.ts", print_answer_forms({})}};
    TRY(const auto chat_template, ChatTemplate::from(file));
    TRY(const auto plain, jinja::Template::parse(chat_template.source(false)));
    TRY(const auto with_tools, jinja::Template::parse(chat_template.source(true)));
    const bool two = chat_template.source(false) != chat_template.source(true);
    TRY(std::string chat, print_chat(plain, two ? &with_tools : nullptr));
    const auto forms = detect_answer_forms(chat_template, [&](std::string_view text) {
        const auto ids = tokenizer.encode(text, {.add_special = false, .parse_special = true});
        return ids && ids->size() == 1;
    });
    return std::vector<PackageFile>{{"src/chat.ts", std::move(chat)},
                                    {"src/forms.ts", print_answer_forms(forms.format)}};
}

/// Whether a file of web-export/package belongs to a package: of tokenizers only the model's kind.
bool belongs(std::string_view path, std::span<const std::string_view> tokenizer_parts) {
    constexpr std::string_view kFolder = "src/tokenizer/", kEnding = ".ts";
    if (!path.starts_with(kFolder)) return true;
    path = path.substr(kFolder.size(), path.size() - kFolder.size() - kEnding.size());
    return std::ranges::find(tokenizer_parts, path) != tokenizer_parts.end();
}

/// Leaves of dtypes.ts the lines of a model's types.
std::string keep_types(const std::string& dtypes, const gguf::File& file) {
    constexpr std::string_view kLine = "  '";
    std::string out;
    for (size_t begin = 0; begin < dtypes.size();) {
        const size_t end = dtypes.find('\n', begin) + 1;
        const std::string line = dtypes.substr(begin, end - begin);
        const bool kept = !line.starts_with(kLine) ||
                          std::ranges::any_of(file.tensors(), [&](const gguf::TensorInfo& tensor) {
                              const auto name = dtype_info(tensor.dtype).name;
                              return line.starts_with(fmt::format("{}{} ", kLine, name));
                          });
        if (kept) out += line;
        begin = end;
    }
    return out;
}

/// Of each part of the file before its data section, with commas. Errors: io.
Result<std::string> header_digests(const gguf::File& file) {
    std::string out;
    for (size_t i = 0; i < file.parts().size(); ++i) {
        std::vector<std::byte> header(file.data_offsets()[i]);
        TRY(file.parts()[i]->read(0, header));
        if (i > 0) out += ',';
        out += sha256_hex(header);
    }
    return out;
}

/// Where a file of web-export/package goes in a package.
std::string place_of(std::string_view path) {
    for (const std::string_view folder : {"skeleton/", "pages/"})
        if (path.starts_with(folder)) return std::string(path.substr(folder.size()));
    return std::string(path);
}

}  // namespace

bool is_package_name(std::string_view name) {
    return !name.empty() && name.size() <= kMaxNameBytes && name[0] != '.' && name[0] != '_' &&
           std::all_of(name.begin(), name.end(), is_name_char);
}

std::string package_name_of(std::string_view file_name) {
    if (file_name.ends_with(".gguf")) file_name.remove_suffix(5);
    std::string out;
    for (const char c : file_name.substr(0, 100)) {
        const char lower = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
        out += is_name_char(lower) ? lower : '-';
    }
    out.erase(0, std::min(out.find_first_not_of("._-"), out.size()));
    return (out.empty() ? "model" : out) + "-webgpu";
}

Result<std::vector<PackageFile>> print_package(const Model& model, const Plan& plan,
                                               const PackageOptions& options,
                                               const KernelSource& kernels) {
    const std::string title = title_of(model);
    TRY(std::string headers, header_digests(model.file()));
    const EngineFacts facts{title, model.n_params(), sha256_hex(model.plan().print()),
                            std::move(headers)};
    TRY(PrintedEngine engine, print_engine(plan, facts, options.engine, kernels));
    TRY(const auto tokenizer, Tokenizer::from(model.file()));
    TRY(std::string tokenizer_ts, tokenizer_module(model.file()));
    TRY(const auto tokenizer_parts, tokenizer_sources(model.file()));
    TRY(std::vector<PackageFile> files, print_conversation(model.file(), *tokenizer));
    files.push_back({"src/engine.ts", std::move(engine.engine_ts)});
    files.push_back({"src/shaders.ts", std::move(engine.shaders_ts)});
    files.push_back({"src/tokenizer.ts", std::move(tokenizer_ts)});

    // From dist/index.js, where a page gives no other address.
    std::string weights = options.base_url.empty() ? "../models/weights/" : options.base_url;
    if (!weights.ends_with('/')) weights += '/';
    for (const PackageText& embedded : package_texts()) {
        if (!belongs(embedded.path, tokenizer_parts)) continue;
        std::string text(embedded.text);
        if (embedded.path == "src/dtypes.ts") text = keep_types(text, model.file());
        replace_all(text, "\"m2w-package\"", fmt::format("\"{}\"", options.name));
        replace_all(text, "{{package}}", options.name);
        replace_all(text, "{{name}}", title);
        replace_all(text, "{{facts}}", facts_line(model));
        replace_all(text, "{{weights}}", weights);
        files.push_back({place_of(embedded.path), std::move(text)});
    }
    std::sort(files.begin(), files.end(),
              [](const PackageFile& a, const PackageFile& b) { return a.path < b.path; });
    return files;
}

std::vector<PackageFile> print_activations(const Activations& activations) {
    static_assert(std::endian::native == std::endian::little, "files are little-endian");
    const auto bytes = [](std::span<const float> values) {
        return std::string(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    };
    std::vector<PackageFile> files;
    nlohmann::ordered_json json{{"prompt", activations.prompt},
                                {"add_special", activations.add_special},
                                {"prompt_ids", activations.prompt_ids},
                                {"greedy_ids", activations.greedy_ids},
                                {"hidden", nlohmann::ordered_json::array()},
                                {"logits", "logits.bin"},
                                {"atol", kTolerance},
                                {"rtol", kTolerance}};
    for (size_t i = 0; i < activations.hidden.size(); ++i) {
        files.push_back({fmt::format("hidden-{:02}.bin", i), bytes(activations.hidden[i])});
        json["hidden"].push_back(files.back().path);
    }
    files.push_back({"logits.bin", bytes(activations.logits)});
    files.push_back(
        {"activations.json",
         json.dump(2, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n"});
    return files;
}

}  // namespace m2w::web
