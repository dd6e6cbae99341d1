// json_write.cpp — JSON text as Python's json.dumps writes it.
// Source: Python 3.11 library reference, "json"; transformers' tojson turns ensure_ascii off.
#include <cmath>

#include "chat/jinja/iterators.h"
#include "chat/jinja/json.h"
#include "chat/jinja/numbers.h"
#include "chat/jinja/runtime.h"
#include "chat/jinja/sorting.h"
#include "chat/jinja/text.h"

namespace m2w::jinja {
namespace {

class JsonWriter {
  public:
    JsonWriter(Runtime& rt, const JsonStyle& style) : rt_(rt), style_(style) {}

    void write(const Value& v) {
        rt_.charge(1);
        switch (v.kind()) {
            case Kind::none:
                return put("null");
            case Kind::boolean:
                return put(v.as_bool() ? "true" : "false");
            case Kind::integer:
                return put(std::to_string(v.as_int()));
            case Kind::big_integer:
                rt_.charge(v.as_big().limbs() * v.as_big().limbs() / 64);
                return put(v.as_big().to_string());
            case Kind::real:
                return put(real(v.as_real()));
            case Kind::string:
                return write_string(v.as_string());
            case Kind::list:
            case Kind::tuple:
                return write_list(v);
            case Kind::map:
                return write_map(v.entries());
            case Kind::opaque:
                // `x|map(...)|tojson` is a Python accident: json.dumps takes no generator.
                if (rt_.forgiving() && opaque_as<Iterator>(v))
                    return write_list(rt_.list(collect(rt_, v)));
                break;
            case Kind::undefined:
                break;
        }
        rt_.fail_type("Object of type {} is not JSON serializable", type_name(v));
    }

    std::string take() { return std::move(out_); }

  private:
    void put(std::string_view s) {
        rt_.check_string_size(out_.size() + s.size());
        out_ += s;
    }

    static std::string real(double d) {
        if (std::isnan(d)) return "NaN";
        if (std::isinf(d)) return d < 0 ? "-Infinity" : "Infinity";
        return float_repr(d);
    }

    void escape_unit(char32_t unit) {
        constexpr char kHex[] = "0123456789abcdef";
        const char text[] = {
            '\\',           'u', kHex[unit >> 12 & 15], kHex[unit >> 8 & 15], kHex[unit >> 4 & 15],
            kHex[unit & 15]};
        put({text, sizeof text});
    }

    void write_string(std::string_view s) {
        rt_.charge_scan(s.size());
        put("\"");
        for (size_t at = 0; at < s.size();) {
            const size_t begin = at;
            const char32_t c = text::next(s, at);
            switch (c) {
                case '"':
                    put("\\\"");
                    continue;
                case '\\':
                    put("\\\\");
                    continue;
                case '\n':
                    put("\\n");
                    continue;
                case '\r':
                    put("\\r");
                    continue;
                case '\t':
                    put("\\t");
                    continue;
                case '\f':
                    put("\\f");
                    continue;
                case '\b':
                    put("\\b");
                    continue;
                default:
                    break;
            }
            if (c < 0x20 || (style_.ensure_ascii && c >= 0x7f && c < 0x10000)) {
                escape_unit(c);
            } else if (style_.ensure_ascii && c >= 0x10000) {
                escape_unit(0xd800 + ((c - 0x10000) >> 10));
                escape_unit(0xdc00 + ((c - 0x10000) & 0x3ff));
            } else {
                put(s.substr(begin, at - begin));
            }
        }
        put("\"");
    }

    void new_line() {
        if (!style_.indent) return;
        put("\n");
        if (style_.indent->empty()) return;
        for (uint32_t i = 0; i < level_; ++i) put(*style_.indent);
    }

    void write_list(const Value& v) {
        Nested nested(rt_);
        const Value keep = v;
        if (keep.items().empty()) return put("[]");
        put("[");
        ++level_;
        for (size_t i = 0; i < keep.items().size(); ++i) {
            if (i) put(style_.item_separator);
            new_line();
            write(keep.items()[i]);
        }
        --level_;
        new_line();
        put("]");
    }

    void write_map(const Map& map) {
        Nested nested(rt_);
        if (map.empty()) return put("{}");
        std::vector<Value> order;  // indices of the entries
        if (style_.sort_keys) order = sorted_entries(map);
        put("{");
        ++level_;
        for (size_t i = 0; i < map.size(); ++i) {
            const auto& [key, value] = map.at(order.empty() ? i : size_t(order[i].as_int()));
            if (i) put(style_.item_separator);
            new_line();
            write_key(key);
            put(style_.key_separator);
            write(value);
        }
        --level_;
        new_line();
        put("}");
    }

    std::vector<Value> sorted_entries(const Map& map) {
        std::vector<Value> indices, keys;
        for (size_t i = 0; i < map.size(); ++i) {
            indices.push_back(Value::integer(int64_t(i)));
            keys.push_back(map.at(i).first);
        }
        return sort_by_keys(rt_, std::move(indices), keys, false);
    }

    void write_key(const Value& key) {
        switch (key.kind()) {
            case Kind::string:
                return write_string(key.as_string());
            case Kind::none:
            case Kind::boolean:
            case Kind::integer:
            case Kind::big_integer:
            case Kind::real:
                put("\"");
                write(key);
                return put("\"");
            default:
                rt_.fail_type("keys must be str, int, float, bool or None, not {}", type_name(key));
        }
    }

    Runtime& rt_;
    const JsonStyle& style_;
    uint32_t level_ = 0;
    std::string out_;
};

}  // namespace

std::string write_json(Runtime& rt, const Value& v, const JsonStyle& style) {
    JsonWriter writer(rt, style);
    writer.write(v);
    return writer.take();
}

Result<std::string> to_json(const Value& v, const JsonStyle& style) {
    // Trusted callers print whole conversations: only depth stays bounded.
    Limits limits;
    limits.steps = limits.value_bytes = limits.live_bytes = UINT64_MAX / 2;
    Runtime rt(limits, std::nullopt, false);
    try {
        return write_json(rt, v, style);
    } catch (const Failure& f) {
        return Error{Category::chat_template, f.message};
    }
}

}  // namespace m2w::jinja
