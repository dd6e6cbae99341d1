// fault_server.cpp — servers as child processes.
#include "tests/fetch/fault_server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "gguf/fetch/remote_file.h"

namespace m2w::test {

ServerProcess::ServerProcess(const std::vector<std::string>& arguments) {
    // A proxy of this machine's does not know its loopback servers.
    setenv("no_proxy", "*", 1);
    std::vector<char*> argv{const_cast<char*>("python3"), const_cast<char*>("-B")};
    for (const std::string& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execvp(argv[0], argv.data());
        _exit(127);
    }
    close(ends[1]);
    FILE* out = fdopen(ends[0], "r");
    char line[200] = "";
    const bool read = out && std::fgets(line, sizeof line, out);
    if (out) std::fclose(out);
    const auto ready = nlohmann::json::parse(line, nullptr, false);
    if (!read || !ready.is_object()) {
        std::fprintf(stderr, "%s did not start: %s\n", arguments[0].c_str(), line);
        std::abort();
    }
    port_ = ready["port"];
}

ServerProcess::~ServerProcess() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

FaultServer::FaultServer(const std::filesystem::path& script, const std::filesystem::path& folder)
    : process_({script, "--dir", folder, "--log", "/dev/null"}) {}

std::string FaultServer::url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(process_.port()) + path;
}

nlohmann::json FaultServer::ask(const std::string& path) const {
    auto text = fetch::fetch_document(url(path), fetch::FetchOptions{}, 16u << 20);
    EXPECT_TRUE(text) << text.error().str();
    return text ? nlohmann::json::parse(*text) : nlohmann::json();
}

void FaultServer::reset() const {
    ask("/_reset");
}
nlohmann::json FaultServer::stats() const {
    return ask("/_stats");
}
nlohmann::json FaultServer::log() const {
    return ask("/_log");
}

fetch::FetchOptions impatient_options() {
    fetch::FetchOptions options;
    options.connect_timeout = std::chrono::seconds(5);
    options.low_speed_window = std::chrono::seconds(1);
    options.backoff = std::chrono::milliseconds(5);
    options.max_retry_after = std::chrono::milliseconds(50);
    options.first_bytes = 16u << 10;
    return options;
}

}  // namespace m2w::test
