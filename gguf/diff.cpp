// diff.cpp — merges two sorted lists of names, then compares what has the same one.
#include "gguf/diff.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "gguf/parser.h"

namespace m2w::gguf {
namespace {

/// Weights compared at a time: a whole number of blocks of every type.
constexpr uint64_t kPieceElems = 1 << 18;

template <class T>
T load(const std::byte* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

bool same(const Value& a, const Value& b);

bool same_element(const Array& a, const Array& b, uint64_t i) {
    if (a.element == ValueType::string) return a.strings[i] == b.strings[i];
    if (a.element == ValueType::array)
        return same({ValueType::array, a.arrays[i]}, {ValueType::array, b.arrays[i]});
    const uint64_t bytes = detail::scalar_bytes(a.element);
    return std::memcmp(&a.scalars[i * bytes], &b.scalars[i * bytes], bytes) == 0;
}

/// Counts elements that differ, and notes the first.
template <class Same>
void count_differences(uint64_t n_a, uint64_t n_b, MetadataChange& change, Same same_at) {
    const uint64_t both = std::min(n_a, n_b);
    change.first_difference = both;
    change.n_different = std::max(n_a, n_b) - both;
    for (uint64_t i = both; i-- > 0;)
        if (!same_at(i)) {
            change.first_difference = i;
            ++change.n_different;
        }
}

bool same_arrays(const Array& a, const Array& b) {
    if (a.element != b.element || a.count != b.count) return false;
    for (uint64_t i = 0; i < a.count; ++i)
        if (!same_element(a, b, i)) return false;
    return true;
}

/// Numbers are compared by their bits: a NaN equals itself.
bool same(const Value& a, const Value& b) {
    if (a.type != b.type || a.data.index() != b.data.index()) return false;
    if (const auto* array = std::get_if<Array>(&a.data))
        return same_arrays(*array, std::get<Array>(b.data));
    if (const auto* number = std::get_if<double>(&a.data))
        return std::bit_cast<uint64_t>(*number) ==
               std::bit_cast<uint64_t>(std::get<double>(b.data));
    if (const auto* text = std::get_if<std::string>(&a.data))
        return *text == std::get<std::string>(b.data);
    if (const auto* number = std::get_if<uint64_t>(&a.data))
        return *number == std::get<uint64_t>(b.data);
    if (const auto* number = std::get_if<int64_t>(&a.data))
        return *number == std::get<int64_t>(b.data);
    return std::get<bool>(a.data) == std::get<bool>(b.data);
}

MetadataChange describe(const std::string& key, const Value* a, const Value* b) {
    MetadataChange change{key, a, b};
    if (!a || !b) return change;
    const auto *x = std::get_if<Array>(&a->data), *y = std::get_if<Array>(&b->data);
    if (x && y && x->element == y->element)
        count_differences(x->count, y->count, change,
                          [&](uint64_t i) { return same_element(*x, *y, i); });
    const auto *s = std::get_if<std::string>(&a->data), *t = std::get_if<std::string>(&b->data);
    if (s && t)
        count_differences(s->size(), t->size(), change,
                          [&](uint64_t i) { return (*s)[i] == (*t)[i]; });
    return change;
}

template <class Row, class Name>
std::vector<const Row*> sorted(std::span<const Row> rows, Name name) {
    std::vector<const Row*> out;
    for (const Row& row : rows) out.push_back(&row);
    std::sort(out.begin(), out.end(),
              [&](const Row* a, const Row* b) { return name(*a) < name(*b); });
    return out;
}

/// Calls use(row of a or null, row of b or null) for each name that either list has.
template <class Row, class Name, class Use>
Result<void> merge(std::span<const Row> a, std::span<const Row> b, Name name, Use use) {
    const auto left = sorted(a, name), right = sorted(b, name);
    for (size_t i = 0, j = 0; i < left.size() || j < right.size();) {
        const bool from_left =
            i < left.size() && (j == right.size() || name(*left[i]) <= name(*right[j]));
        const bool from_right =
            j < right.size() && (i == left.size() || name(*right[j]) <= name(*left[i]));
        TRY(use(from_left ? left[i] : nullptr, from_right ? right[j] : nullptr));
        i += from_left;
        j += from_right;
    }
    return {};
}

/// Elements [first, first + n) of a tensor as they are in the file.
Result<void> read_blocks(const File& file, const TensorInfo& t, uint64_t first, uint64_t n,
                         std::vector<std::byte>& out) {
    const DTypeInfo& type = dtype_info(t.dtype);
    out.resize(size_t(n / type.block_elems * type.block_bytes));
    return file.read(t, first / type.block_elems * type.block_bytes, out);
}

void decode(DType dtype, const std::vector<std::byte>& blocks, std::vector<float>& out) {
    const DTypeInfo& type = dtype_info(dtype);
    const size_t n_blocks = blocks.size() / type.block_bytes;
    out.resize(n_blocks * type.block_elems);
    type.decode(blocks.data(), n_blocks, out.data());
}

/// Two tensors of one shape.
Result<void> compare_weights(const File& a, const File& b, Weights how, TensorChange& change) {
    const uint64_t total = change.a->row_elems() * change.a->rows();
    const bool numbers = how == Weights::numbers && dtype_info(change.a->dtype).decode &&
                         dtype_info(change.b->dtype).decode;
    if (change.type && !numbers) return {};
    std::vector<std::byte> x, y;
    std::vector<float> u, v;
    double error = 0, norm = 0;
    for (uint64_t first = 0; first < total; first += kPieceElems) {
        const uint64_t n = std::min(kPieceElems, total - first);
        TRY(read_blocks(a, *change.a, first, n, x));
        TRY(read_blocks(b, *change.b, first, n, y));
        if (!change.type) change.weights |= x != y;
        if (!numbers && change.weights) return {};
        if (!numbers) continue;
        decode(change.a->dtype, x, u);
        decode(change.b->dtype, y, v);
        for (size_t i = 0; i < u.size(); ++i) {
            const double d = double(v[i]) - double(u[i]);
            error += d * d;
            norm += double(u[i]) * double(u[i]);
            change.largest_difference = std::max(change.largest_difference, std::abs(d));
        }
    }
    if (!numbers || (!change.type && !change.weights)) return {};
    change.relative_error = error == 0 ? 0 : std::sqrt(error / norm);
    return {};
}

}  // namespace

Value array_element(const Array& array, uint64_t i) {
    if (array.element == ValueType::string) return {ValueType::string, array.strings[i]};
    if (array.element == ValueType::array) return {ValueType::array, array.arrays[i]};
    const std::byte* at = &array.scalars[i * detail::scalar_bytes(array.element)];
    switch (array.element) {
        case ValueType::u8:
            return {array.element, uint64_t(load<uint8_t>(at))};
        case ValueType::i8:
            return {array.element, int64_t(load<int8_t>(at))};
        case ValueType::u16:
            return {array.element, uint64_t(load<uint16_t>(at))};
        case ValueType::i16:
            return {array.element, int64_t(load<int16_t>(at))};
        case ValueType::u32:
            return {array.element, uint64_t(load<uint32_t>(at))};
        case ValueType::i32:
            return {array.element, int64_t(load<int32_t>(at))};
        case ValueType::u64:
            return {array.element, load<uint64_t>(at)};
        case ValueType::i64:
            return {array.element, load<int64_t>(at)};
        case ValueType::f32:
            return {array.element, double(load<float>(at))};
        case ValueType::f64:
            return {array.element, load<double>(at)};
        default:
            return {ValueType::boolean, load<uint8_t>(at) != 0};
    }
}

Result<FileDiff> diff(const File& a, const File& b, Weights weights) {
    FileDiff out;
    TRY(merge(
        a.metadata(), b.metadata(), [](const KeyValue& kv) -> const std::string& { return kv.key; },
        [&](const KeyValue* x, const KeyValue* y) -> Result<void> {
            if (x && y && same(x->value, y->value))
                ++out.n_equal_keys;
            else
                out.metadata.push_back(describe(x ? x->key : y->key, x ? &x->value : nullptr,
                                                y ? &y->value : nullptr));
            return {};
        }));
    TRY(merge(
        a.tensors(), b.tensors(), [](const TensorInfo& t) -> const std::string& { return t.name; },
        [&](const TensorInfo* x, const TensorInfo* y) -> Result<void> {
            TensorChange change{x ? x->name : y->name, x, y};
            if (x && y) {
                change.type = x->dtype != y->dtype;
                change.shape = x->dims != y->dims;
                if (!change.shape && weights != Weights::ignored)
                    TRY(compare_weights(a, b, weights, change));
                if (!change.type && !change.shape && !change.weights) {
                    ++out.n_equal_tensors;
                    return {};
                }
            }
            out.tensors.push_back(std::move(change));
            return {};
        }));
    return out;
}

}  // namespace m2w::gguf
