// process.cpp — fork, pipes, poll and wait4.
#include "tests/cli/process.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

namespace m2w::test {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

int status_of(int wait_status) {
    return WIFSIGNALED(wait_status) ? -WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

[[noreturn]] void exec(const std::vector<std::string>& command, const std::string& state,
                       bool color) {
    setenv("TERM", "xterm", 1);
    setenv("XDG_STATE_HOME", state.c_str(), 1);
    setenv("HOME", state.c_str(), 1);
    unsetenv("NO_COLOR");
    if (!color) setenv("NO_COLOR", "1", 1);
    std::vector<char*> argv;
    for (const std::string& arg : command) argv.push_back(const_cast<char*>(arg.c_str()));
    argv.push_back(nullptr);
    execv(argv[0], argv.data());
    _exit(126);
}

struct Pipe {
    int read_end = -1, write_end = -1;
    Pipe() {
        int fds[2];
        if (pipe2(fds, O_CLOEXEC) != 0) std::abort();
        read_end = fds[0];
        write_end = fds[1];
    }
    ~Pipe() {
        close_read();
        close_write();
    }
    void close_read() {
        if (read_end >= 0) close(std::exchange(read_end, -1));
    }
    void close_write() {
        if (write_end >= 0) close(std::exchange(write_end, -1));
    }
};

[[noreturn]] void run_child(const std::vector<std::string>& command, const RunOptions& options,
                            const Pipe& in, const Pipe& out, const Pipe& err,
                            const std::string& state) {
    if (options.address_bytes > 0) {
        const rlimit limit{options.address_bytes, options.address_bytes};
        setrlimit(RLIMIT_AS, &limit);
    }
    const int out_fd = options.stdout_path.empty()
                           ? out.write_end
                           : open(options.stdout_path.c_str(), O_WRONLY | O_CLOEXEC);
    dup2(in.read_end, STDIN_FILENO);
    dup2(out_fd, STDOUT_FILENO);
    dup2(err.write_end, STDERR_FILENO);
    exec(command, state, true);
}

/// Moves bytes both ways until the child has closed its ends or the time is up.
void pump(Pipe& in, Pipe& out, Pipe& err, const RunOptions& options, Clock::time_point start,
          RunResult& result) {
    std::string_view input = options.input;
    fcntl(in.write_end, F_SETFL, O_NONBLOCK);
    while (out.read_end >= 0 || err.read_end >= 0) {
        if (input.empty()) in.close_write();
        if (seconds_since(start) > options.timeout_s) {
            result.timed_out = true;
            return;
        }
        pollfd fds[] = {
            {out.read_end, POLLIN, 0}, {err.read_end, POLLIN, 0}, {in.write_end, POLLOUT, 0}};
        poll(fds, 3, 50);
        char buffer[1 << 16];
        if (fds[0].revents) {
            const ssize_t n = read(out.read_end, buffer, sizeof(buffer));
            if (n > 0) result.out.append(buffer, size_t(n));
            if (n <= 0) out.close_read();
        }
        if (fds[1].revents) {
            const ssize_t n = read(err.read_end, buffer, sizeof(buffer));
            if (n > 0) result.err.append(buffer, size_t(n));
            if (n <= 0) err.close_read();
        }
        if (fds[2].revents) {
            const ssize_t n = write(in.write_end, input.data(), input.size());
            if (n > 0) input.remove_prefix(size_t(n));
            if (n < 0 && errno != EAGAIN) input = {};  // it reads no more
        }
    }
}

}  // namespace

RunResult run(const std::vector<std::string>& command, const RunOptions& options) {
    signal(SIGPIPE, SIG_IGN);
    TemporaryFolder state;
    RunResult result;
    Pipe in, out, err;
    const auto start = Clock::now();
    const pid_t pid = fork();
    if (pid == 0) {
        signal(SIGPIPE, SIG_DFL);
        run_child(command, options, in, out, err, state.path().string());
    }
    in.close_read();
    out.close_write();
    err.close_write();
    pump(in, out, err, options, start, result);
    if (result.timed_out) kill(pid, SIGKILL);
    int status = 0;
    rusage usage{};
    wait4(pid, &status, 0, &usage);
    result.status = status_of(status);
    result.seconds = seconds_since(start);
    result.peak_mib = double(usage.ru_maxrss) / 1024;
    return result;
}

std::string m2w_program(const std::string& name) {
    return std::string(M2W_BIN_DIR) + "/" + name;
}

RunResult chat(std::vector<std::string> args, const RunOptions& options) {
    args.insert(args.begin(), {m2w_program(), "chat", "--device", "ref"});
    return run(args, options);
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

PtyProcess::PtyProcess(const std::vector<std::string>& command, bool color) {
    winsize size{};
    size.ws_row = 24;
    size.ws_col = 80;
    pid_ = forkpty(&fd_, nullptr, nullptr, &size);
    if (pid_ == 0) exec(command, state_.path().string(), color);
}

PtyProcess::~PtyProcess() {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    close(fd_);
}

void PtyProcess::send(const std::string& keys) {
    if (write(fd_, keys.data(), keys.size()) != ssize_t(keys.size())) std::abort();
}

bool PtyProcess::read_some(double timeout_s) {
    pollfd fd{fd_, POLLIN, 0};
    if (poll(&fd, 1, int(timeout_s * 1000)) <= 0) return false;
    char buffer[1 << 16];
    const ssize_t n = read(fd_, buffer, sizeof(buffer));
    if (n <= 0) return false;  // EIO: the other side is closed
    transcript_.append(buffer, size_t(n));
    return true;
}

bool PtyProcess::expect(const std::string& text, double timeout_s) {
    const auto start = Clock::now();
    for (;;) {
        const size_t at = transcript_.find(text, consumed_);
        if (at != std::string::npos) {
            seen_ = transcript_.substr(consumed_, at + text.size() - consumed_);
            consumed_ = at + text.size();
            return true;
        }
        const double left = timeout_s - seconds_since(start);
        if (left <= 0 || !read_some(left)) return false;
    }
}

void PtyProcess::resize(int columns) {
    winsize size{};
    size.ws_row = 24;
    size.ws_col = uint16_t(columns);
    ioctl(fd_, TIOCSWINSZ, &size);  // the kernel tells the program with SIGWINCH
}

int PtyProcess::wait(double timeout_s) {
    const auto start = Clock::now();
    while (seconds_since(start) < timeout_s) {
        read_some(0.02);
        int status = 0;
        if (waitpid(pid_, &status, WNOHANG) == pid_) {
            pid_ = -1;
            return status_of(status);
        }
    }
    return 1000;
}

}  // namespace m2w::test
