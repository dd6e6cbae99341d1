// value.cpp — sharing of values, key order, ordered maps, and the heap of a rendering.
#include "chat/jinja/value.h"

#include <fmt/core.h>

#include <algorithm>

#include "chat/jinja/numbers.h"
#include "chat/jinja/objects.h"
#include "chat/jinja/text.h"

namespace m2w::jinja {

Value::Value(const Value& other) noexcept
    : bits_(other.bits_), kind_(other.kind_), owns_(other.owns_) {
    if (owns_) bits_.object->retain();
}

Value::Value(Value&& other) noexcept : bits_(other.bits_), kind_(other.kind_), owns_(other.owns_) {
    other.kind_ = Kind::undefined;
    other.owns_ = false;
}

Value& Value::operator=(const Value& other) noexcept {
    if (other.owns_) other.bits_.object->retain();
    // The old payload is let go last: its destruction may reach this very value.
    Object* old = owns_ ? bits_.object : nullptr;
    bits_ = other.bits_;
    kind_ = other.kind_;
    owns_ = other.owns_;
    if (old) old->release();
    return *this;
}

Value& Value::operator=(Value&& other) noexcept {
    if (this == &other) return *this;
    Object* old = owns_ ? bits_.object : nullptr;
    bits_ = other.bits_;
    kind_ = other.kind_;
    owns_ = other.owns_;
    other.kind_ = Kind::undefined;
    other.owns_ = false;
    if (old) old->release();
    return *this;
}

Value::~Value() {
    if (owns_) bits_.object->release();
}

Value Value::none() {
    Value v;
    v.kind_ = Kind::none;
    return v;
}

Value Value::boolean(bool b) {
    Value v;
    v.kind_ = Kind::boolean;
    v.bits_.b = b;
    return v;
}

Value Value::integer(int64_t i) {
    Value v;
    v.kind_ = Kind::integer;
    v.bits_.i = i;
    return v;
}

Value Value::integer(BigInt big) {
    if (const auto small = big.to_int64()) return integer(*small);
    return object(Kind::big_integer, new BigObject(std::move(big)));
}

Value Value::real(double d) {
    Value v;
    v.kind_ = Kind::real;
    v.bits_.d = d;
    return v;
}

Value Value::string(std::string_view s) {
    std::string valid = text::is_valid(s) ? std::string(s) : text::sanitize(s);
    const uint64_t length = text::length(valid);
    return object(Kind::string, new StringObject(std::move(valid), length, false));
}

Value Value::list(std::vector<Value> items) {
    return object(Kind::list, new ListObject(std::move(items)));
}

Value Value::tuple(std::vector<Value> items) {
    return object(Kind::tuple, new ListObject(std::move(items)));
}

Value Value::map(Map entries) {
    return object(Kind::map, new MapObject(std::move(entries)));
}

Value Value::object(Kind kind, Object* object) {
    Value v;
    v.kind_ = kind;
    v.owns_ = true;
    v.bits_.object = object;
    object->retain();
    return v;
}

bool Value::is_markup() const {
    return is_string() && string_of(*this).markup;
}

const BigInt& Value::as_big() const {
    return static_cast<BigObject*>(bits_.object)->big;
}

std::string_view Value::as_string() const {
    return string_of(*this).text;
}

uint64_t Value::string_length() const {
    return string_of(*this).length;
}

std::span<const Value> Value::items() const {
    return list_of(*this).items;
}

const Map& Value::entries() const {
    return map_of(*this).entries;
}

const Value* Value::get(std::string_view key) const {
    return is(Kind::map) ? entries().find(key) : nullptr;
}

void Object::release() {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    if (heap_) {
        heap_->bury(this);
    } else {
        delete this;
    }
}

namespace {

/// Position of a kind in the key order; numbers of all kinds share one.
int key_class(const Value& v) {
    switch (v.kind()) {
        case Kind::undefined:
            return 0;
        case Kind::none:
            return 1;
        case Kind::boolean:
        case Kind::integer:
        case Kind::big_integer:
        case Kind::real:
            return 2;
        case Kind::string:
            return 3;
        case Kind::tuple:
            return 4;
        default:
            return 5;
    }
}

/// Position of a key relative to a string.
int compare_to_string(const Value& a, std::string_view b) {
    if (const int order = key_class(a) - 3) return order;
    return a.as_string().compare(b);
}

/// Three-way comparison of keys.
int compare_keys(const Value& a, const Value& b) {
    const int class_a = key_class(a), class_b = key_class(b);
    if (class_a != class_b) return class_a < class_b ? -1 : 1;
    switch (class_a) {
        case 0:
        case 1:
            return 0;
        case 2: {
            const bool nan_a = is_nan(a), nan_b = is_nan(b);
            if (nan_a || nan_b) return int(nan_a) - int(nan_b);
            return compare_numbers(a, b);
        }
        case 3: {
            const int order = a.as_string().compare(b.as_string());
            return order < 0 ? -1 : order > 0;
        }
        case 4: {
            const auto x = a.items(), y = b.items();
            for (size_t i = 0; i < x.size() && i < y.size(); ++i)
                if (const int order = compare_keys(x[i], y[i])) return order;
            return x.size() < y.size() ? -1 : x.size() > y.size();
        }
        default:
            return a.object() < b.object() ? -1 : a.object() > b.object();
    }
}

}  // namespace

bool KeyLess::operator()(const Value& a, const Value& b) const {
    return compare_keys(a, b) < 0;
}
bool KeyLess::operator()(const Value& a, std::string_view b) const {
    return compare_to_string(a, b) < 0;
}
bool KeyLess::operator()(std::string_view a, const Value& b) const {
    return compare_to_string(b, a) > 0;
}

size_t Map::position(const Value& key) const {
    if (entries_.size() <= kScanned) {
        for (size_t i = 0; i < entries_.size(); ++i)
            if (compare_keys(entries_[i].first, key) == 0) return i;
        return entries_.size();
    }
    const auto it = index_.find(key);
    return it == index_.end() ? entries_.size() : it->second;
}

const Value* Map::find(const Value& key) const {
    const size_t i = position(key);
    return i == entries_.size() ? nullptr : &entries_[i].second;
}

const Value* Map::find(std::string_view key) const {
    if (entries_.size() > kScanned) {
        const auto it = index_.find(key);
        return it == index_.end() ? nullptr : &entries_[it->second].second;
    }
    for (const auto& [k, v] : entries_)
        if (k.is_string() && k.as_string() == key) return &v;
    return nullptr;
}

void Map::set(Value key, Value value) {
    const size_t i = position(key);
    if (i < entries_.size()) {
        entries_[i].second = std::move(value);
        return;
    }
    entries_.emplace_back(std::move(key), std::move(value));
    if (entries_.size() == kScanned + 1) {
        for (size_t j = 0; j < entries_.size(); ++j) index_.emplace(entries_[j].first, j);
    } else if (entries_.size() > kScanned) {
        index_.emplace(entries_.back().first, entries_.size() - 1);
    }
}

bool Map::erase(const Value& key) {
    const size_t i = position(key);
    if (i == entries_.size()) return false;
    const Entry removed =
        std::move(entries_[i]);  // its destruction must not meet a half-erased map
    entries_.erase(entries_.begin() + ptrdiff_t(i));
    index_.clear();
    if (entries_.size() > kScanned)
        for (size_t j = 0; j < entries_.size(); ++j) index_.emplace(entries_[j].first, j);
    return true;
}

void Map::clear() {
    const auto entries = std::move(entries_);
    entries_.clear();
    index_.clear();
}

void Heap::admit(Object* object, uint64_t bytes) {
    object->heap_ = this;
    object->next_ = first_;
    if (first_) first_->previous_ = object;
    first_ = object;
    object->size_bytes_ = bytes;
    live_bytes_ += bytes;
    check();
}

void Heap::change_size(Object* object, uint64_t bytes) {
    live_bytes_ = live_bytes_ - object->size_bytes_ + bytes;
    object->size_bytes_ = bytes;
    check();
}

void Heap::check() {
    peak_bytes_ = std::max(peak_bytes_, live_bytes_);
    if (live_bytes_ > limit_bytes_)
        throw Failure{ErrorKind::limit,
                      fmt::format("values need more than {} bytes", limit_bytes_)};
}

void Heap::bury(Object* object) {
    dead_.push_back(object);
    if (burying_) return;
    burying_ = true;
    while (!dead_.empty()) {
        Object* next = dead_.back();
        dead_.pop_back();
        (next->previous_ ? next->previous_->next_ : first_) = next->next_;
        if (next->next_) next->next_->previous_ = next->previous_;
        live_bytes_ -= next->size_bytes_;
        delete next;
    }
    burying_ = false;
}

Heap::~Heap() {
    // What is still alive hangs in cycles: hold everything, cut all references, let go.
    std::vector<Object*> rest;
    for (Object* o = first_; o; o = o->next_) rest.push_back(o);
    for (Object* o : rest) o->retain();
    for (Object* o : rest) o->drop_references();
    for (Object* o : rest) o->release();
}

}  // namespace m2w::jinja
