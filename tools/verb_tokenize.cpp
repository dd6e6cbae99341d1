// verb_tokenize.cpp — m2w tokenize: text to ids, for tests (JSON lines) and for people.
#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "chat/terminal.h"
#include "gguf/file.h"
#include "tokenizer/tokenizer.h"
#include "tools/model_argument.h"
#include "tools/verbs.h"

namespace m2w::tools {
namespace {

using Json = nlohmann::ordered_json;

Error bad_line(const std::string& what) {
    return {Category::usage, what};
}

Result<std::string> bytes_of_hex(const std::string& hex) {
    std::string bytes;
    if (hex.size() % 2 != 0) return bad_line("\"hex\": expected pairs of digits");
    for (size_t i = 0; i < hex.size(); i += 2) {
        unsigned value = 0;
        const auto parsed = std::from_chars(&hex[i], &hex[i] + 2, value, 16);
        if (parsed.ptr != &hex[i] + 2)
            return bad_line(fmt::format("\"hex\": \"{}\" is no byte", hex.substr(i, 2)));
        bytes += char(value);
    }
    return bytes;
}

Result<std::string> text_of(const Json& record) {
    for (const char* key : {"text", "hex"}) {
        const auto found = record.find(key);
        if (found == record.end()) continue;
        if (!found->is_string()) return bad_line(fmt::format("\"{}\": expected a string", key));
        const std::string value = *found;
        if (std::string_view(key) == "text") return value;
        return bytes_of_hex(value);
    }
    return bad_line("expected \"text\" or \"hex\"");
}

Result<bool> flag_of(const Json& record, const char* key, bool fallback) {
    const auto found = record.find(key);
    if (found == record.end()) return fallback;
    if (!found->is_boolean()) return bad_line(fmt::format("\"{}\": expected a bool", key));
    return found->get<bool>();
}

std::string hex_of(std::string_view bytes) {
    if (bytes.empty()) return "-";
    std::string out;
    for (unsigned char c : bytes) out += fmt::format("{:02x}", c);
    return out;
}

Result<void> answer_record(const Tokenizer& tokenizer, const std::string& line,
                           EncodeOptions options) {
    const Json record = Json::parse(line, nullptr, false);
    if (!record.is_object()) return bad_line("expected a JSON object");
    TRY(const std::string text, text_of(record));
    TRY(options.add_special, flag_of(record, "add_special", options.add_special));
    TRY(options.parse_special, flag_of(record, "parse_special", options.parse_special));
    TRY(const auto ids, tokenizer.encode(text, options));
    std::string pieces;
    for (uint32_t id : ids) pieces += (pieces.empty() ? "" : " ") + hex_of(tokenizer.piece(id));
    Json out;
    if (record.contains("id")) out["id"] = record["id"];
    out["ids"] = ids;
    out["pieces_hex"] = pieces;
    return print(out.dump(-1, ' ', true) + "\n");
}

/// A piece for people: nothing that a terminal would obey, newlines seen as such.
std::string shown(std::string_view piece) {
    std::string text = escape_for_terminal(piece);
    for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2)
        text.replace(at, 1, "\\n");
    return text;
}

/// The text in its pieces: in turn on five backgrounds on a terminal, with bars between them
/// elsewhere. Lines end where the text's do.
Result<void> show_pieces(const Tokenizer& tokenizer, const std::string& text,
                         EncodeOptions options) {
    TRY(const auto ids, tokenizer.encode(text, options));
    constexpr std::string_view kBackgrounds[] = {"44", "42", "45", "46", "41"};
    const bool color = wants_color(stdout);
    std::string out;
    for (size_t i = 0; i < ids.size(); i++) {
        const std::string_view piece = tokenizer.piece(ids[i]);
        if (color)
            out += fmt::format("\x1b[97;{}m{}\x1b[0m", kBackgrounds[i % std::size(kBackgrounds)],
                               shown(piece));
        else
            out += (i ? "|" : "") + shown(piece);
        if (piece.ends_with('\n')) out += '\n';
    }
    return print(out + fmt::format("\n{} tokens\n", ids.size()));
}

/// One line a token: the id and its text.
Result<void> list(const Tokenizer& tokenizer, const std::string& text, EncodeOptions options) {
    TRY(const auto ids, tokenizer.encode(text, options));
    std::string out;
    for (uint32_t id : ids) out += fmt::format("{:>7}  {}\n", id, shown(tokenizer.piece(id)));
    return print(out + fmt::format("{} tokens\n", ids.size()));
}

}  // namespace

Result<void> tokenize(const Args& args) {
    CLI::App app("Shows the tokens of a text. Any file with a vocabulary will do.", "m2w tokenize");
    std::string model, text;
    bool jsonl = false, no_special = false, show = false;
    EncodeOptions options;
    ModelAccess access;
    app.add_option("-m,--model", model, kModelHelp)->required();
    add_access_options(app, access);
    app.add_flag("--jsonl", jsonl,
                 "JSON lines {id, text or hex, add_special, parse_special} from standard input, "
                 "{id, ids, pieces_hex} out");
    app.add_flag("--show", show, "the text in its pieces, coloured on a terminal")
        ->excludes("--jsonl");
    app.add_flag("--no-special", no_special, "no begin or end token, whatever the file asks for");
    app.add_flag("--parse-special", options.parse_special,
                 "texts of control tokens become those tokens");
    auto* given = app.add_option("text", text, "the text; without it, standard input");
    TRY(const bool go_on, parse(app, args));
    if (!go_on) return {};
    options.add_special = !no_special;
    if (jsonl && given->count() > 0)
        return Error{Category::usage, "--jsonl reads standard input, not an argument"};

    TRY(const auto file, open_model(model, access, Reads::header));
    TRY(const auto tokenizer, Tokenizer::from(*file));
    if (jsonl)
        return for_each_input_line(
            [&](const std::string& line) { return answer_record(*tokenizer, line, options); });
    if (given->count() == 0) {
        TRY(text, read_all("-", kMaxEncodeBytes));
    }
    return show ? show_pieces(*tokenizer, text, options) : list(*tokenizer, text, options);
}

}  // namespace m2w::tools
