// descriptor.h — owns a POSIX file descriptor. Opens, reads and writes nothing.
#pragma once
#include <unistd.h>

#include <utility>

namespace m2w {

/// Owns a file descriptor, or none.
class Descriptor {
  public:
    Descriptor() = default;
    /// Takes what open(2) returned; below zero is none.
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        Descriptor taken(std::move(other));
        std::swap(fd_, taken.fd_);
        return *this;
    }
    ~Descriptor() { close(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

    /// Closes it, if there is one. False, with the reason in errno: bytes that were written may be
    /// lost, as a file system (a network's, one with quotas) may write them, and find that it
    /// cannot, only now. The descriptor is gone in any case and must not be closed again: another
    /// thread may have its number by then (close(2) on Linux).
    bool close() { return fd_ < 0 || ::close(std::exchange(fd_, -1)) == 0; }

  private:
    int fd_ = -1;
};

}  // namespace m2w
