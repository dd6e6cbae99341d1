// literal.cpp — a recursive descent with a bound on its depth. Python's literals: The Python
// Language Reference, 2.4 and 6.2.
#include "chat/answer/literal.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "chat/answer/json_scanner.h"
#include "chat/answer/marker.h"

namespace m2w {
namespace {

bool is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-' || uint8_t(c) >= 0x80;
}

void append_utf8(uint32_t code, std::string& out) {
    if (code >= 0xd800 && code < 0xe000) code = 0xfffd;  // half of a pair is no character
    if (code < 0x80) {
        out += char(code);
    } else if (code < 0x800) {
        out += {char(0xc0 | code >> 6), char(0x80 | (code & 0x3f))};
    } else {
        out +=
            {char(0xe0 | code >> 12), char(0x80 | (code >> 6 & 0x3f)), char(0x80 | (code & 0x3f))};
    }
}

/// Words that Python and JSON have for the same values.
struct Word {
    std::string_view text, json;
};
constexpr Word kWords[] = {{"true", "true"},   {"True", "true"}, {"false", "false"},
                           {"False", "false"}, {"null", "null"}, {"None", "null"}};

/// One backslash and what it stands for.
struct Escape {
    char written, meant;
};
constexpr Escape kEscapes[] = {{'n', '\n'}, {'t', '\t'},  {'r', '\r'}, {'b', '\b'}, {'f', '\f'},
                               {'"', '"'},  {'\'', '\''}, {'/', '/'},  {'\\', '\\'}};

/// Quotes; the longer ones before those that they begin with. Raw ones know no backslash.
struct Quote {
    std::string_view text;
    bool raw;
};
constexpr Quote kQuotes[] = {{"<|\"|>", true}, {"<escape>", true}, {"\"\"\"", false},
                             {"'''", false},   {"\"", false},      {"'", false}};

class Reader {
  public:
    explicit Reader(std::string_view text) : text_(text) {}

    bool at_end() {
        skip_space();
        return at_ == text_.size();
    }
    bool take(std::string_view token) {
        skip_space();
        if (!text_.substr(at_).starts_with(token)) return false;
        at_ += token.size();
        return true;
    }
    std::string_view take_name() {
        skip_space();
        const size_t begin = at_;
        while (at_ < text_.size() && is_name_byte(text_[at_])) ++at_;
        return text_.substr(begin, at_ - begin);
    }

    bool value(std::string& out);
    bool object(std::string& out);
    bool call(LiteralCall& out);
    bool calls(std::vector<LiteralCall>& out);

  private:
    struct Depth {
        explicit Depth(uint32_t& counter) : depth(counter) { ++depth; }
        ~Depth() { --depth; }
        uint32_t& depth;
    };

    void skip_space() {
        while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    }
    bool list(std::string_view close, std::string& out);
    bool string(const Quote& quote, std::string& out);
    bool escape(std::string& out);
    bool scalar(std::string& out);
    bool key(std::string& out);
    bool argument(LiteralCall& out);

    std::string_view text_;
    size_t at_ = 0;
    uint32_t depth_ = 0;
};

bool Reader::value(std::string& out) {
    const Depth depth(depth_);
    if (depth_ > JsonScanner::kMaxDepth) return false;
    skip_space();
    for (const Quote& quote : kQuotes) {
        if (!take(quote.text)) continue;
        std::string text;
        if (!string(quote, text)) return false;
        out += json_string(text);
        return true;
    }
    if (take("[")) return list("]", out);
    if (take("(")) return list(")", out);
    if (text_.substr(at_).starts_with("{")) return object(out);
    return scalar(out);
}

/// Behind the opening bracket.
bool Reader::list(std::string_view close, std::string& out) {
    out += '[';
    for (bool first = true; !take(close); first = false) {
        if (!first) {
            if (!take(",")) return false;
            if (take(close)) break;
            out += ", ";
        }
        if (!value(out)) return false;
    }
    out += ']';
    return true;
}

bool Reader::object(std::string& out) {
    if (!take("{")) return false;
    out += '{';
    for (bool first = true; !take("}"); first = false) {
        if (!first) {
            if (!take(",")) return false;
            if (take("}")) break;
            out += ", ";
        }
        if (!key(out) || !take(":")) return false;
        out += ": ";
        if (!value(out)) return false;
    }
    out += '}';
    return true;
}

bool Reader::key(std::string& out) {
    for (const Quote& quote : kQuotes) {
        if (!take(quote.text)) continue;
        std::string text;
        if (!string(quote, text)) return false;
        out += json_string(text);
        return true;
    }
    const size_t begin = at_;
    at_ = std::min(text_.find_first_of(":,{}[]()\"'", begin), text_.size());
    const std::string_view bare = trim_space(text_.substr(begin, at_ - begin));
    out += json_string(bare);
    return !bare.empty();
}

/// Behind the opening quote; its content without the quotes.
bool Reader::string(const Quote& quote, std::string& out) {
    while (at_ < text_.size()) {
        if (text_.substr(at_).starts_with(quote.text)) {
            at_ += quote.text.size();
            return true;
        }
        const char c = text_[at_++];
        if (c == '\\' && !quote.raw) {
            if (!escape(out)) return false;
        } else {
            out += c;
        }
    }
    return false;
}

bool Reader::escape(std::string& out) {
    if (at_ == text_.size()) return false;
    const char c = text_[at_++];
    for (const Escape& e : kEscapes)
        if (e.written == c) {
            out += e.meant;
            return true;
        }
    const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 0;
    if (digits == 0) {  // Python keeps a backslash that means nothing
        out += {'\\', c};
        return true;
    }
    if (text_.size() - at_ < digits) return false;
    uint32_t code = 0;
    for (size_t i = 0; i < digits; ++i) {
        const char h = text_[at_++];
        const int digit = h >= '0' && h <= '9'   ? h - '0'
                          : h >= 'a' && h <= 'f' ? h - 'a' + 10
                          : h >= 'A' && h <= 'F' ? h - 'A' + 10
                                                 : -1;
        if (digit < 0) return false;
        code = code * 16 + uint32_t(digit);
    }
    append_utf8(code, out);
    return true;
}

/// A word or a number.
bool Reader::scalar(std::string& out) {
    const size_t begin = at_;
    while (at_ < text_.size() && (is_name_byte(text_[at_]) || text_[at_] == '+')) ++at_;
    const std::string_view token = text_.substr(begin, at_ - begin);
    for (const Word& word : kWords)
        if (word.text == token) {
            out += word.json;
            return true;
        }
    if (token.empty() || !is_json(token)) return false;
    out += token;
    return true;
}

bool Reader::argument(LiteralCall& out) {
    const size_t begin = at_;
    const std::string name(take_name());
    if (!name.empty() && take("=")) {
        if (out.arguments.size() > 1) out.arguments += ", ";
        out.arguments += json_string(name) + ": ";
        return value(out.arguments);
    }
    at_ = begin;
    out.positional.emplace_back();
    return value(out.positional.back());
}

bool Reader::call(LiteralCall& out) {
    const Depth depth(depth_);
    if (depth_ > JsonScanner::kMaxDepth) return false;
    out.name = take_name();
    if (out.name.empty() || !take("(")) return false;
    const size_t begin = at_;
    if (out.name == "print") {  // what is called inside is meant
        LiteralCall inner;
        if (call(inner) && take(")")) {
            out = std::move(inner);
            return true;
        }
        at_ = begin;
    }
    constexpr std::string_view kMethod = ".call";
    if (out.name.ends_with(kMethod)) out.name.resize(out.name.size() - kMethod.size());
    out.arguments = "{";
    for (bool first = true; !take(")"); first = false) {
        if (!first) {
            if (!take(",")) return false;
            if (take(")")) break;
        }
        if (!argument(out)) return false;
    }
    out.arguments += '}';
    return true;
}

bool Reader::calls(std::vector<LiteralCall>& out) {
    const bool listed = take("[");
    while (!(listed ? take("]") : at_end())) {
        out.emplace_back();
        if (!call(out.back())) return false;
        if (!take(",") && !listed) take(";");
    }
    return at_end() && !out.empty();
}

}  // namespace

std::string json_string(std::string_view text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string json_string_value(const std::string& json) {
    const auto value = nlohmann::json::parse(json, nullptr, false);
    return value.is_string() ? value.get<std::string>() : std::string();
}

bool is_json(std::string_view text) {
    JsonScanner scanner;
    JsonScanner::State state = JsonScanner::State::more;
    for (const char c : text) {
        if (state == JsonScanner::State::done && !is_space(c)) return false;
        state = scanner.push(c).state;
        if (state == JsonScanner::State::bad || state == JsonScanner::State::too_deep) return false;
    }
    return scanner.complete_at_end();
}

std::optional<std::string> literal_to_json(std::string_view text) {
    text = trim_space(text);
    if (is_json(text)) return std::string(text);
    Reader reader(text);
    std::string out;
    if (!reader.value(out) || !reader.at_end()) return std::nullopt;
    return out;
}

std::optional<std::vector<LiteralCall>> read_python_calls(std::string_view text) {
    std::vector<LiteralCall> out;
    if (!Reader(text).calls(out)) return std::nullopt;
    return out;
}

std::optional<LiteralCall> read_braced_call(std::string_view text) {
    Reader reader(text);
    LiteralCall out;
    reader.take("call:");
    out.name = reader.take_name();
    if (out.name.empty() || !reader.object(out.arguments) || !reader.at_end()) return std::nullopt;
    return out;
}

}  // namespace m2w
