// json_read.cpp — values from JSON text, on nlohmann's event parser (it does not recurse), and
// copies into a rendering.
#include <nlohmann/json.hpp>

#include "chat/jinja/json.h"
#include "chat/jinja/limits.h"
#include "chat/jinja/numbers.h"
#include "chat/jinja/objects.h"
#include "chat/jinja/runtime.h"

namespace m2w::jinja {
namespace {

/// Receives nlohmann's events; every function returns whether to go on.
class Builder {
  public:
    bool null() { return add(Value::none()); }
    bool boolean(bool b) { return add(Value::boolean(b)); }
    bool number_integer(int64_t i) { return add(Value::integer(i)); }
    bool number_unsigned(uint64_t u) {
        if (u <= uint64_t(INT64_MAX)) return add(Value::integer(int64_t(u)));
        return add(Value::integer(BigInt::from_digits(std::to_string(u), 10)));
    }
    /// Also gets integers that fit no 64 bits.
    bool number_float(double d, const std::string& text) {
        if (text.find_first_of(".eE") != std::string::npos) return add(Value::real(d));
        constexpr size_t kMaxDigits = 4300;  // as Python: reading them is quadratic
        if (text.size() > kMaxDigits) return refuse("integer of more than 4300 digits");
        const bool negative = text[0] == '-';
        BigInt big = BigInt::from_digits(std::string_view(text).substr(negative), 10);
        return add(Value::integer(negative ? -big : std::move(big)));
    }
    bool string(std::string& s) { return add(Value::string(s)); }
    bool binary(std::vector<uint8_t>&) { return refuse("binary value"); }
    bool start_object(size_t) { return open(true); }
    bool start_array(size_t) { return open(false); }
    bool key(std::string& k) {
        stack_.back().key = std::move(k);
        return true;
    }
    bool end_object() { return close(); }
    bool end_array() { return close(); }
    bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& e) {
        return refuse(e.what());
    }

    Value take() { return std::move(result_); }
    const std::string& error() const { return error_; }

  private:
    struct Level {
        bool is_map;
        std::string key;
        Map map;
        std::vector<Value> items;
    };

    bool refuse(std::string why) {
        error_ = std::move(why);
        return false;
    }
    bool open(bool is_map) {
        if (stack_.size() >= kMaxJsonDepth)
            return refuse(fmt::format("nested more than {} deep", kMaxJsonDepth));
        stack_.push_back({is_map, {}, {}, {}});
        return true;
    }
    bool close() {
        Level level = std::move(stack_.back());
        stack_.pop_back();
        return add(level.is_map ? Value::map(std::move(level.map))
                                : Value::list(std::move(level.items)));
    }
    bool add(Value v) {
        if (stack_.empty()) {
            result_ = std::move(v);
        } else if (stack_.back().is_map) {
            stack_.back().map.set(Value::string(stack_.back().key), std::move(v));
        } else {
            stack_.back().items.push_back(std::move(v));
        }
        return true;
    }

    std::vector<Level> stack_;
    Value result_;
    std::string error_;
};

class Importer {
  public:
    explicit Importer(Runtime& rt) : rt_(rt) {}

    Value import(const Value& v) {
        if (!v.is_sequence() && !v.is(Kind::map)) return v;
        const bool shared = v.object()->references() > 1;
        if (shared) {
            const auto known = seen_.find(v.object());
            if (known != seen_.end()) return known->second;
        }
        Nested nested(rt_);
        const Value copy = copy_container(v);
        if (shared) seen_.emplace(v.object(), copy);
        return copy;
    }

  private:
    Value copy_container(const Value& v) {
        if (v.is(Kind::map)) {
            Map out;
            for (const auto& [key, value] : v.entries()) out.set(key, import(value));
            return rt_.map(std::move(out));
        }
        std::vector<Value> out;
        out.reserve(v.items().size());
        for (const Value& item : v.items()) out.push_back(import(item));
        return v.is(Kind::list) ? rt_.list(std::move(out)) : rt_.tuple(std::move(out));
    }

    Runtime& rt_;
    std::map<const Object*, Value> seen_;
};

}  // namespace

Result<Value> from_json(std::string_view json) {
    Builder builder;
    if (!nlohmann::json::sax_parse(json.begin(), json.end(), &builder))
        return Error{Category::usage, fmt::format("JSON: {}", builder.error())};
    return builder.take();
}

Value import_value(Runtime& rt, const Value& v) {
    return Importer(rt).import(v);
}

}  // namespace m2w::jinja
