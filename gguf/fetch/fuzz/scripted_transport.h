// scripted_transport.h — a Transport without a network: a function says what each request gets.
// Judges nobody.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "gguf/fetch/transport.h"

namespace m2w::fetch {

/// An answer as it comes out of a connection.
struct ScriptedAnswer {
    std::vector<std::string> lines;   // of the head, without line ends; the empty one is added
    std::vector<std::string> pieces;  // of the body
    TransferEnd end = TransferEnd::complete;
};

class ScriptedTransport : public Transport {
  public:
    using Script = std::function<ScriptedAnswer(const Request&)>;
    explicit ScriptedTransport(Script script) : script_(std::move(script)) {}

    Transfer exchange(const Request& request, AnswerSink& sink) override {
        requests.push_back(request);
        const ScriptedAnswer answer = script_(request);
        for (const std::string& line : answer.lines)
            if (!sink.header_line(line + "\r\n")) return {TransferEnd::stopped, {}};
        if (!answer.lines.empty() && !sink.header_line("\r\n")) return {TransferEnd::stopped, {}};
        for (const std::string& piece : answer.pieces)
            if (!sink.body(std::as_bytes(std::span(piece)))) return {TransferEnd::stopped, {}};
        return {answer.end, answer.end == TransferEnd::complete ? "" : "scripted"};
    }

    std::vector<Request> requests;  // so far; not for several threads

  private:
    Script script_;
};

/// The value of a request's header, or empty.
inline std::string header_of(const Request& request, const std::string& name) {
    for (const std::string& header : request.headers)
        if (header.starts_with(name + ": ")) return header.substr(name.size() + 2);
    return {};
}

}  // namespace m2w::fetch
