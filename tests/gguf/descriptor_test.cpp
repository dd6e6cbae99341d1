// descriptor_test.cpp — a descriptor is closed once, by whoever has it last.
#include "gguf/descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <type_traits>

namespace m2w {
namespace {

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

Descriptor opened() {
    return Descriptor(::open("/dev/null", O_RDWR | O_CLOEXEC));
}

static_assert(!std::is_copy_constructible_v<Descriptor>);
static_assert(!std::is_copy_assignable_v<Descriptor>);
static_assert(std::is_nothrow_move_constructible_v<Descriptor>);
static_assert(std::is_nothrow_move_assignable_v<Descriptor>);

TEST(descriptor, is_closed_at_the_end_of_its_scope) {
    int fd = -1;
    {
        const Descriptor one = opened();
        ASSERT_TRUE(one);
        fd = one.get();
        EXPECT_TRUE(is_open(fd));
    }
    EXPECT_FALSE(is_open(fd));
}

TEST(descriptor, none_is_nothing_to_close) {
    Descriptor none, failed(::open("/no/such/file", O_RDONLY));
    EXPECT_FALSE(none);
    EXPECT_FALSE(failed);
    EXPECT_TRUE(none.close());
    EXPECT_TRUE(failed.close());
}

TEST(descriptor, moving_hands_over_and_closes_what_was_there) {
    Descriptor first = opened(), second = opened();
    const int first_fd = first.get(), second_fd = second.get();
    Descriptor moved(std::move(first));
    EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): what is left behind is the subject
    EXPECT_EQ(moved.get(), first_fd);
    moved = std::move(second);
    EXPECT_FALSE(is_open(first_fd)) << "at once, not when the source ends";
    EXPECT_EQ(moved.get(), second_fd);
    EXPECT_TRUE(is_open(second_fd));
}

TEST(descriptor, close_says_whether_it_succeeded) {
    Descriptor one = opened();
    const int fd = one.get();
    EXPECT_TRUE(one.close());
    EXPECT_FALSE(one);
    EXPECT_FALSE(is_open(fd));
    Descriptor gone(fd);  // not open: close(2) must fail, and only once
    EXPECT_FALSE(gone.close());
    EXPECT_EQ(errno, EBADF);
    EXPECT_TRUE(gone.close());
}

}  // namespace
}  // namespace m2w
