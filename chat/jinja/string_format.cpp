// string_format.cpp — str.format: replacement fields, attribute paths in them, nested specs.
// Source: Python 3.11 library reference, "Format String Syntax"; the sandbox's lookups are those of
// templates.
#include <charconv>

#include "chat/jinja/attributes.h"
#include "chat/jinja/formatting.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/repr.h"

namespace m2w::jinja {
namespace {

class StringFormatter {
  public:
    StringFormatter(Runtime& rt, bool markup, const CallArguments& arguments)
        : rt_(rt), markup_(markup), arguments_(arguments) {}

    std::string run(std::string_view format, int depth) {
        if (depth > 2) rt_.fail_value("Max string recursion exceeded");
        rt_.charge_scan(format.size());
        std::string out;
        const auto put = [&](std::string_view s) {
            rt_.check_string_size(out.size() + s.size());
            out += s;
        };
        for (size_t at = 0; at < format.size();) {
            const size_t brace = std::min(format.find_first_of("{}", at), format.size());
            put(format.substr(at, brace - at));
            at = brace + 1;
            if (brace == format.size()) break;
            if (at < format.size() && format[at] == format[brace]) {
                put(format.substr(at++, 1));
            } else if (format[brace] == '}') {
                rt_.fail_value("Single '}}' encountered in format string");
            } else {
                put(field(format, at, depth));
            }
        }
        return out;
    }

  private:
    /// The replacement field behind a brace: name[!conversion][:spec]}. Moves behind it.
    std::string field(std::string_view format, size_t& at, int depth) {
        const size_t start = at;
        int open = 1;
        size_t name_end = std::string_view::npos;
        bool in_index = false;
        for (; at < format.size(); ++at) {
            const char c = format[at];
            if (name_end == std::string_view::npos) {
                if (c == '[') in_index = true;
                if (c == ']') in_index = false;
                if (!in_index && (c == ':' || c == '!')) name_end = at;
            }
            if (c == '{') ++open;
            if (c == '}' && --open == 0) break;
        }
        if (at >= format.size()) rt_.fail_value("expected '}}' before end of string");
        if (name_end == std::string_view::npos) name_end = at;
        const std::string_view name = format.substr(start, name_end - start);
        std::string_view rest = format.substr(name_end, at - name_end);
        ++at;
        char conversion = 0;
        if (rest.starts_with('!')) {
            if (rest.size() < 2 || (rest.size() > 2 && rest[2] != ':'))
                rt_.fail_value("expected ':' after conversion specifier");
            conversion = rest[1];
            rest.remove_prefix(2);
        }
        if (rest.starts_with(':')) rest.remove_prefix(1);
        const Value v = convert(conversion, lookup(name));
        const std::string spec = run(rest, depth + 1);
        if (!markup_) return format_value(rt_, v, spec);
        if (v.is_markup()) {
            if (!spec.empty())
                rt_.fail_value(
                    "Format specifier given, but Markup does not define __html_format__");
            return std::string(v.as_string());
        }
        return escape_html(format_value(rt_, v, spec));
    }

    Value convert(char conversion, Value v) {
        switch (conversion) {
            case 0:
                return v;
            case 's':
                return rt_.string(str(rt_, v));
            case 'r':
            case 'a':
                return rt_.string(repr(rt_, v));
            default:
                rt_.fail_value("Unknown conversion specifier '{}'", conversion);
        }
    }

    /// first(.attribute | [item])*
    Value lookup(std::string_view name) {
        const size_t end = std::min(name.find_first_of(".["), name.size());
        Value v = first(name.substr(0, end));
        for (size_t at = end; at < name.size();) {
            if (name[at] == '.') {
                const size_t next = std::min(name.find_first_of(".[", at + 1), name.size());
                if (next == at + 1) rt_.fail_value("Empty attribute in format string");
                v = get_attribute(rt_, v, name.substr(at + 1, next - at - 1));
                at = next;
            } else if (name[at] == '[') {
                const size_t close = name.find(']', at);
                if (close == std::string_view::npos) rt_.fail_value("Missing ']' in format string");
                v = get_item(rt_, v, index(name.substr(at + 1, close - at - 1)));
                at = close + 1;
            } else {
                rt_.fail_value("Only '.' or '[' may follow ']' in format field specifier");
            }
        }
        return v;
    }

    Value index(std::string_view s) {
        int64_t i = 0;
        const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), i);
        if (!s.empty() && s[0] != '-' && error == std::errc() && end == s.data() + s.size())
            return Value::integer(i);
        if (s.empty()) rt_.fail_value("Empty attribute in format string");
        return rt_.string(s);
    }

    Value first(std::string_view name) {
        rt_.charge(1 + arguments_.named.size() / kComparedKeysPerStep);
        uint64_t position = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), position);
        const bool numbered =
            !name.empty() && error == std::errc() && end == name.data() + name.size();
        if (name.empty() || numbered) {
            if (numbering_ == (numbered ? 'a' : 'm'))
                rt_.fail_value("cannot mix automatic and manual field numbering");
            numbering_ = numbered ? 'm' : 'a';
            if (!numbered) position = next_++;
            if (position >= arguments_.positional.size())
                rt_.fail(ErrorKind::lookup,
                         "Replacement index {} out of range for positional args tuple", position);
            return arguments_.positional[position];
        }
        for (const auto& [key, value] : arguments_.named)
            if (key == name) return value;
        rt_.fail(ErrorKind::lookup, "KeyError: {}", quote(name));
    }

    Runtime& rt_;
    bool markup_;
    const CallArguments& arguments_;
    uint64_t next_ = 0;
    char numbering_ = 0;  // 'a'utomatic or 'm'anual once a field decided it
};

}  // namespace

Value format_string(Runtime& rt, std::string_view format, bool markup,
                    const CallArguments& arguments) {
    return rt.string(StringFormatter(rt, markup, arguments).run(format, 1), markup);
}

}  // namespace m2w::jinja
