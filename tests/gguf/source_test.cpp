// source_test.cpp — files and memory as sources, with the files that are none.
#include "gguf/source.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "tests/gguf/temp_dir.h"

namespace m2w {
namespace {

using test::TempDir;

std::string read_all(const Source& source) {
    std::string out(source.size_bytes(), '\0');
    const auto result = source.read(0, std::as_writable_bytes(std::span(out)));
    EXPECT_TRUE(result) << result.error().str();
    return out;
}

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The error of opening something that must not open.
Error open_error(const std::filesystem::path& path) {
    auto source = open_file_source(path);
    EXPECT_FALSE(source) << path;
    return source ? Error{} : source.error();
}

void expect_ranges_are_checked(const Source& source) {
    const uint64_t size = source.size_bytes(), huge = ~uint64_t(0);
    char byte[2];
    for (const auto& [offset, count] : {std::pair<uint64_t, size_t>{size, 1},
                                        {size - 1, 2},
                                        {size + 1, 0},
                                        {huge, 1},
                                        {huge - 1, 2}}) {
        const auto result = source.read(offset, std::as_writable_bytes(std::span(byte, count)));
        ASSERT_FALSE(result) << offset;
        EXPECT_EQ(result.error().category, Category::truncated);
        EXPECT_TRUE(source.view(offset, std::max<size_t>(count, 1)).empty());
        source.done_with(offset, count);
    }
    EXPECT_TRUE(source.view(0, huge).empty());
    EXPECT_TRUE(source.view(1, huge).empty());
    EXPECT_TRUE(source.read(size, {}));
}

TEST(file_source, reads_and_views_the_bytes_of_a_file) {
    const TempDir dir;
    const auto path = dir.write("a.bin", "0123456789");
    const auto source = open_file_source(path);
    ASSERT_TRUE(source) << source.error().str();
    EXPECT_EQ((*source)->size_bytes(), 10u);
    EXPECT_EQ((*source)->name(), path.string());
    EXPECT_EQ(read_all(**source), "0123456789");
    EXPECT_EQ(text_of((*source)->view(3, 4)), "3456");
    expect_ranges_are_checked(**source);
}

TEST(file_source, bytes_are_there_again_after_done_with) {
    const TempDir dir;
    std::string text(100'000, 'x');
    text[50'000] = 'y';
    const auto source = open_file_source(dir.write("a.bin", text));
    ASSERT_TRUE(source);
    EXPECT_EQ(text_of((*source)->view(0, text.size())), text);
    (*source)->done_with(1, text.size() - 1);
    EXPECT_EQ(text_of((*source)->view(0, text.size())), text);
}

TEST(file_source, empty_file_opens_with_size_zero) {
    const TempDir dir;
    const auto source = open_file_source(dir.write("empty", ""));
    ASSERT_TRUE(source);
    EXPECT_EQ((*source)->size_bytes(), 0u);
    EXPECT_TRUE((*source)->view(0, 0).empty());
    EXPECT_EQ(read_all(**source), "");
}

TEST(file_source, file_that_shrank_gives_io_errors_and_no_view) {
    const TempDir dir;
    const auto path = dir.write("a.bin", std::string(20'000, 'x'));
    const auto source = open_file_source(path);
    ASSERT_TRUE(source);
    std::filesystem::resize_file(path, 5'000);
    EXPECT_TRUE((*source)->view(0, 100).empty());
    std::string out(10'000, '\0');
    const auto result = (*source)->read(0, std::as_writable_bytes(std::span(out)));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().category, Category::io);
    EXPECT_NE(result.error().message.find("shrank"), std::string::npos) << result.error().message;
}

TEST(file_source, missing_file_is_an_io_error_with_its_path) {
    const TempDir dir;
    const Error error = open_error(dir.path() / "no-such-file");
    EXPECT_EQ(error.category, Category::io);
    EXPECT_EQ(error.message,
              (dir.path() / "no-such-file").string() + ": No such file or directory");
}

TEST(file_source, directory_is_an_io_error_with_its_path) {
    const TempDir dir;
    const Error error = open_error(dir.path());
    EXPECT_EQ(error.category, Category::io);
    EXPECT_EQ(error.message, dir.path().string() + ": is a directory");
}

TEST(file_source, fifo_without_a_writer_is_an_io_error_and_does_not_hang) {
    const TempDir dir;
    const auto path = dir.path() / "fifo";
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const Error error = open_error(path);
    EXPECT_EQ(error.category, Category::io);
    EXPECT_EQ(error.message, path.string() + ": is not a regular file");
}

TEST(file_source, device_is_an_io_error) {
    EXPECT_EQ(open_error("/dev/null").category, Category::io);
}

TEST(file_source, path_that_leads_nowhere_is_an_io_error) {
    const TempDir dir;
    std::filesystem::create_symlink("loop", dir.path() / "loop");
    EXPECT_EQ(open_error(dir.path() / "loop").category, Category::io);
    EXPECT_EQ(open_error(dir.write("file", "x") / "below").category, Category::io);
}

TEST(memory_source, reads_and_views_its_bytes) {
    const auto source = make_memory_source("mem", "0123456789");
    EXPECT_EQ(source->name(), "mem");
    EXPECT_EQ(read_all(*source), "0123456789");
    EXPECT_EQ(text_of(source->view(8, 2)), "89");
    expect_ranges_are_checked(*source);
}

}  // namespace
}  // namespace m2w
