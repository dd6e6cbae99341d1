// value.h — the values of the template language: scalars, strings, lists, tuples, ordered maps, and
// opaque objects. Knows nothing of templates.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace m2w::jinja {

class BigInt;
class Heap;
class Map;
class Object;
class Opaque;

enum class Kind : uint8_t {
    undefined,    // a name or element that does not exist; not the same as none
    none,         //
    boolean,      //
    integer,      // fits 64 bits
    big_integer,  // does not
    real,         // double
    string,       // valid UTF-8; may be marked as safe HTML
    list,         // mutable, shared by reference
    tuple,        // immutable sequence
    map,          // insertion order; keys are any hashable values
    opaque,       // range, iterator, macro, function, namespace, loop, ...
};

/// One value. Copies are cheap: everything larger than a number is shared. Copying and destroying
/// are thread-safe, changing a shared list or map is not; a rendering therefore copies the
/// containers that it is given.
class Value {
  public:
    /// Undefined.
    Value() = default;
    Value(const Value& other) noexcept;
    Value(Value&& other) noexcept;
    Value& operator=(const Value& other) noexcept;
    Value& operator=(Value&& other) noexcept;
    ~Value();

    static Value none();
    static Value boolean(bool b);
    static Value integer(int64_t i);
    static Value integer(BigInt big);  // becomes Kind::integer when it fits
    static Value real(double d);
    /// Bytes that are not UTF-8 become U+FFFD.
    static Value string(std::string_view text);
    static Value list(std::vector<Value> items = {});
    static Value tuple(std::vector<Value> items = {});
    static Value map(Map entries);
    /// Takes over an object whose kind is `kind`; for the engine's own use.
    static Value object(Kind kind, Object* object);

    Kind kind() const { return kind_; }
    bool is(Kind kind) const { return kind_ == kind; }
    bool is_undefined() const { return kind_ == Kind::undefined; }
    bool is_none() const { return kind_ == Kind::none; }
    bool is_string() const { return kind_ == Kind::string; }
    /// bool counts as a number, as in Python.
    bool is_int64() const { return kind_ == Kind::integer || kind_ == Kind::boolean; }
    bool is_integral() const { return is_int64() || kind_ == Kind::big_integer; }
    bool is_number() const { return is_integral() || kind_ == Kind::real; }
    bool is_sequence() const { return kind_ == Kind::list || kind_ == Kind::tuple; }
    bool is_markup() const;

    // Access; the kind must match.
    bool as_bool() const { return bits_.b; }
    int64_t as_int() const { return kind_ == Kind::boolean ? int64_t(bits_.b) : bits_.i; }
    double as_real() const { return bits_.d; }
    const BigInt& as_big() const;
    std::string_view as_string() const;
    uint64_t string_length() const;        // code points
    std::span<const Value> items() const;  // list or tuple
    const Map& entries() const;            // map
    Object* object() const { return has_object() ? bits_.object : nullptr; }

    /// The value of a string key in a map; nullptr when this is no map or has no such key.
    const Value* get(std::string_view key) const;

  private:
    bool has_object() const { return owns_; }
    void release() noexcept;

    union Bits {
        bool b;
        int64_t i;
        double d;
        Object* object;
    };
    Bits bits_{.i = 0};
    Kind kind_ = Kind::undefined;
    bool owns_ = false;
};
static_assert(sizeof(Value) == 16);

/// A total order on hashable values in which equal keys (1, 1.0 and true) compare equal. Names no
/// meaningful order across kinds; a balanced tree of keys cannot be slowed down by chosen keys, a
/// hash table can.
struct KeyLess {
    using is_transparent = void;
    bool operator()(const Value& a, const Value& b) const;
    bool operator()(const Value& a, std::string_view b) const;
    bool operator()(std::string_view a, const Value& b) const;
};

/// An ordered map: iteration in insertion order, lookup by key.
class Map {
  public:
    using Entry = std::pair<Value, Value>;

    size_t size() const { return entries_.size(); }
    /// Memory that the entries take, without what their values share.
    uint64_t size_bytes() const {
        return entries_.capacity() * sizeof(Entry) + index_.size() * kIndexBytes;
    }
    bool empty() const { return entries_.empty(); }
    std::vector<Entry>::const_iterator begin() const { return entries_.begin(); }
    std::vector<Entry>::const_iterator end() const { return entries_.end(); }
    const Entry& at(size_t index) const { return entries_[index]; }

    /// nullptr when absent. The key must be hashable.
    const Value* find(const Value& key) const;
    const Value* find(std::string_view key) const;
    /// Replaces the value of an equal key (keeping key and place) or appends.
    void set(Value key, Value value);
    void set(std::string_view key, Value value) { set(Value::string(key), std::move(value)); }
    bool erase(const Value& key);
    void clear();

  private:
    static constexpr size_t kScanned = 8;      // below, a scan beats the index
    static constexpr size_t kIndexBytes = 64;  // of the index for one key

    size_t position(const Value& key) const;

    std::vector<Entry> entries_;
    std::map<Value, size_t, KeyLess> index_;  // of all entries once there are more than kScanned
};

/// What large values share: a reference count and, inside a rendering, the heap that accounts for
/// them.
class Object {
  public:
    Object() = default;
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;
    virtual ~Object() = default;

    /// Drops the values that this object holds, so that reference cycles end.
    virtual void drop_references() {}

    void retain() { references_.fetch_add(1, std::memory_order_relaxed); }
    void release();
    uint32_t references() const { return references_.load(std::memory_order_relaxed); }

  private:
    friend class Heap;
    std::atomic<uint32_t> references_{0};
    Heap* heap_ = nullptr;
    Object* previous_ = nullptr;
    Object* next_ = nullptr;
    uint64_t size_bytes_ = 0;
};

}  // namespace m2w::jinja
