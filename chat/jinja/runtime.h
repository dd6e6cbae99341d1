// runtime.h — what one rendering owns besides the template: heap, budget, options, position.
// Builtins and operators work through it. Evaluates nothing itself.
#pragma once
#include <fmt/core.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/jinja/limits.h"
#include "chat/jinja/objects.h"
#include "chat/jinja/strftime.h"

namespace m2w::jinja {

/// Arguments at run time.
struct CallArguments {
    std::vector<Value> positional;
    std::vector<std::pair<std::string, Value>> named;
};

class Runtime {
  public:
    Runtime(const Limits& limits, const std::optional<CivilTime>& now, bool forgiving)
        : heap_(limits.live_bytes),
          limits_(limits),
          now_(now),
          forgiving_(forgiving),
          steps_left_(limits.steps) {}

    const Limits& limits() const { return limits_; }
    const std::optional<CivilTime>& now() const { return now_; }
    /// Whether the accidents of jinja2 in transformers are forgiven (RenderOptions::forgiving).
    bool forgiving() const { return forgiving_; }
    uint64_t steps_used() const { return limits_.steps - steps_left_; }
    uint64_t peak_bytes() const { return heap_.peak_bytes(); }
    Heap& heap() { return heap_; }

    // --- budget
    void charge(uint64_t steps) {
        if (steps > steps_left_) fail_steps();
        steps_left_ -= steps;
    }
    void charge_copy(uint64_t bytes) { charge(bytes / kCopiedBytesPerStep); }
    void charge_scan(uint64_t bytes) { charge(bytes / kScannedBytesPerStep); }
    void charge_values(uint64_t count) { charge(count / kCopiedValuesPerStep); }
    /// Refuses a value of that size before it is made.
    void check_string_size(uint64_t bytes) const;
    void check_list_size(uint64_t count) const;

    // --- new values, accounted for; sizes are checked and charged
    Value string(std::string text, bool markup = false);
    Value string(std::string_view text, bool markup = false) {
        return string(std::string(text), markup);
    }
    Value string(const char* text) { return string(std::string(text)); }
    Value list(std::vector<Value> items);
    Value tuple(std::vector<Value> items);
    Value map(Map entries);
    /// Accounts for a list or map of this rendering that was changed.
    void recount(const Value& v);
    Value undefined(std::string message, ErrorKind kind = ErrorKind::undefined);
    template <class T, class... Args>
    Ref<T> make(Args&&... args) {
        return heap_.adopt(new T(std::forward<Args>(args)...), 0);
    }
    template <class T, class... Args>
    Value make_value(Args&&... args) {
        return opaque_value(make<T>(std::forward<Args>(args)...));
    }

    // --- errors: {}-formatted messages
    template <class... A>
    [[noreturn]] void fail(ErrorKind kind, fmt::format_string<A...> format, A&&... args) const {
        fail_with(kind, fmt::format(format, std::forward<A>(args)...));
    }
    template <class... A>
    [[noreturn]] void fail_type(fmt::format_string<A...> format, A&&... args) const {
        fail_with(ErrorKind::type, fmt::format(format, std::forward<A>(args)...));
    }
    template <class... A>
    [[noreturn]] void fail_value(fmt::format_string<A...> format, A&&... args) const {
        fail_with(ErrorKind::value, fmt::format(format, std::forward<A>(args)...));
    }
    [[noreturn]] void fail_with(ErrorKind kind, std::string message) const;
    /// The error that using this undefined value reports.
    [[noreturn]] void fail_undefined(const Value& undefined) const;

    /// Where evaluation stands; errors report it.
    Position at;
    /// Whether {{ }} and ~ escape HTML: {% autoescape true %}.
    bool autoescape = false;
    uint32_t call_depth = 0;

  private:
    friend class Nested;
    [[noreturn]] void fail_steps() const;

    Heap heap_;
    Limits limits_;
    std::optional<CivilTime> now_;
    bool forgiving_;
    uint64_t steps_left_;
    uint32_t depth_ = 0;
};

/// Counts one level of recursion while it lives: nodes under evaluation, values inside values.
class Nested {
  public:
    explicit Nested(Runtime& rt) : rt_(rt) {
        if (++rt_.depth_ > rt_.limits_.eval_depth) {
            --rt_.depth_;
            fail(rt);
        }
    }
    ~Nested() { --rt_.depth_; }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;

  private:
    [[noreturn]] static void fail(const Runtime& rt);
    Runtime& rt_;
};

/// "str", "int", "NoneType", ...: Python's name of a value's type, for messages.
std::string type_name(const Value& v);
/// How messages about missing attributes call a value: "dict object", "None".
std::string describe_object(const Value& v);

}  // namespace m2w::jinja
