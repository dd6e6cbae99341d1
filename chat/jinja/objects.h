// objects.h — the shared payloads behind values, the heap that accounts for those of one rendering,
// and the interface of opaque objects.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/jinja/bigint.h"
#include "chat/jinja/error.h"
#include "chat/jinja/value.h"

namespace m2w::jinja {

class Runtime;
struct CallArguments;

/// An owning pointer to an Object.
template <class T>
class Ref {
  public:
    Ref() = default;
    explicit Ref(T* object) : object_(object) {
        if (object_) object_->retain();
    }
    Ref(const Ref& other) : Ref(other.object_) {}
    Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    Ref& operator=(Ref other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~Ref() {
        if (object_) object_->release();
    }
    T* get() const { return object_; }
    T* operator->() const { return object_; }
    T& operator*() const { return *object_; }
    explicit operator bool() const { return object_ != nullptr; }

  private:
    T* object_ = nullptr;
};

struct StringObject final : Object {
    StringObject(std::string t, uint64_t n, bool m) : text(std::move(t)), length(n), markup(m) {}
    const std::string text;  // valid UTF-8
    const uint64_t length;   // code points
    const bool markup;       // known to be safe HTML
};

struct ListObject final : Object {
    explicit ListObject(std::vector<Value> v) : items(std::move(v)) {}
    void drop_references() override { items.clear(); }
    std::vector<Value> items;
    bool is_group = false;  // a tuple of groupby: its parts are also .grouper and .list
};

struct MapObject final : Object {
    explicit MapObject(Map m) : entries(std::move(m)) {}
    void drop_references() override { entries.clear(); }
    Map entries;
};

struct BigObject final : Object {
    explicit BigObject(BigInt b) : big(std::move(b)) {}
    const BigInt big;
};

/// Why a value is undefined: what using it reports.
struct UndefinedObject final : Object {
    UndefinedObject(ErrorKind k, std::string m) : kind(k), message(std::move(m)) {}
    void drop_references() override { refused = Value(); }
    const ErrorKind kind;
    const std::string message;
    Value refused;  // the method that the sandbox hides; a forgiving rendering may call it
};

class Iterator;

/// A value with behaviour of its own. The defaults are those of a plain Python object: truthy,
/// equal only to itself, no length, no elements, no attributes, not callable.
class Opaque : public Object {
  public:
    virtual std::string_view type_name() const = 0;
    virtual std::string repr(Runtime& rt) const = 0;
    virtual bool truthy(Runtime&) const { return true; }
    virtual std::optional<int64_t> length(Runtime&) { return std::nullopt; }
    virtual Ref<Iterator> iterate(Runtime&) { return {}; }
    virtual bool has_items() const { return false; }  // supports object[key]
    virtual std::optional<Value> item(Runtime&, const Value& key);
    virtual std::optional<Value> attribute(Runtime&, std::string_view name);
    virtual std::optional<bool> contains(Runtime&, const Value& element);
    virtual bool equals(Runtime&, Opaque& other) { return this == &other; }
    virtual bool callable() const { return false; }
    virtual Value call(Runtime& rt, CallArguments& arguments);
};

/// A one-way sequence; iterating it iterates itself.
class Iterator : public Opaque {
  public:
    /// Stores the next element, or returns false at the end.
    virtual bool next(Runtime& rt, Value& element) = 0;

    std::string_view type_name() const override { return "generator"; }
    std::string repr(Runtime& rt) const override;
    Ref<Iterator> iterate(Runtime&) final { return Ref<Iterator>(this); }
};

/// Owns the objects of one rendering: counts their bytes against a limit, frees chains of any
/// length without recursion, and ends reference cycles when it is destroyed. Objects must not
/// outlive it.
class Heap {
  public:
    explicit Heap(uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}
    Heap(const Heap&) = delete;
    Heap& operator=(const Heap&) = delete;
    ~Heap();

    /// Puts a new object under this heap. extra_bytes: what it holds beside itself. Throws Failure
    /// (limit).
    template <class T>
    Ref<T> adopt(T* object, uint64_t extra_bytes) {
        Ref<T> ref(object);
        admit(object, sizeof(T) + extra_bytes);
        return ref;
    }

    /// What an object of this heap holds beside itself is so many bytes now. Throws Failure
    /// (limit).
    template <class T>
    void resize(T& object, uint64_t extra_bytes) {
        change_size(&object, sizeof(T) + extra_bytes);
    }
    /// Counts bytes that no object holds: text under way. Throws Failure (limit).
    void reserve(uint64_t bytes) {
        live_bytes_ += bytes;
        check();
    }
    void release(uint64_t bytes) { live_bytes_ -= bytes; }

    uint64_t live_bytes() const { return live_bytes_; }
    uint64_t peak_bytes() const { return peak_bytes_; }

  private:
    friend class Object;
    void admit(Object* object, uint64_t bytes);
    void change_size(Object* object, uint64_t bytes);
    void check();
    void bury(Object* object);

    uint64_t limit_bytes_;
    uint64_t live_bytes_ = 0;
    uint64_t peak_bytes_ = 0;
    Object* first_ = nullptr;
    std::vector<Object*> dead_;
    bool burying_ = false;
};

inline ListObject& list_of(const Value& v) {
    return *static_cast<ListObject*>(v.object());
}
inline MapObject& map_of(const Value& v) {
    return *static_cast<MapObject*>(v.object());
}
inline StringObject& string_of(const Value& v) {
    return *static_cast<StringObject*>(v.object());
}
inline Opaque& opaque_of(const Value& v) {
    return *static_cast<Opaque*>(v.object());
}
template <class T>
T* opaque_as(const Value& v) {
    return v.is(Kind::opaque) ? dynamic_cast<T*>(v.object()) : nullptr;
}
template <class T>
Value opaque_value(const Ref<T>& ref) {
    return Value::object(Kind::opaque, ref.get());
}

}  // namespace m2w::jinja
