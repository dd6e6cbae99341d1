// common.cpp — arguments, files and streams, as every verb uses them.
#include <CLI/CLI.hpp>

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <memory>
#include <random>

#include "gguf/descriptor.h"
#include "tools/verbs.h"

namespace m2w::tools {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxLineBytes = size_t{1} << 30;
constexpr std::string_view kBundledName = "tiny-q8_0.gguf";

Error io_error(const fs::path& path) {
    return {Category::io, path.string() + ": " + std::strerror(errno)};
}

bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        bytes.remove_prefix(size_t(n));
    }
    return true;
}

}  // namespace

Result<bool> parse(CLI::App& app, const Args& args) {
    try {
        app.parse(std::vector<std::string>(args.rbegin(), args.rend()));  // it pops from the back
    } catch (const CLI::CallForHelp&) {
        TRY(print(app.help()));
        return false;
    } catch (const CLI::ParseError& e) {
        return Error{Category::usage,
                     fmt::format("{}; {} --help lists the options", e.what(), app.get_name())};
    }
    return true;
}

Result<void> print(std::string_view text) {
    const bool good = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
                      std::fflush(stdout) == 0 && !std::ferror(stdout);
    if (good) return {};
    return Error{Category::io, std::string("standard output: ") + std::strerror(errno)};
}

Result<fs::path> bundled_model() {
    std::error_code error;
    const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
    const fs::path candidates[] = {
        folder / "../share/m2w/model" / kBundledName,  // installed
        folder / "../../chat/model" / kBundledName,    // build/bin of a checkout
        fs::path(M2W_MODEL_DIR) / kBundledName,        // a build tree elsewhere
    };
    for (const fs::path& path : candidates)
        if (fs::is_regular_file(path, error)) return path.lexically_normal();
    return Error{Category::io,
                 fmt::format("{}: the bundled model is not installed; looked for {}", kBundledName,
                             candidates[0].lexically_normal().string())};
}

Result<void> write_file(const fs::path& path, std::string_view bytes) {
    const fs::path temporary = path.string() + fmt::format(".tmp-{:08x}", std::random_device{}());
    Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!fd) return io_error(temporary);
    if (write_all(fd.get(), bytes) && ::fsync(fd.get()) == 0 && fd.close() &&
        ::rename(temporary.c_str(), path.c_str()) == 0)
        return {};
    const Error error = io_error(path);
    ::unlink(temporary.c_str());
    return error;
}

Result<std::string> read_all(const fs::path& path, size_t max_bytes) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> opened(
        path == "-" ? nullptr : std::fopen(path.c_str(), "rbe"),
        [](std::FILE* f) { return f ? std::fclose(f) : 0; });
    if (path != "-" && !opened) return io_error(path);
    std::FILE* file = opened ? opened.get() : stdin;
    std::string text, piece(1 << 16, '\0');
    while (const size_t n = std::fread(piece.data(), 1, piece.size(), file)) {
        if (n > max_bytes - text.size())
            return Error{Category::resource_limit,
                         fmt::format("{}: longer than {} bytes",
                                     opened ? path.string() : "standard input", max_bytes)};
        text.append(piece, 0, n);
    }
    if (std::ferror(file)) return io_error(opened ? path : "standard input");
    return text;
}

Result<std::vector<uint32_t>> parse_ids(const std::string& text) {
    std::vector<uint32_t> ids;
    const char *at = text.data(), *end = at + text.size();
    while (true) {
        uint32_t id = 0;
        const auto parsed = std::from_chars(at, end, id);
        if (parsed.ec != std::errc() || (parsed.ptr != end && *parsed.ptr != ','))
            return Error{Category::usage,
                         fmt::format("--ids: expected numbers and commas, got \"{}\"", text)};
        ids.push_back(id);
        if (parsed.ptr == end) return ids;
        at = parsed.ptr + 1;
    }
}

Result<bool> next_input_line(std::string& line) {
    line.clear();
    for (int c; (c = std::getc(stdin)) != EOF;) {
        if (c == '\n') return true;
        if (line.size() == kMaxLineBytes)
            return Error{
                Category::resource_limit,
                fmt::format("standard input: a line of more than {} bytes", kMaxLineBytes)};
        line += char(c);
    }
    if (std::ferror(stdin)) return io_error("standard input");
    return !line.empty();
}

}  // namespace m2w::tools
