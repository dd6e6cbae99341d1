// signals.h — Ctrl-C and window changes as flags and a file descriptor to poll. Acts on neither.
#pragma once
#include <atomic>

#include "gguf/result.h"

namespace m2w {

/// Catches SIGINT and SIGWINCH while it lives. At most one at a time, as handlers belong to the
/// process.
class SignalWatch {
  public:
    /// Errors: io (no pipe).
    static Result<SignalWatch> create();
    ~SignalWatch();
    SignalWatch(SignalWatch&& other) noexcept;
    SignalWatch& operator=(SignalWatch&&) = delete;

    /// Set by Ctrl-C; whoever has acted on it sets it back.
    std::atomic<bool>& interrupted();
    /// The window changed since the last call.
    bool take_resized();
    /// Readable after a signal; any thread may have received it. Draining is take_resized()'s.
    int wake_fd() const;

  private:
    SignalWatch() = default;
    bool active_ = false;
};

}  // namespace m2w
