// repr.cpp — Python's text forms, bounded in depth and size.
#include "chat/jinja/repr.h"

#include "chat/jinja/numbers.h"
#include "chat/jinja/text.h"

namespace m2w::jinja {

std::string quote(std::string_view s) {
    const bool double_quotes =
        s.find('\'') != std::string_view::npos && s.find('"') == std::string_view::npos;
    const char mark = double_quotes ? '"' : '\'';
    constexpr char kHex[] = "0123456789abcdef";
    std::string out(1, mark);
    for (size_t at = 0; at < s.size();) {
        const size_t begin = at;
        const char32_t c = text::next(s, at);
        if (c == char32_t(mark) || c == '\\') {
            out += '\\';
            out += char(c);
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\r') {
            out += "\\r";
        } else if (c == '\t') {
            out += "\\t";
        } else if ((c >= 0x20 && c < 0x7f) || (c >= 0x80 && text::is_printable(c))) {
            out += s.substr(begin, at - begin);
        } else {
            const int digits = c < 0x100 ? 2 : c < 0x10000 ? 4 : 8;
            out += c < 0x100 ? "\\x" : c < 0x10000 ? "\\u" : "\\U";
            for (int i = digits - 1; i >= 0; --i) out += kHex[(c >> (4 * i)) & 15];
        }
    }
    return out += mark;
}

namespace {

class Writer {
  public:
    explicit Writer(Runtime& rt) : rt_(rt) {}

    void write(const Value& v) {
        rt_.charge(1);
        switch (v.kind()) {
            case Kind::undefined:
                return put("Undefined");
            case Kind::none:
                return put("None");
            case Kind::boolean:
                return put(v.as_bool() ? "True" : "False");
            case Kind::integer:
                return put(std::to_string(v.as_int()));
            case Kind::big_integer:
                return put(big(v.as_big()));
            case Kind::real:
                return put(float_repr(v.as_real()));
            case Kind::string:
                return write_string(v);
            case Kind::list:
                return write_items(v, "[", "]");
            case Kind::tuple:
                return write_items(v, "(", v.items().size() == 1 ? ",)" : ")");
            case Kind::map:
                return write_map(v);
            case Kind::opaque:
                return put(opaque_of(v).repr(rt_));
        }
    }

    std::string take() { return std::move(out_); }

  private:
    void put(std::string_view s) {
        rt_.check_string_size(out_.size() + s.size());
        out_ += s;
    }

    /// Python refuses to print more than 4300 digits: the conversion is quadratic.
    std::string big(const BigInt& value) {
        if (value.bits() > 14283)
            rt_.fail_value("Exceeds the limit (4300 digits) for integer string conversion");
        rt_.charge(value.limbs() * value.limbs() / 64);
        return value.to_string();
    }

    void write_string(const Value& v) {
        rt_.charge_scan(v.as_string().size());
        if (v.is_markup()) put("Markup(");
        put(quote(v.as_string()));
        if (v.is_markup()) put(")");
    }

    void write_items(const Value& v, std::string_view open, std::string_view close) {
        Nested nested(rt_);
        put(open);
        const auto items = v.items();
        for (size_t i = 0; i < items.size(); ++i) {
            if (i) put(", ");
            write(items[i]);
        }
        put(close);
    }

    void write_map(const Value& v) {
        Nested nested(rt_);
        put("{");
        const Map& entries = v.entries();
        for (size_t i = 0; i < entries.size(); ++i) {
            if (i) put(", ");
            write(entries.at(i).first);
            put(": ");
            write(entries.at(i).second);
        }
        put("}");
    }

    Runtime& rt_;
    std::string out_;
};

}  // namespace

std::string repr(Runtime& rt, const Value& v) {
    Writer writer(rt);
    writer.write(v);
    return writer.take();
}

std::string str(Runtime& rt, const Value& v) {
    if (v.is_undefined()) return "";
    if (!v.is_string()) return repr(rt, v);
    rt.charge_copy(v.as_string().size());
    return std::string(v.as_string());
}

std::string_view str_view(Runtime& rt, const Value& v, std::string& buffer) {
    if (v.is_string()) return v.as_string();
    buffer = str(rt, v);
    return buffer;
}

}  // namespace m2w::jinja
