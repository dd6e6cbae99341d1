// process.h — runs the built program: with pipes and limits, or on a pseudo-terminal. Checks
// nothing.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/temporary.h"

namespace m2w::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

struct RunOptions {
    std::string input;           // standard input
    std::string stdout_path;     // instead of a pipe
    double timeout_s = 60;       // then it is killed
    uint64_t address_bytes = 0;  // limit on its address space; 0: none
};

struct RunResult {
    int status = -1;  // exit status; -n: killed by signal n
    bool timed_out = false;
    std::string out, err;
    double seconds = 0;
    double peak_mib = 0;  // resident
};

/// Runs a command to its end, with TERM=xterm and a state folder of its own.
RunResult run(const std::vector<std::string>& command, const RunOptions& options = {});

/// The path of the built program, or of another name of it.
std::string m2w_program(const std::string& name = "m2w");

/// m2w chat on the reference device.
RunResult chat(std::vector<std::string> args, const RunOptions& options = {});

/// Whether a program's output has this part.
bool contains(const std::string& text, const std::string& part);

/// A program on a pseudo-terminal of 80 columns. Killed with the object, if it still runs.
class PtyProcess {
  public:
    explicit PtyProcess(const std::vector<std::string>& command, bool color = false);
    ~PtyProcess();
    PtyProcess(const PtyProcess&) = delete;

    void send(const std::string& keys);
    /// Reads until `text` has come after what earlier calls consumed. False: it did not within the
    /// time, or the program ended.
    bool expect(const std::string& text, double timeout_s = 30);
    /// What the last successful expect() consumed, `text` included.
    const std::string& seen() const { return seen_; }
    void resize(int columns);
    pid_t pid() const { return pid_; }
    /// Waits for the end. The exit status, -n for a signal, or 1000 if it does not end.
    int wait(double timeout_s = 30);
    /// All output so far, for messages.
    const std::string& transcript() const { return transcript_; }
    const std::filesystem::path& state_folder() const { return state_.path(); }

  private:
    bool read_some(double timeout_s);

    TemporaryFolder state_;
    pid_t pid_ = -1;
    int fd_ = -1;
    std::string transcript_, seen_;
    size_t consumed_ = 0;
};

}  // namespace m2w::test
