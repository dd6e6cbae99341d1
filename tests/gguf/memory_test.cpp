// memory_test.cpp — how much memory opening a file takes, and what happens when there is none. A
// program of its own, because it replaces operator new.
#include <gtest/gtest.h>

#include "gguf/file.h"
#include "gguf/shards/check_shards.h"
#include "gguf/shards/open_model.h"
#include "gguf/validate.h"
#include "gguf/write.h"
#include "tests/gguf/raw_gguf.h"
#include "tests/gguf/shard_samples.h"
#include "tests/gguf/temp_dir.h"
#include "tests/support/failing_heap.h"
#include "tests/support/shared.h"

namespace m2w::gguf {
namespace {

using test::expect_clean_failures;
using test::expect_out_of_memory_everywhere;
using test::heap;
using test::outcome_of;
using test::Raw;

constexpr uint64_t kMiB = 1 << 20;

/// A file of any size: a prefix, and one byte repeated behind it.
class EndlessSource final : public Source {
  public:
    EndlessSource(std::string prefix, char filler, uint64_t size)
        : prefix_(std::move(prefix)), filler_(filler), size_(size) {}
    uint64_t size_bytes() const override { return size_; }
    const std::string& name() const override { return name_; }
    Result<void> read(uint64_t offset_bytes, std::span<std::byte> out) const override {
        for (size_t i = 0; i < out.size(); i++) {
            const uint64_t at = offset_bytes + i;
            out[i] = std::byte(at < prefix_.size() ? prefix_[at] : filler_);
        }
        return {};
    }
    std::span<const std::byte> view(uint64_t, uint64_t) const override { return {}; }
    void done_with(uint64_t, uint64_t) const override {}

  private:
    std::string prefix_, name_ = "endless";
    char filler_;
    uint64_t size_;
};

struct Use {
    std::string outcome;
    uint64_t peak_bytes;
};

Use memory_of_parsing(const std::shared_ptr<const Source>& source) {
    const uint64_t before = heap.live_bytes;
    heap.peak_bytes = before;
    const auto file = File::parse(source);
    return {file ? "ok" : std::string(category_name(file.error().category)),
            heap.peak_bytes - before};
}

Use memory_of_parsing(const Raw& raw) {
    return memory_of_parsing(make_memory_source("m", raw.bytes));
}

TEST(memory, usual_vocabulary_takes_less_than_four_headers) {
    Raw raw;
    raw.header(0, 3).key("tokens", ValueType::array).array(ValueType::string, 128'000);
    for (int i = 0; i < 128'000; i++) raw.text("tok" + std::to_string(i));
    raw.key("merges", ValueType::array).array(ValueType::string, 127'000);
    for (int i = 0; i < 127'000; i++) raw.text("first" + std::to_string(i) + " second");
    raw.key("types", ValueType::array).array(ValueType::i32, 128'000).zeros(4 * 128'000);
    const Use use = memory_of_parsing(raw);
    EXPECT_EQ(use.outcome, "ok");
    EXPECT_LE(use.peak_bytes, 4 * raw.bytes.size());
}

/// The bound of docs/limits.md.
void expect_bounded(const Raw& raw) {
    const Use use = memory_of_parsing(raw);
    EXPECT_EQ(use.outcome, "ok");
    EXPECT_LE(use.peak_bytes, 4 * raw.bytes.size() + 48 * kMiB) << raw.bytes.size();
}

TEST(memory, smallest_strings_stay_within_the_bound) {
    constexpr uint64_t kCount = 4 * kTrustedStrings;
    Raw raw;
    raw.header(0, 1).key("a", ValueType::array).array(ValueType::string, kCount);
    raw.zeros(8 * kCount);
    expect_bounded(raw);
}

TEST(memory, strings_just_too_long_to_lie_inside_std_string_stay_within_the_bound) {
    Raw raw;
    raw.header(0, 1).key("a", ValueType::array).array(ValueType::string, 1 << 20);
    for (int i = 0; i < 1 << 20; i++) raw.text("sixteen bytes...");
    expect_bounded(raw);
}

TEST(memory, most_and_smallest_entries_and_tensors_stay_within_the_bound) {
    Raw raw;
    raw.header(kMaxTensors, kMaxKeyValues);
    for (uint64_t i = 0; i < kMaxKeyValues; i++)
        raw.key(std::to_string(i), ValueType::u8).put(uint8_t(1));
    for (uint64_t i = 0; i < kMaxTensors; i++) raw.tensor(std::to_string(i), {}, 24, 32 * i);
    raw.pad().zeros(kMaxTensors * 32);
    const Use use = memory_of_parsing(raw);
    EXPECT_EQ(use.outcome, "ok");
    EXPECT_LE(use.peak_bytes, 48 * kMiB);
}

TEST(memory, most_nested_arrays_stay_within_the_bound) {
    Raw raw;
    raw.header(0, 1).key("a", ValueType::array).array(ValueType::array, kMaxNestedArrays);
    for (uint64_t i = 0; i < kMaxNestedArrays; i++) raw.array(ValueType::u8, 0);
    expect_bounded(raw);
}

TEST(memory, counts_that_lie_take_memory_for_nothing) {
    const auto endless = [](const Raw& raw) {
        return std::make_shared<EndlessSource>(raw.bytes, '\xff', uint64_t(1) << 40);
    };
    Raw strings;
    strings.header(0, 1).key("a", ValueType::array).array(ValueType::string, kMaxArrayElems);
    Raw few_strings;
    few_strings.header(0, 1).key("a", ValueType::array);
    few_strings.array(ValueType::string, kTrustedStrings);
    Raw arrays;
    arrays.header(0, 1).key("a", ValueType::array).array(ValueType::array, kMaxNestedArrays);
    Raw counts;
    counts.header(kMaxTensors, kMaxKeyValues);
    for (const auto& [raw, outcome, limit_bytes] : {std::tuple{&strings, "string_length", kMiB},
                                                    {&few_strings, "string_length", 17 * kMiB},
                                                    {&arrays, "unknown_type", kMiB},
                                                    {&counts, "string_length", kMiB}}) {
        const Use use = memory_of_parsing(endless(*raw));
        EXPECT_EQ(use.outcome, outcome);
        EXPECT_LE(use.peak_bytes, limit_bytes);
    }
}

TEST(allocation_failure, opening_a_file_gives_out_of_memory_at_every_allocation) {
    M2W_SHARED(path, "robust/seeds/gguf/tiny_model.gguf");
    const std::filesystem::path file_path = path;
    expect_out_of_memory_everywhere([&] { return outcome_of(File::open(file_path)); });
}

TEST(allocation_failure, opening_a_split_model_gives_out_of_memory_at_every_allocation) {
    const test::TempDir dir;
    for (const uint16_t i : {uint16_t(0), uint16_t(1)}) {
        const KeyValue metadata[] = {{"split.no", make_value(i)},
                                     {"split.count", make_value(uint16_t(2))},
                                     {"split.tensors.count", make_value(int32_t(2))}};
        const TensorSpec specs[] = {{"t" + std::to_string(i), DType::i8, {1}}};
        const std::byte byte[1] = {};
        const std::span<const std::byte> data[] = {byte};
        dir.write(i ? "m-00002-of-00002.gguf" : "m-00001-of-00002.gguf",
                  *write_file(metadata, specs, data));
    }
    const auto first = dir.path() / "m-00001-of-00002.gguf";
    expect_out_of_memory_everywhere([&] { return outcome_of(File::open(first)); });
}

TEST(allocation_failure, opening_a_source_gives_out_of_memory_at_every_allocation) {
    const test::TempDir dir;
    const auto path = dir.write("a name that is longer than a small string", "x");
    expect_out_of_memory_everywhere([&] { return outcome_of(open_file_source(path)); });
}

TEST(allocation_failure, cutting_and_reading_shards_gives_out_of_memory_at_every_allocation) {
    test::SampleModel model;
    model.add("token_embd.weight", DType::q8_0, {64, 12}).add("blk.0.w", DType::q4_k, {256, 2});
    const auto file = test::parse_model(model.bytes());
    const shards::ShardWriteOptions options{.max_shard_bytes = 512};
    const test::TempDir dir;
    const std::filesystem::path folder = dir.path() / "s";
    const shards::ShardOpener opener = shards::folder_opener(folder);
    const auto cut = [&] {
        const auto sink = shards::open_shard_folder(folder);
        if (!sink) return outcome_of(sink);
        return outcome_of(shards::write_shards(*file, **sink, options));
    };
    const auto check = [&] {
        const auto manifest = shards::read_manifest(folder);
        if (!manifest) return outcome_of(manifest);
        return outcome_of(shards::check_shards(*manifest, opener, {}));
    };
    // What is there afterwards is a model, or what the next run goes on from.
    expect_clean_failures([&] { std::filesystem::remove_all(folder); }, cut,
                          [&] {
                              ASSERT_EQ(cut(), "ok");
                              ASSERT_EQ(check(), "ok");
                          });
    expect_out_of_memory_everywhere(cut);  // over a folder that is complete
    expect_out_of_memory_everywhere(check);
    expect_out_of_memory_everywhere([&] {
        const auto opened = shards::open_model(folder);
        if (!opened) return outcome_of(opened);
        std::byte bytes[100];
        return outcome_of((*opened)->read((*opened)->tensors()[0], 3, bytes));
    });
}

TEST(allocation_failure, decoding_and_array_access_give_out_of_memory) {
    const std::vector<uint32_t> numbers(1000, 5);
    const KeyValue metadata[] = {{"numbers", make_array(numbers)}};
    const TensorSpec specs[] = {{"t", DType::f32, {1000}}};
    const std::span<const std::byte> data[] = {std::as_bytes(std::span(numbers))};
    const auto bytes = write_file(metadata, specs, data);
    ASSERT_TRUE(bytes);
    const auto file = File::parse(make_memory_source("m", *bytes));
    ASSERT_TRUE(file);
    expect_out_of_memory_everywhere(
        [&] { return outcome_of((*file)->decode((*file)->tensors()[0])); });
    expect_out_of_memory_everywhere([&] { return outcome_of((*file)->find_u32s("numbers")); });
    expect_out_of_memory_everywhere([&] { return outcome_of(write_file(metadata, specs, data)); });
}

}  // namespace
}  // namespace m2w::gguf
