// signals.cpp — handlers that set flags and write one byte: drivers have threads of their own, so a
// blocked read of the main thread may not notice a signal.
#include "chat/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace m2w {
namespace {

std::atomic<bool> g_interrupted{false}, g_resized{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set from a signal handler");
std::array<int, 2> g_pipe{-1, -1};
struct sigaction g_old_int, g_old_winch;

void on_signal(int number) {
    const int saved = errno;
    (number == SIGINT ? g_interrupted : g_resized).store(true);
    const char byte = 0;
    // A full pipe wakes as well as one more byte would.
    [[maybe_unused]] const ssize_t written = write(g_pipe[1], &byte, 1);
    errno = saved;
}

}  // namespace

Result<SignalWatch> SignalWatch::create() {
    M2W_ASSERT(g_pipe[0] == -1);
    if (pipe2(g_pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0)
        return Error{Category::io, std::string("pipe: ") + std::strerror(errno)};
    g_interrupted = g_resized = false;
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;  // file reads and writes go on; whoever waits polls wake_fd
    sigaction(SIGINT, &action, &g_old_int);
    sigaction(SIGWINCH, &action, &g_old_winch);
    SignalWatch watch;
    watch.active_ = true;
    return watch;
}

SignalWatch::SignalWatch(SignalWatch&& other) noexcept
    : active_(std::exchange(other.active_, false)) {}

SignalWatch::~SignalWatch() {
    if (!active_) return;
    sigaction(SIGINT, &g_old_int, nullptr);
    sigaction(SIGWINCH, &g_old_winch, nullptr);
    for (int& fd : g_pipe) close(std::exchange(fd, -1));
}

std::atomic<bool>& SignalWatch::interrupted() {
    return g_interrupted;
}

bool SignalWatch::take_resized() {
    char drained[64];
    while (read(g_pipe[0], drained, sizeof(drained)) > 0) {
    }
    return g_resized.exchange(false);
}

int SignalWatch::wake_fd() const {
    return g_pipe[0];
}

}  // namespace m2w
