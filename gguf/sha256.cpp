// sha256.cpp — SHA-256 by libcrypto, which uses the processor's instructions for it.
#include "gguf/sha256.h"

#include <openssl/evp.h>

#include <new>

#include "gguf/result.h"

namespace m2w {
namespace {

EVP_MD_CTX* of(void* context) {
    return static_cast<EVP_MD_CTX*>(context);
}

/// libcrypto's calls on a digest that it has fail for want of memory only.
void require(bool done) {
    if (!done) throw std::bad_alloc();
}

}  // namespace

std::string to_hex(const Sha256Digest& digest) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    text.reserve(2 * digest.size());
    for (const std::byte b : digest) {
        text += kDigits[size_t(b) >> 4];
        text += kDigits[size_t(b) & 15];
    }
    return text;
}

bool is_sha256_hex(std::string_view text) {
    return text.size() == 2 * sizeof(Sha256Digest) &&
           text.find_first_not_of("0123456789abcdef") == text.npos;
}

void Sha256::Free::operator()(void* context) const {
    EVP_MD_CTX_free(of(context));
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
    require(context_ && EVP_DigestInit_ex(of(context_.get()), EVP_sha256(), nullptr) == 1);
}

Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) {
    require(EVP_DigestUpdate(of(context_.get()), bytes.data(), bytes.size()) == 1);
}

Sha256Digest Sha256::digest() const {
    const std::unique_ptr<void, Free> copy(EVP_MD_CTX_new());
    require(copy && EVP_MD_CTX_copy_ex(of(copy.get()), of(context_.get())) == 1);
    Sha256Digest out;
    unsigned size = 0;
    require(EVP_DigestFinal_ex(of(copy.get()), reinterpret_cast<unsigned char*>(out.data()),
                               &size) == 1);
    M2W_ASSERT(size == out.size());
    return out;
}

Sha256Digest sha256(std::span<const std::byte> bytes) {
    Sha256 hash;
    hash.update(bytes);
    return hash.digest();
}

}  // namespace m2w
