// file_test.cpp — parsing, typed access and split models, with the words of the errors.
#include "gguf/file.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "gguf/validate.h"
#include "gguf/write.h"
#include "tests/gguf/raw_gguf.h"
#include "tests/gguf/temp_dir.h"

namespace m2w::gguf {
namespace {

using test::category_of;
using test::parse;
using test::Raw;
using test::TempDir;

std::string message_of(std::string bytes) {
    const auto file = File::parse(make_memory_source("f.gguf", std::move(bytes)));
    return file ? "ok" : file.error().str();
}

TEST(file, start_of_another_format_gives_a_hint) {
    const std::pair<std::string, const char*> starts[] = {
        {"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n", "git lfs pull"},
        {"<!DOCTYPE html><html>", "HTML"},
        {"\n  <?xml version='1.0'?>", "HTML or XML"},
        {"\x1f\x8b\x08 compressed", "gzip"},
        {"\x28\xb5\x2f\xfd zstandard", "zstd"},
        {"PK\x03\x04 archive", "zip"},
        {std::string("\x40\0\0\0\0\0\0\0{\"a\":{}}", 17), "safetensors"},
        {"FUGG....", "byte-swapped"},
        {"tjgg....", "GGJT"},
        {"lmgg....", "GGML"},
        {std::string(4096, '\0'), "unfinished download"},
    };
    for (const auto& [bytes, hint] : starts) {
        const std::string message = message_of(bytes);
        EXPECT_TRUE(message.starts_with("error[magic] not a GGUF file, but ")) << message;
        EXPECT_NE(message.find(hint), std::string::npos) << message;
        EXPECT_NE(message.find("f.gguf"), std::string::npos) << message;
    }
    EXPECT_EQ(message_of("something else"),
              "error[magic] not a GGUF file: it does not start with \"GGUF\" (f.gguf, byte 0)");
}

TEST(file, short_files_are_truncated) {
    EXPECT_EQ(message_of(""), "error[truncated] a file of 0 bytes cannot be GGUF (f.gguf, byte 0)");
    EXPECT_EQ(message_of("GGU"),
              "error[truncated] a file of 3 bytes cannot be GGUF (f.gguf, byte 0)");
    EXPECT_EQ(message_of("GGUF"),
              "error[truncated] need 4 bytes, the file has 0 left (f.gguf, byte 4)");
}

TEST(file, versions_2_and_3_open_and_others_say_why_not) {
    for (const uint32_t version : {2u, 3u}) {
        const auto file = parse(Raw().header(0, 0, version));
        ASSERT_TRUE(file);
        EXPECT_EQ((*file)->version(), version);
    }
    EXPECT_EQ(message_of(Raw().header(0, 0, 1).bytes),
              "error[version] GGUF version 1, expected 2 or 3: convert the file to version 3 "
              "(f.gguf, byte 8)");
    EXPECT_EQ(message_of(Raw().header(0, 0, 3u << 24).bytes),
              "error[version] GGUF version 50331648, expected 2 or 3: probably a big-endian file "
              "(f.gguf, byte 8)");
    EXPECT_EQ(category_of(Raw().header(0, 0, 0)), "version");
    EXPECT_EQ(category_of(Raw().header(0, 0, 4)), "version");
}

TEST(file, errors_name_the_key_or_tensor_and_what_was_found) {
    EXPECT_EQ(
        message_of(
            Raw().header(0, 1).key("a.b", ValueType::array).array(ValueType::u64, 1000).bytes),
        "error[array_length] array a.b has 1000 elements of at least 8 bytes, the file has 0 "
        "bytes left (f.gguf, byte 51)");
    EXPECT_EQ(message_of(Raw().header(1, 0).tensor("blk.0.x", {33, 2}, 8, 0).bytes),
              "error[tensor_dims] blk.0.x: row length 33 is no positive multiple of 32 (shape "
              "[2][33], Q8_0) (f.gguf, byte 71)");
    EXPECT_EQ(
        message_of(Raw().header(1, 0).tensor("x", {32}, 0, 64).pad().zeros(100).bytes),
        "error[tensor_bounds] x: 128 bytes at 64 of the data section, which has 100 (f.gguf)");
}

TEST(file, names_in_errors_are_cut_at_80_bytes_and_escaped) {
    const std::string key = "\x1b]0;" + std::string(200, 'k');
    const std::string message =
        message_of(Raw().header(0, 1).key(key, ValueType(77)).zeros(8).bytes);
    EXPECT_TRUE(message.starts_with("error[unknown_type] \\x1b]0;kkk")) << message;
    EXPECT_LT(message.size(), 250u);
    EXPECT_NE(message.find("kkk... has value type 77"), std::string::npos) << message;
}

TEST(file, empty_tensor_is_refused) {
    for (const auto dims : {std::initializer_list<uint64_t>{0}, {32, 0}, {0, 32}, {32, 1, 1, 0}})
        EXPECT_EQ(category_of(Raw().header(1, 0).tensor("t", dims, 0, 0).pad().zeros(64)),
                  "tensor_dims");
}

TEST(file, tensors_may_touch_and_lie_in_any_order_but_not_overlap) {
    const auto file = [](uint64_t a, uint64_t b) {
        return Raw().header(2, 0).tensor("a", {8}, 0, a).tensor("b", {8, 2}, 0, b).pad().zeros(128);
    };
    EXPECT_EQ(category_of(file(0, 32)), "ok");
    EXPECT_EQ(category_of(file(64, 0)), "ok");
    EXPECT_EQ(category_of(file(96, 0)), "ok");
    EXPECT_EQ(category_of(file(0, 0)), "tensor_overlap");
    EXPECT_EQ(category_of(file(32, 0)), "tensor_overlap");
    EXPECT_EQ(category_of(file(0, 96)), "tensor_bounds");
}

TEST(file, data_offsets_count_from_the_aligned_end_of_the_header) {
    const auto file = parse(
        Raw().header(1, 0).tensor("t", {8}, 0, 32).pad().zeros(32).raw(std::string(32, '\x3f')));
    ASSERT_TRUE(file);
    const TensorInfo& tensor = (*file)->tensors()[0];
    EXPECT_EQ(tensor.offset_bytes % 32, 0u);
    const auto values = (*file)->decode(tensor);
    ASSERT_TRUE(values);
    EXPECT_EQ((*values)[7], std::bit_cast<float>(0x3f3f3f3fu));
}

/// Delivers bytes and counts them; like a remote file it has no view.
class CountingSource final : public Source {
  public:
    explicit CountingSource(std::string bytes)
        : inner_(make_memory_source("counted", std::move(bytes))) {}
    uint64_t size_bytes() const override { return inner_->size_bytes(); }
    const std::string& name() const override { return inner_->name(); }
    Result<void> read(uint64_t offset_bytes, std::span<std::byte> out) const override {
        n_reads++;
        n_bytes += out.size();
        end = std::max<uint64_t>(end, offset_bytes + out.size());
        return inner_->read(offset_bytes, out);
    }
    std::span<const std::byte> view(uint64_t, uint64_t) const override { return {}; }
    void done_with(uint64_t, uint64_t) const override {}

    mutable uint64_t n_reads = 0, n_bytes = 0, end = 0;

  private:
    std::shared_ptr<const Source> inner_;
};

TEST(file, header_is_read_in_windows_and_the_data_not_at_all) {
    Raw raw;
    raw.header(1, 1).key("k", ValueType::array).array(ValueType::string, 100'000);
    for (int i = 0; i < 100'000; i++) raw.text("token " + std::to_string(i));
    raw.tensor("t", {1 << 24}, 0, 0).pad();
    const uint64_t header_bytes = raw.bytes.size();
    raw.zeros(size_t(4) << 24);
    const auto source = std::make_shared<CountingSource>(raw.bytes);
    const auto file = File::parse(source);
    ASSERT_TRUE(file) << file.error().str();
    EXPECT_LE(source->end, header_bytes + kMaxWindowBytes);
    EXPECT_EQ(source->n_bytes, source->end);  // nothing twice
    EXPECT_EQ(source->n_reads, 4u);           // 256 KiB, 512 KiB, 1 MiB, 2 MiB
    // Weights come through read() when there is no view.
    EXPECT_TRUE(check_finite(**file, (*file)->tensors()[0]));
    EXPECT_EQ((*(*file)->decode((*file)->tensors()[0])).size(), size_t(1) << 24);
}

TEST(file, source_that_fails_gives_its_own_error) {
    class Broken final : public Source {
      public:
        uint64_t size_bytes() const override { return 1000; }
        const std::string& name() const override { return name_; }
        Result<void> read(uint64_t, std::span<std::byte>) const override {
            return Error{Category::io, "the disk is gone"};
        }
        std::span<const std::byte> view(uint64_t, uint64_t) const override { return {}; }
        void done_with(uint64_t, uint64_t) const override {}

      private:
        std::string name_ = "broken";
    };
    const auto file = File::parse(std::make_shared<Broken>());
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().str(), "error[io] the disk is gone");
}

/// One value of each kind under its type's name, and arrays of the number types.
std::shared_ptr<const File> file_of_all_types() {
    const uint8_t u8s[] = {0, 255};
    const int64_t i64s[] = {-1, 5};
    const double f64s[] = {0.5, 1e300};
    const uint64_t u64s[] = {7, uint64_t(1) << 40};
    const KeyValue metadata[] = {
        {"u8", make_value(uint8_t(200))},
        {"i8", make_value(int8_t(-5))},
        {"u16", make_value(uint16_t(60'000))},
        {"i16", make_value(int16_t(300))},
        {"u32", make_value(uint32_t(4'000'000'000))},
        {"i32", make_value(int32_t(-70'000))},
        {"u64", make_value(uint64_t(1) << 32)},
        {"i64", make_value(int64_t(12))},
        {"f32", make_value(0.25f)},
        {"f64", make_value(1e-3)},
        {"f64.huge", make_value(1e300)},
        {"f32.nan", make_value(std::numeric_limits<float>::quiet_NaN())},
        {"f32.inf", make_value(-std::numeric_limits<float>::infinity())},
        {"bool", make_value(true)},
        {"string", make_value(std::string("text"))},
        {"strings", make_array({"a", "", "c"})},
        {"u8s", make_array(u8s)},
        {"i64s", make_array(i64s)},
        {"u64s", make_array(u64s)},
        {"f64s", make_array(f64s)},
    };
    const auto bytes = write_file(metadata, {}, {});
    EXPECT_TRUE(bytes) << bytes.error().str();
    const auto file = File::parse(make_memory_source("all.gguf", *bytes));
    EXPECT_TRUE(file) << file.error().str();
    return file ? *file : nullptr;
}

template <class T>
std::string category_or_ok(const Result<T>& result) {
    return result ? "ok" : std::string(category_name(result.error().category));
}

TEST(file_access, integers_of_every_type_are_found_if_they_fit) {
    const auto file = file_of_all_types();
    EXPECT_EQ(**file->find_u32("u8"), 200u);
    EXPECT_EQ(**file->find_u32("u16"), 60'000u);
    EXPECT_EQ(**file->find_u32("i16"), 300u);
    EXPECT_EQ(**file->find_u32("u32"), 4'000'000'000u);
    EXPECT_EQ(**file->find_u32("i64"), 12u);
    EXPECT_EQ(file->find_u32("u64").error().str(),
              "error[hyperparameter] u64 is 4294967296, expected a number in [0, 4294967295]");
    EXPECT_EQ(category_or_ok(file->find_u32("i8")), "hyperparameter");
    EXPECT_EQ(category_or_ok(file->find_u32("i32")), "hyperparameter");
    for (const char* key : {"f32", "bool", "string", "strings", "u8s"})
        EXPECT_EQ(category_or_ok(file->find_u32(key)), "wrong_metadata_type") << key;
    EXPECT_EQ(file->find_u32("strings").error().str(),
              "error[wrong_metadata_type] strings is array of string, expected an integer");
}

TEST(file_access, floats_must_be_floats_and_finite_in_float) {
    const auto file = file_of_all_types();
    EXPECT_EQ(**file->find_f32("f32"), 0.25f);
    EXPECT_EQ(**file->find_f32("f64"), 1e-3f);
    for (const char* key : {"f64.huge", "f32.nan", "f32.inf"})
        EXPECT_EQ(category_or_ok(file->find_f32(key)), "hyperparameter") << key;
    for (const char* key : {"u32", "bool", "string", "f64s"})
        EXPECT_EQ(category_or_ok(file->find_f32(key)), "wrong_metadata_type") << key;
}

TEST(file_access, bools_and_strings_are_found_by_their_type_only) {
    const auto file = file_of_all_types();
    EXPECT_EQ(**file->find_bool("bool"), true);
    EXPECT_EQ(category_or_ok(file->find_bool("u8")), "wrong_metadata_type");
    EXPECT_EQ(**file->find_string("string"), "text");
    EXPECT_EQ(category_or_ok(file->find_string("bool")), "wrong_metadata_type");
    EXPECT_EQ(category_or_ok(file->find_string("strings")), "wrong_metadata_type");
    EXPECT_EQ(**file->find_strings("strings"), (std::vector<std::string>{"a", "", "c"}));
    EXPECT_EQ(category_or_ok(file->find_strings("string")), "wrong_metadata_type");
    EXPECT_EQ(category_or_ok(file->find_strings("u8s")), "wrong_metadata_type");
}

TEST(file_access, number_arrays_convert_with_range_checks) {
    const auto file = file_of_all_types();
    EXPECT_EQ(**file->find_u32s("u8s"), (std::vector<uint32_t>{0, 255}));
    EXPECT_EQ(**file->find_i32s("u8s"), (std::vector<int32_t>{0, 255}));
    EXPECT_EQ(**file->find_i32s("i64s"), (std::vector<int32_t>{-1, 5}));
    EXPECT_EQ(file->find_u32s("i64s").error().str(),
              "error[hyperparameter] i64s[0] is -1, expected a number in [0, 4294967295]");
    EXPECT_EQ(file->find_u32s("u64s").error().str(),
              "error[hyperparameter] u64s[1] is 1099511627776, expected a number in [0, "
              "4294967295]");
    const auto floats = file->find_f32s("f64s");
    EXPECT_EQ((**floats)[0], 0.5f);
    EXPECT_TRUE(std::isinf((**floats)[1]));
    EXPECT_EQ(category_or_ok(file->find_f32s("u8s")), "wrong_metadata_type");
    EXPECT_EQ(category_or_ok(file->find_u32s("f64s")), "wrong_metadata_type");
    EXPECT_EQ(category_or_ok(file->find_u32s("strings")), "wrong_metadata_type");
    EXPECT_EQ(category_or_ok(file->find_u32s("u8")), "wrong_metadata_type");
}

TEST(file_access, missing_key_is_nothing_or_missing_metadata) {
    const auto file = file_of_all_types();
    EXPECT_EQ(file->find("nope"), nullptr);
    EXPECT_EQ(file->find(""), nullptr);
    EXPECT_FALSE((*file->find_u32("nope")).has_value());
    EXPECT_FALSE((*file->find_f32("nope")).has_value());
    EXPECT_FALSE((*file->find_bool("nope")).has_value());
    EXPECT_FALSE((*file->find_string("nope")).has_value());
    EXPECT_EQ(*file->find_strings("nope"), nullptr);
    EXPECT_FALSE((*file->find_f32s("nope")).has_value());
    EXPECT_EQ(file->get_u32("nope").error().str(),
              "error[missing_metadata] nope is missing (all.gguf)");
    EXPECT_EQ(category_or_ok(file->get_f32("nope")), "missing_metadata");
    EXPECT_EQ(category_or_ok(file->get_string("nope")), "missing_metadata");
    EXPECT_EQ(*file->get_string("string"), "text");
}

TEST(file_access, tensor_reads_are_checked_against_the_tensor) {
    const auto file =
        parse(Raw().header(2, 0).tensor("a", {8}, 0, 0).tensor("b", {4}, 24, 32).pad().zeros(64));
    ASSERT_TRUE(file);
    const TensorInfo* a = (*file)->find_tensor("a");
    ASSERT_TRUE(a);
    EXPECT_EQ((*file)->find_tensor("c"), nullptr);
    std::byte out[40];
    EXPECT_TRUE((*file)->read(*a, 0, std::span(out).first(32)));
    EXPECT_TRUE((*file)->read(*a, 32, {}));
    for (const auto& [offset, n] :
         {std::pair<uint64_t, size_t>{0, 33}, {32, 1}, {33, 0}, {~uint64_t(0), 2}})
        EXPECT_EQ(category_or_ok((*file)->read(*a, offset, std::span(out).first(n))),
                  "tensor_bounds");
    EXPECT_EQ((*file)->decode(*(*file)->find_tensor("b")).error().str(),
              "error[unsupported] b: no decoder for I8 (test.gguf)");
}

/// Part `number` of `count` with one tensor of its own.
std::string part(uint32_t number, uint32_t count, uint32_t total, const std::string& tensor) {
    const KeyValue metadata[] = {{"split.no", make_value(uint16_t(number))},
                                 {"split.count", make_value(uint16_t(count))},
                                 {"split.tensors.count", make_value(int32_t(total))},
                                 {"general.name", make_value("part " + std::to_string(number))}};
    const TensorSpec specs[] = {{tensor, DType::f32, {2}}};
    const float values[] = {float(number), 1.5f};
    const std::span<const std::byte> data[] = {std::as_bytes(std::span(values))};
    return *write_file(metadata, specs, data);
}

TEST(split, parts_open_together_and_tensors_know_their_part) {
    const TempDir dir;
    const auto first = dir.write("m-00001-of-00003.gguf", part(0, 3, 3, "a"));
    dir.write("m-00002-of-00003.gguf", part(1, 3, 3, "b"));
    dir.write("m-00003-of-00003.gguf", part(2, 3, 3, "c"));
    const auto file = File::open(first);
    ASSERT_TRUE(file) << file.error().str();
    ASSERT_EQ((*file)->tensors().size(), 3u);
    ASSERT_EQ((*file)->parts().size(), 3u);
    EXPECT_TRUE((*file)->parts()[2]->name().ends_with("m-00003-of-00003.gguf"));
    EXPECT_EQ(*(*file)->get_string("general.name"), "part 0");
    for (const auto& [name, number] : {std::pair{"a", 0u}, {"b", 1u}, {"c", 2u}}) {
        const TensorInfo* tensor = (*file)->find_tensor(name);
        ASSERT_TRUE(tensor) << name;
        EXPECT_EQ(tensor->part, number);
        EXPECT_EQ((*(*file)->decode(*tensor))[0], float(number));
    }
}

TEST(split, mistakes_in_the_set_are_named) {
    const auto open = [](const std::string& first_name, const std::string& first,
                         const std::string& second) {
        const TempDir dir;
        if (!second.empty()) dir.write("m-00002-of-00002.gguf", second);
        const auto file = File::open(dir.write(first_name, first));
        return file ? "ok" : file.error().str();
    };
    const std::string name = "m-00001-of-00002.gguf";
    const std::string a = part(0, 2, 2, "a"), b = part(1, 2, 2, "b");
    EXPECT_EQ(open(name, a, b), "ok");
    const std::pair<std::string, const char*> outcomes[] = {
        {open(name, a, ""), "part of the model is missing"},
        {open("other.gguf", a, b), "name must end in -00001-of-00002.gguf"},
        {open("m-00001-of-00003.gguf", a, b), "name must end in -00001-of-00002.gguf"},
        {open(name, b, b), "this is part 2 of a model of 2 parts"},
        {open(name, a, part(0, 2, 2, "b")), "split.no is 0, expected 1"},
        {open(name, part(0, 2, 3, "a"), b), "split.tensors.count is 3, the parts have 2"},
        {open(name, a, part(1, 2, 2, "a")), "tensor a is in two parts"},
        {open(name, a, b.substr(0, b.size() - 25)), "error[tensor_bounds] b: "},
        {open(name, a, "GGUF"), "error[truncated]"},
    };
    for (const auto& [message, part_of_it] : outcomes)
        EXPECT_NE(message.find(part_of_it), std::string::npos) << message;
}

TEST(split, one_source_alone_is_refused) {
    const auto file = File::parse(make_memory_source("m-00001-of-00002.gguf", part(0, 2, 2, "a")));
    ASSERT_FALSE(file);
    EXPECT_NE(file.error().message.find("cannot be opened from one source"), std::string::npos);
}

TEST(split, part_that_is_a_directory_is_an_io_error) {
    const TempDir dir;
    std::filesystem::create_directory(dir.path() / "m-00002-of-00002.gguf");
    const auto file = File::open(dir.write("m-00001-of-00002.gguf", part(0, 2, 2, "a")));
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().category, Category::io);
}

}  // namespace
}  // namespace m2w::gguf
