// child.h — work in a process of its own, which may lose rights or room that the test program has
// to keep. Linux.
#pragma once
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>

namespace m2w::test {

/// What became of work in a child process: its exit status; -1 when the child could not get what it
/// needs (`prepare` was false), below -1000 when a signal ended it, as SIGALRM does after a minute:
/// no test waits for a child that hangs.
inline int in_child(const std::function<bool()>& prepare, const std::function<int()>& work) {
    constexpr int kNotPrepared = 77;
    constexpr unsigned kMostSeconds = 60;
    const pid_t pid = fork();
    if (pid == 0) {
        alarm(kMostSeconds);
        _exit(prepare() ? work() : kNotPrepared);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (!WIFEXITED(status)) return -1000 - WTERMSIG(status);
    return WEXITSTATUS(status) == kNotPrepared ? -1 : WEXITSTATUS(status);
}

/// A tmpfs at `folder` that only this process sees. For children.
inline bool mount_tmpfs(const std::filesystem::path& folder, const std::string& options) {
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           mount("m2w", folder.c_str(), "tmpfs", 0, options.c_str()) == 0;
}

/// Not every root may mount, and none whose / is no mount point (a chroot).
constexpr const char* kNoTmpfs =
    "no tmpfs can be mounted here; of a full disk only what files that may not grow show is tested";

/// How long files may become: a write behind it fails with EFBIG. For children; may be raised
/// again. False: the system refuses.
inline bool limit_file_bytes(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    limit.rlim_cur = bytes;
    return setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

}  // namespace m2w::test
