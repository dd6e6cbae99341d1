// sha256_test.cpp — digests of the standard's examples, whole and in pieces.
#include "gguf/sha256.h"

#include <gtest/gtest.h>

namespace m2w {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

/// FIPS 180-4 by NIST's example values: no bytes, "abc", two blocks, a million times "a".
TEST(sha256, gives_the_digests_of_the_published_examples) {
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_hex("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(sha256, pieces_give_the_digest_of_the_whole_and_of_every_beginning) {
    std::string text;
    for (int i = 0; i < 300; ++i) text += char(i * 7);
    Sha256 hash;
    for (size_t at = 0, step = 0; at < text.size(); at += step) {
        EXPECT_EQ(hash.hex(), sha256_hex(text.substr(0, at))) << at;
        step = std::min<size_t>(at % 71, text.size() - at - 1) + 1;
        hash.update(bytes_of(text).subspan(at, step));
    }
    Sha256 moved = std::move(hash);
    EXPECT_EQ(moved.hex(), sha256_hex(text));
}

TEST(sha256, only_64_lower_case_digits_are_a_digest) {
    const std::string good = sha256_hex("");
    EXPECT_TRUE(is_sha256_hex(good));
    EXPECT_FALSE(is_sha256_hex(good.substr(1)));
    EXPECT_FALSE(is_sha256_hex(good + "0"));
    EXPECT_FALSE(is_sha256_hex("E" + good.substr(1)));
    EXPECT_FALSE(is_sha256_hex("g" + good.substr(1)));
    EXPECT_FALSE(is_sha256_hex(""));
}

}  // namespace
}  // namespace m2w
