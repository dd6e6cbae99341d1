// sha256.h — SHA-256 of bytes, at once or piece by piece. Compares nothing, reads no files.
#pragma once
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace m2w {

/// The digest itself (FIPS 180-4): 32 bytes.
using Sha256Digest = std::array<std::byte, 32>;

/// "9f86d081...": 64 digits, lower case.
std::string to_hex(const Sha256Digest& digest);

/// Whether text is a digest as to_hex writes it.
bool is_sha256_hex(std::string_view text);

/// A digest over bytes that come in pieces. One thread at a time.
class Sha256 {
  public:
    Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    ~Sha256();

    void update(std::span<const std::byte> bytes);
    /// Of everything so far; update() may go on behind it.
    Sha256Digest digest() const;
    std::string hex() const { return to_hex(digest()); }

  private:
    struct Free {
        void operator()(void* context) const;
    };
    std::unique_ptr<void, Free> context_;
};

Sha256Digest sha256(std::span<const std::byte> bytes);
inline std::string sha256_hex(std::span<const std::byte> bytes) {
    return to_hex(sha256(bytes));
}
inline std::string sha256_hex(std::string_view text) {
    return sha256_hex(std::as_bytes(std::span(text)));
}

}  // namespace m2w
