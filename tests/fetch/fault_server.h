// fault_server.h — runs the shared HTTP server that injects faults, over a folder of files. Judges
// no client.
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gguf/fetch/options.h"

namespace m2w::test {

/// A Python program that serves on a free port of 127.0.0.1 and says so with a line {"port": N};
/// killed with the object. Aborts when it does not start.
class ServerProcess {
  public:
    explicit ServerProcess(const std::vector<std::string>& arguments);
    ~ServerProcess();
    ServerProcess(const ServerProcess&) = delete;
    int port() const { return port_; }

  private:
    pid_t pid_ = -1;
    int port_ = 0;
};

/// The shared server over a folder. Its token is "m2w-secret".
class FaultServer {
  public:
    FaultServer(const std::filesystem::path& script, const std::filesystem::path& folder);

    /// "http://127.0.0.1:PORT" + path.
    std::string url(const std::string& path) const;
    /// Forgets its counters and its log.
    void reset() const;
    /// Requests, bytes, by_status, connections and token_leaks since reset().
    nlohmann::json stats() const;
    /// The requests since reset(), in order of completion.
    nlohmann::json log() const;

  private:
    nlohmann::json ask(const std::string& path) const;

    ServerProcess process_;
};

/// Patience for a server on this machine: a stall is over after a second.
fetch::FetchOptions impatient_options();

}  // namespace m2w::test
