// verb_pull.cpp — m2w pull: brings a model into the cache, verifies it, copies it out and pins it.
#include <CLI/CLI.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <system_error>

#include "chat/terminal.h"
#include "gguf/descriptor.h"
#include "gguf/fetch/disk.h"
#include "gguf/fetch/names.h"
#include "gguf/fetch/pins.h"
#include "gguf/sha256.h"
#include "tools/model_argument.h"
#include "tools/verbs.h"

namespace m2w::tools {
namespace {

namespace fs = std::filesystem;

struct PullArgs {
    std::string name, output, sha256, lock;
    ModelAccess access;
    bool verify = false;
    uint32_t connections = fetch::kConnections;
};

/// m2w.lock; none if there is no such file yet.
Result<fetch::Pins> read_lock(const std::string& path) {
    std::error_code ignored;
    if (!fs::exists(path, ignored)) return fetch::Pins{};
    TRY(const std::string text, read_all(path, fetch::kMaxPinsBytes));
    auto pins = fetch::parse_pins(text);
    if (!pins) return Error{pins.error().category, path + ": " + pins.error().message};
    return pins;
}

/// What the lock must say of the model now. Errors: checksum, for a name that it pins to others.
Result<void> pin(const PullArgs& args, fetch::Pins pins, const RemoteModel& model) {
    if (pins.contains(args.name)) return {};  // opened by what it says
    for (const fetch::RemoteIdentity& identity : model.cached().identities())
        pins[args.name].push_back(fetch::pin_of(args.name, identity));
    return write_file(args.lock, fetch::print_pins(pins));
}

/// Copies a file of the cache; blocks are shared where the file system can.
Result<void> copy_out(const fs::path& from, const fs::path& to) {
    TRY(const Descriptor in, fetch::open_file(from, O_RDONLY));
    TRY(uint64_t left_bytes, fetch::size_of(in, from));
    TRY(fetch::require_room(to.has_parent_path() ? to.parent_path() : ".", left_bytes));
    const fs::path temporary = to.string() + fmt::format(".tmp-{:08x}", std::random_device{}());
    Result<void> copied = [&]() -> Result<void> {
        TRY(Descriptor out, fetch::open_file(temporary, O_WRONLY | O_CREAT | O_EXCL));
        while (left_bytes > 0) {
            const ssize_t n =
                ::copy_file_range(in.get(), nullptr, out.get(), nullptr,
                                  size_t(std::min<uint64_t>(left_bytes, 64u << 20)), 0);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return fetch::disk_error(temporary, n < 0 ? errno : EIO);
            left_bytes -= uint64_t(n);
        }
        // Not the cache's mode: the copy is the user's like any file of theirs.
        const mode_t mask = ::umask(0);
        ::umask(mask);
        if (::fchmod(out.get(), 0666 & ~mask) != 0 || ::fsync(out.get()) != 0 || !out.close() ||
            ::rename(temporary.c_str(), to.c_str()) != 0)
            return fetch::disk_error(to, errno);
        return {};
    }();
    if (!copied) ::unlink(temporary.c_str());
    return copied;
}

/// Copies the files to --output: a file's name, or a folder for all of them.
Result<std::vector<fs::path>> copy_all(const PullArgs& args,
                                       const std::vector<HostedShards::Copy>& files) {
    std::error_code ignored;
    const bool to_folder = fs::is_directory(args.output, ignored);
    if (files.size() > 1 && !to_folder)
        return Error{Category::usage,
                     fmt::format("-o {}: the model has {} files, so this must be a folder",
                                 args.output, files.size())};
    std::vector<fs::path> paths;
    for (const auto& [name, from] : files) {
        fs::path to = args.output;
        if (to_folder) to /= fs::path(name).filename();
        if (!to.has_filename() || to.filename() == "..")
            return Error{Category::usage, fmt::format("-o: {} names no file", name)};
        TRY(copy_out(from, to));
        paths.push_back(std::move(to));
    }
    return paths;
}

Result<void> run(const PullArgs& args) {
    if (fetch::name_kind(args.name) == fetch::NameKind::path)
        return Error{Category::usage,
                     fmt::format("{}: expected a URL or hf:owner/repo[/file][:QUANT]", args.name)};
    if (!args.sha256.empty() && !is_sha256_hex(args.sha256))
        return Error{Category::usage, "--sha256: expected 64 hexadecimal digits"};
    fetch::Pins pins;
    if (!args.lock.empty()) {
        TRY(pins, read_lock(args.lock));
    }
    TRY(auto options, model_options(args.access));
    options.sha256 = args.sha256;
    if (const auto pinned = pins.find(args.name); pinned != pins.end())
        options.pins = pinned->second;
    TRY(auto model, RemoteModel::open(args.name, options));
    fetch::PullOptions how;
    how.connections = args.connections;
    TRY(const auto repaired, pull_shown(model, how, args.verify));
    for (const std::string& chunk : repaired)
        fmt::print(stderr, "{} came damaged and was fetched again\n", escape_for_terminal(chunk));
    if (!args.lock.empty()) TRY(pin(args, std::move(pins), model));
    TRY(const auto files, model.copies());
    std::vector<fs::path> paths;
    for (const auto& file : files) paths.push_back(file.path);
    if (!args.output.empty()) {
        TRY(paths, copy_all(args, files));
    }
    std::string text;
    for (const fs::path& path : paths) text += path.string() + "\n";
    return print(text);
}

}  // namespace

Result<void> pull(const Args& args) {
    CLI::App app(
        "Brings a model into the cache and verifies it; prints where it is. A pull that was "
        "stopped goes on where it was.",
        "m2w pull");
    PullArgs in;
    app.add_option("name", in.name,
                   "URL of a GGUF file, of a manifest.json of shards or of its folder, or "
                   "hf:owner/repo[/file][:QUANT]")
        ->required();
    app.add_option("-o,--output", in.output, "copy it there as well: a file, or a folder");
    app.add_option("--sha256", in.sha256, "what the file has to be")
        ->transform([](const std::string& text) { return CLI::detail::to_lower(text); });
    add_access_options(app, in.access);
    app.add_flag("--verify", in.verify, "read and check what is in the cache already, too");
    app.add_option("--connections", in.connections, "at a time")
        ->check(CLI::Range(1, int(fetch::kMaxConnections)));
    app.add_option("--lock", in.lock,
                   "m2w.lock: the name stands for the bytes that this file says; without an entry "
                   "it gets one");
    TRY(const bool go_on, parse(app, args));
    if (!go_on) return {};
    return run(in);
}

}  // namespace m2w::tools
