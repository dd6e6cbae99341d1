// check_gguf.cpp — the invariants of parsed files, stated without the parser's own code.
#include "gguf/fuzz/check_gguf.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "gguf/file.h"
#include "gguf/validate.h"
#include "gguf/write.h"

namespace m2w::gguf::fuzz {
namespace {

Result<std::shared_ptr<const File>> parse(std::string_view bytes, uint64_t first_window_bytes,
                                          uint64_t max_window_bytes) {
    ParseOptions options;
    options.first_window_bytes = first_window_bytes;
    options.max_window_bytes = max_window_bytes;
    options.open_part = [&](const std::string& name) -> Result<std::shared_ptr<const Source>> {
        const size_t second = bytes.find("GGUF", 4);
        if (second == bytes.npos) return Error{Category::hyperparameter, name + ": no such part"};
        return make_memory_source(name, std::string(bytes.substr(second)));
    };
    return File::parse(make_memory_source("fuzz-00001-of-00002.gguf", std::string(bytes)), options);
}

/// Categories that a file may be refused with while it is opened.
bool is_refusal(Category category) {
    return (category >= Category::magic && category <= Category::tensor_overlap) ||
           category == Category::hyperparameter || category == Category::resource_limit;
}

std::vector<TensorSpec> specs_of(const File& file) {
    std::vector<TensorSpec> specs;
    for (const TensorInfo& t : file.tensors())
        specs.push_back({t.name, t.dtype, {t.dims.begin(), t.dims.begin() + t.n_dims}});
    return specs;
}

/// The metadata without what would make a file that was written as one the first of several.
std::vector<KeyValue> unsplit_metadata(const File& file) {
    std::vector<KeyValue> metadata(file.metadata().begin(), file.metadata().end());
    std::erase_if(metadata, [](const KeyValue& kv) { return kv.key == "split.count"; });
    return metadata;
}

/// Metadata and directory as bytes, so that files can be compared (NaN included).
std::string header_bytes(const File& file) {
    const auto header = write_header(unsplit_metadata(file), specs_of(file));
    M2W_ASSERT(header);
    return header->bytes;
}

void check_metadata(const File& file) {
    for (const KeyValue& kv : file.metadata()) {
        M2W_ASSERT(file.find(kv.key) == &kv.value);  // so no key is there twice
        // No accessor may crash, whatever the type; and each accepts its own.
        const ValueType type = kv.value.type;
        const auto text = file.find_string(kv.key);
        M2W_ASSERT(bool(text) == (type == ValueType::string));
        M2W_ASSERT(bool(file.find_bool(kv.key)) == (type == ValueType::boolean));
        const auto number = file.find_f32(kv.key);
        if (number) M2W_ASSERT(std::isfinite(**number));
        (void)file.find_u32(kv.key);
        const auto strings = file.find_strings(kv.key);
        const auto u32s = file.find_u32s(kv.key);
        const auto i32s = file.find_i32s(kv.key);
        const auto f32s = file.find_f32s(kv.key);
        const Array* array = std::get_if<Array>(&kv.value.data);
        M2W_ASSERT((array != nullptr) == (type == ValueType::array));
        if (strings) M2W_ASSERT((*strings)->size() == array->count);
        if (u32s) M2W_ASSERT((*u32s)->size() == array->count);
        if (i32s) M2W_ASSERT((*i32s)->size() == array->count);
        if (f32s) M2W_ASSERT((*f32s)->size() == array->count);
    }
}

void check_tensors(const File& file) {
    struct Range {
        uint32_t part;
        uint64_t begin, end;
        auto operator<=>(const Range&) const = default;
    };
    std::vector<Range> ranges;
    for (const TensorInfo& t : file.tensors()) {
        M2W_ASSERT(file.find_tensor(t.name) == &t);
        M2W_ASSERT(!t.name.empty() && t.name.size() <= 64 && t.n_dims <= 4);
        const DTypeInfo& dtype = dtype_info(t.dtype);
        M2W_ASSERT(t.row_elems() > 0 && t.row_elems() % dtype.block_elems == 0);
        const auto blocks = (unsigned __int128)(t.row_elems() / dtype.block_elems) * t.dims[1] *
                            t.dims[2] * t.dims[3];  // in bounds, as bytes fit into a file
        M2W_ASSERT(blocks * dtype.block_bytes == t.size_bytes && t.size_bytes > 0);
        const uint64_t source_bytes = file.source(t).size_bytes();
        if (t.part == 0) M2W_ASSERT(t.offset_bytes % file.alignment() == 0);
        M2W_ASSERT(t.offset_bytes <= source_bytes && t.size_bytes <= source_bytes - t.offset_bytes);
        ranges.push_back({t.part, t.offset_bytes, t.offset_bytes + t.size_bytes});
    }
    std::sort(ranges.begin(), ranges.end());
    for (size_t i = 1; i < ranges.size(); i++)
        M2W_ASSERT(ranges[i].part != ranges[i - 1].part || ranges[i].begin >= ranges[i - 1].end);
}

void check_weights(const File& file) {
    for (const TensorInfo& t : file.tensors()) {
        const auto weights = file.decode(t);
        M2W_ASSERT(bool(weights) == (dtype_info(t.dtype).decode != nullptr));
        const auto finite = check_finite(file, t);
        M2W_ASSERT(finite || finite.error().category == Category::nan_scale);
        if (!weights) continue;
        M2W_ASSERT(weights->size() == t.rows() * t.row_elems());
        if (finite)
            for (const float w : *weights) M2W_ASSERT(std::isfinite(w));
    }
}

void check_round_trip(const File& file) {
    std::vector<std::vector<std::byte>> blobs;
    for (const TensorInfo& t : file.tensors()) {
        blobs.emplace_back(t.size_bytes);
        M2W_ASSERT(file.read(t, 0, blobs.back()));
    }
    const std::vector<std::span<const std::byte>> data(blobs.begin(), blobs.end());
    const auto bytes = write_file(unsplit_metadata(file), specs_of(file), data);
    M2W_ASSERT(bytes);
    const auto again = File::parse(make_memory_source("again", *bytes));
    M2W_ASSERT(again);
    M2W_ASSERT(header_bytes(**again) == header_bytes(file));
    for (size_t i = 0; i < blobs.size(); i++) {
        std::vector<std::byte> read(blobs[i].size());
        M2W_ASSERT((*again)->read((*again)->tensors()[i], 0, read));
        M2W_ASSERT(read == blobs[i]);
    }
}

void check_same(const Result<std::shared_ptr<const File>>& a,
                const Result<std::shared_ptr<const File>>& b) {
    M2W_ASSERT(bool(a) == bool(b));
    if (!a) {
        M2W_ASSERT(a.error().str() == b.error().str());
        return;
    }
    M2W_ASSERT(header_bytes(**a) == header_bytes(**b));
    for (size_t i = 0; i < (*a)->tensors().size(); i++) {
        const TensorInfo &x = (*a)->tensors()[i], &y = (*b)->tensors()[i];
        M2W_ASSERT(x.offset_bytes == y.offset_bytes && x.part == y.part);
    }
}

}  // namespace

void check_gguf(std::span<const std::byte> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto file = parse(text, kFirstWindowBytes, kMaxWindowBytes);
    for (const uint64_t window : {1, 7, 64 << 10}) check_same(file, parse(text, window, window));
    check_same(file, parse(text, 1, 1 << 10));  // windows that grow
    if (!file) {
        M2W_ASSERT(is_refusal(file.error().category));
        M2W_ASSERT(!file.error().message.empty() && file.error().message.size() < 2000);
        return;
    }
    check_metadata(**file);
    check_tensors(**file);
    check_weights(**file);
    check_round_trip(**file);
}

}  // namespace m2w::gguf::fuzz
