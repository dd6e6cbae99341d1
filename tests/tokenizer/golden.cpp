// golden.cpp — the helpers of golden.h.
#include "tests/tokenizer/golden.h"

#include <openssl/sha.h>

#include <map>
#include <sstream>

#include "gguf/file.h"

namespace m2w::test {

std::filesystem::path vocab_path(std::string_view vocab) {
    return shared_dir() / "tokenizer/vocab" / ("ggml-vocab-" + std::string(vocab) + ".gguf");
}

std::shared_ptr<const Tokenizer> open_tokenizer(const std::filesystem::path& path) {
    auto file = gguf::File::open(path);
    if (!file) {
        ADD_FAILURE() << path << ": " << file.error().str();
        return nullptr;
    }
    auto tokenizer = Tokenizer::from(**file);
    if (!tokenizer) {
        ADD_FAILURE() << path << ": " << tokenizer.error().str();
        return nullptr;
    }
    return *tokenizer;
}

std::shared_ptr<const Tokenizer> open_vocab(std::string_view vocab) {
    static std::map<std::string, std::shared_ptr<const Tokenizer>, std::less<>> opened;
    if (const auto it = opened.find(vocab); it != opened.end()) return it->second;
    return opened.emplace(vocab, open_tokenizer(vocab_path(vocab))).first->second;
}

std::vector<Json> read_rows(const std::filesystem::path& path) {
    std::vector<Json> rows;
    std::istringstream lines(read_text(path));
    for (std::string line; std::getline(lines, line);) {
        if (!line.empty()) rows.push_back(Json::parse(line));
    }
    return rows;
}

std::optional<std::string> row_text(const Json& row) {
    if (row.contains("text")) return row["text"].get<std::string>();
    if (row.contains("hex")) return from_hex(row["hex"].get<std::string>());
    if (!row.contains("text_rle")) return std::nullopt;
    std::string text;
    for (const Json& run : row["text_rle"]) {
        for (int i = 0; i < run[1].get<int>(); i++) text += run[0].get<std::string>();
    }
    return text;
}

std::vector<EncodeOptions> row_options(const Json& row) {
    const auto values = [&](const char* name) {
        if (row[name] == "any") return std::vector{false, true};
        return std::vector{row[name].get<bool>()};
    };
    std::vector<EncodeOptions> options;
    for (const bool add : values("add_special")) {
        for (const bool parse : values("parse_special")) options.push_back({add, parse});
    }
    return options;
}

std::string from_hex(std::string_view hex) {
    std::string bytes;
    for (size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes += char(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    return bytes;
}

std::string to_hex(std::string_view bytes) {
    std::string hex;
    for (const char c : bytes) {
        hex += "0123456789abcdef"[uint8_t(c) >> 4];
        hex += "0123456789abcdef"[uint8_t(c) & 15];
    }
    return hex;
}

std::string sha256_hex(std::string_view bytes) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
    return to_hex({reinterpret_cast<const char*>(digest), sizeof digest});
}

std::string join(std::span<const uint32_t> ids) {
    std::string out;
    for (const uint32_t id : ids) {
        if (!out.empty()) out += ',';
        out += std::to_string(id);
    }
    return out;
}

std::vector<uint32_t> must_encode(const Tokenizer& tokenizer, std::string_view text,
                                  EncodeOptions options) {
    auto ids = tokenizer.encode(text, options);
    if (ids) return *std::move(ids);
    ADD_FAILURE() << ids.error().str();
    return {};
}

std::string all_bytes(const Tokenizer& tokenizer, std::span<const uint32_t> ids) {
    return tokenizer.decode(ids, /*render_special=*/true);
}

}  // namespace m2w::test
