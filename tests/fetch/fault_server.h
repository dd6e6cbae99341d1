// fault_server.h — runs the shared HTTP server that injects faults, over a folder of files. Judges
// no client.
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "gguf/fetch/options.h"

namespace m2w::test {

/// A server on a free port of 127.0.0.1, killed with the object. Its token is "m2w-secret".
class FaultServer {
  public:
    /// Aborts when the server does not start.
    FaultServer(const std::filesystem::path& script, const std::filesystem::path& folder);
    ~FaultServer();
    FaultServer(const FaultServer&) = delete;

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

    pid_t pid_ = -1;
    int port_ = 0;
};

/// Patience for a server on this machine: a stall is over after a second.
fetch::FetchOptions impatient_options();

}  // namespace m2w::test
