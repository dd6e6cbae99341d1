// result.h — Error, Result<T>, TRY and M2W_ASSERT: the only way failure travels in this project.
// Prints nothing.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace m2w {

/// What kind of thing went wrong. The names are part of the interface (`error[name] ...`), see
/// docs/errors.md.
enum class Category : uint8_t {
    usage,  // the caller's or the user's arguments
    // a model file that is refused
    magic,
    version,
    truncated,
    count_overflow,
    string_length,
    array_length,
    bad_utf8,
    unknown_type,
    wrong_metadata_type,
    missing_metadata,
    duplicate_key,
    duplicate_tensor,
    alignment,
    tensor_dims,
    tensor_offset,
    tensor_bounds,
    tensor_overlap,
    shape_mismatch,
    hyperparameter,
    unsupported,  // well-formed, but needs what this build does not have
    vocab,
    merges,
    nan_scale,
    chat_template,
    manifest,  // of a sharded model
    context_full,
    // the outside world
    io,
    http_status,
    http_range,
    http_changed,
    http_truncated,
    http_timeout,
    http_protocol,
    http_encoding,
    http_auth,
    http_redirect,
    checksum,
    disk_full,
    cache,
    // limits
    resource_limit,
    out_of_memory,
    // the device and our own mistakes
    no_device,
    device_lost,
    internal,
    count
};

/// The category's name as printed, e.g. "tensor_bounds".
std::string_view category_name(Category category);

/// The process exit status for a category: 1 usage, 2 input refused, 3 I/O, 4 resources, 5
/// internal.
int exit_status(Category category);

/// One line that says name, expected, found and where: "blk.3.attn_q.weight: expected [4096][4096],
/// file has ...".
struct Error {
    Category category = Category::internal;
    std::string message;

    /// "error[category] message" on one line, escaped (escape.h): safe to print on a terminal.
    std::string str() const;
};

/// A value or an Error. Move-only use: check with `if (!r)`, then `*r`, or use TRY.
template <class T>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
    explicit operator bool() const { return state_.index() == 0; }
    T& operator*() & { return std::get<0>(state_); }
    const T& operator*() const& { return std::get<0>(state_); }
    T&& operator*() && { return std::get<0>(std::move(state_)); }
    T* operator->() { return &std::get<0>(state_); }
    const T* operator->() const { return &std::get<0>(state_); }
    const Error& error() const& { return std::get<1>(state_); }
    Error&& error() && { return std::get<1>(std::move(state_)); }

  private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : error_(std::move(error)), failed_(true) {}
    explicit operator bool() const { return !failed_; }
    void operator*() const {}
    const Error& error() const& { return error_; }
    Error&& error() && { return std::move(error_); }

  private:
    Error error_;
    bool failed_ = false;
};

}  // namespace m2w

#define M2W_CAT2(a, b) a##b
#define M2W_CAT(a, b) M2W_CAT2(a, b)
#define M2W_TRY1(tmp, expr)                                                       \
    do {                                                                          \
        if (auto tmp = (expr); !tmp) return ::m2w::Error(std::move(tmp).error()); \
    } while (0)
#define M2W_TRY2(tmp, decl, expr)                          \
    auto tmp = (expr);                                     \
    if (!tmp) return ::m2w::Error(std::move(tmp).error()); \
    decl = *std::move(tmp)
#define M2W_TRY_PICK(_1, _2, name, ...) name
#define M2W_TRY_1(expr) M2W_TRY1(M2W_CAT(try_, __LINE__), expr)
#define M2W_TRY_2(decl, expr) M2W_TRY2(M2W_CAT(try_, __LINE__), decl, expr)

/// TRY(expr) or TRY(auto x, expr): returns the error to the caller, or goes on with the value.
#define TRY(...) M2W_TRY_PICK(__VA_ARGS__, M2W_TRY_2, M2W_TRY_1)(__VA_ARGS__)

/// For mistakes of ours, never for input: stays on in release builds, prints the expression and
/// aborts.
#define M2W_ASSERT(cond)                                                                         \
    ((cond) ? void(0)                                                                            \
            : (std::fprintf(stderr, "%s:%d: assertion failed: %s\n", __FILE__, __LINE__, #cond), \
               std::abort()))
