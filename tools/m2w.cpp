// m2w.cpp — the program: picks the verb, prints its error, decides the exit status. Does no work.
#include <fmt/format.h>
#include <signal.h>

#include <array>
#include <cstdlib>
#include <exception>
#include <new>

#include "chat/terminal.h"
#include "tools/verbs.h"

namespace m2w::tools {
namespace {

struct Verb {
    std::string_view name, summary;
    Result<Verdict> (*run)(const Args& args);
};

/// A verb that compares nothing.
template <Result<void> (*verb)(const Args&)>
Result<Verdict> plain(const Args& args) {
    TRY(verb(args));
    return Verdict::good;
}

constexpr std::array kVerbs{
    Verb{"chat", "talk with a model", plain<chat>},
    Verb{"inspect", "check a model file and show what is in it, or how two differ", inspect},
    Verb{"tokenize", "text to token ids", plain<tokenize>},
    Verb{"render", "messages to a prompt", plain<render>},
    Verb{"dump", "hidden states, logits and greedy tokens of a prompt", plain<dump>},
    Verb{"verify", "compare what devices compute with the reference, layer by layer", verify},
    Verb{"pull", "bring a model from a server into the cache", plain<pull>},
    Verb{"cache", "list, verify and remove what was pulled", plain<cache>},
    Verb{"shard", "cut a model into files for web servers, or check such files", plain<shard>},
    Verb{"export", "print a model as a package for browsers", plain<export_package>},
    Verb{"devices", "list the devices that models can run on", plain<devices>},
};

std::string usage() {
    std::string text = "m2w runs GGUF language models\n\nusage: m2w VERB [OPTIONS]\n\n";
    for (const Verb& verb : kVerbs) text += fmt::format("  {:<10}{}\n", verb.name, verb.summary);
    return text + "\nm2w VERB --help lists a verb's options. m2w --version.\n";
}

const Verb* find_verb(std::string_view name) {
    for (const Verb& verb : kVerbs)
        if (verb.name == name) return &verb;
    return nullptr;
}

/// The verb that the program's own name asks for: m2w-chat.
const Verb* verb_of_name(std::string_view program) {
    program = program.substr(program.find_last_of('/') + 1);
    return program.starts_with("m2w-") ? find_verb(program.substr(4)) : nullptr;
}

Result<Verdict> run(std::string_view program, Args args) {
    if (const Verb* verb = verb_of_name(program)) return verb->run(args);
    if (args.empty()) return Error{Category::usage, "no verb; m2w --help lists them"};
    const std::string first = args.front();
    const bool help = first == "--help" || first == "-h" || first == "help";
    if (help || first == "--version") {
        TRY(print(help ? usage() : "m2w " M2W_VERSION "\n"));
        return Verdict::good;
    }
    const Verb* verb = find_verb(first);
    if (!verb)
        return Error{Category::usage,
                     fmt::format("{}: no such verb; m2w --help lists them", first)};
    args.erase(args.begin());
    return verb->run(args);
}

Result<Verdict> run_guarded(std::string_view program, Args args) {
    try {
        TRY(const Verdict verdict, run(program, std::move(args)));
        TRY(print(""));  // what is still buffered may fail to arrive
        return verdict;
    } catch (const std::bad_alloc&) {
        return Error{Category::out_of_memory, "out of memory"};
    } catch (const std::exception& e) {
        return Error{Category::internal, std::string("unexpected: ") + e.what()};
    }
}

}  // namespace
}  // namespace m2w::tools

int main(int argc, char** argv) {
    // A reader that has gone is a failed write, not a signal.
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);  // so is a file that may not grow further
    const char* program = argc > 0 ? argv[0] : "m2w";
    const auto done = m2w::tools::run_guarded(program, {argv + (argc > 0), argv + argc});
    if (done) return int(*done);
    fmt::print(stderr, "{}\n", m2w::escape_for_terminal(done.error().str()));
    return m2w::exit_status(done.error().category);
}
