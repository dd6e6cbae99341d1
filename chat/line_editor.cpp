// line_editor.cpp — libedit with our own key reader: its signal handling loses the line at a second
// window change, and reads on after Ctrl-C.
#include "chat/line_editor.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <optional>

namespace m2w {
namespace {

constexpr int kHistoryEntries = 1000;
constexpr char kCtrlC = 3, kCtrlE = 5;

/// libedit turns keys into text with the locale's character type; ours is always UTF-8.
void use_utf8_locale() {
    setlocale(LC_CTYPE, "");
    if (std::strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
}

Error io_error(const std::filesystem::path& path) {
    return {Category::io, path.string() + ": " + std::strerror(errno)};
}

/// Number of bytes of the character that begins with `lead`; 0 for a byte that begins none.
int utf8_length(unsigned char lead) {
    if (lead < 0x80) return 1;
    if (lead >= 0xc2 && lead < 0xe0) return 2;
    if (lead >= 0xe0 && lead < 0xf0) return 3;
    return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

}  // namespace

struct LineEditor::Parts {
    LineEditorOptions options;
    SignalWatch* signals = nullptr;
    EditLine* editor = nullptr;
    History* history = nullptr;
    std::string prompt;
    std::optional<wchar_t> queued;  // the next key
    bool interrupted = false;

    ~Parts() {
        if (editor) el_end(editor);
        if (history) history_end(history);
    }

    static Parts& of(EditLine* editor) {
        void* self = nullptr;
        el_get(editor, EL_CLIENTDATA, &self);
        return *static_cast<Parts*>(self);
    }

    static char* show_prompt(EditLine* editor) { return of(editor).prompt.data(); }
    static int read_key(EditLine* editor, wchar_t* key) { return of(editor).next_key(key); }
    static unsigned char on_interrupt(EditLine* editor, int) {
        of(editor).interrupted = true;
        return CC_EOF;
    }
    static unsigned char on_suspend(EditLine* editor, int) {
        el_set(editor, EL_PREP_TERM, 0);
        kill(0, SIGTSTP);
        el_set(editor, EL_PREP_TERM, 1);
        return CC_REDISPLAY;
    }

    Result<void> open();
    void bind_keys();
    int next_key(wchar_t* key);
    int next_byte(unsigned char* byte);
    Result<void> save_history();
};

Result<void> LineEditor::Parts::open() {
    use_utf8_locale();
    editor = el_init("m2w", options.in, options.out, stderr);
    if (!editor) return Error{Category::io, "no terminal to edit lines on"};
    history = history_init();
    if (!history) return Error{Category::out_of_memory, "no memory for the history"};
    HistEvent event;
    ::history(history, &event, H_SETSIZE, kHistoryEntries);
    ::history(history, &event, H_SETUNIQUE, 1);
    if (!options.history_file.empty())  // one that is not there yet, or not ours, is an empty one
        ::history(history, &event, H_LOAD, options.history_file.c_str());

    el_set(editor, EL_CLIENTDATA, this);
    el_set(editor, EL_EDITOR, "emacs");
    el_set(editor, EL_HIST, ::history, history);
    el_set(editor, EL_PROMPT_ESC, &Parts::show_prompt, '\1');
    el_set(editor, EL_SIGNAL, 0);
    el_set(editor, EL_GETCFN, &Parts::read_key);
    el_source(editor, nullptr);  // ~/.editrc, if there is one
    bind_keys();
    return {};
}

void LineEditor::Parts::bind_keys() {
    // While a line is edited Ctrl-C and Ctrl-Z are keys, not signals.
    el_set(editor, EL_SETTY, "-d", "-isig", nullptr);
    el_set(editor, EL_ADDFN, "m2w-interrupt", "Drop the line", &Parts::on_interrupt);
    el_set(editor, EL_ADDFN, "m2w-suspend", "Suspend the program", &Parts::on_suspend);
    el_set(editor, EL_BIND, "^C", "m2w-interrupt", nullptr);
    el_set(editor, EL_BIND, "-a", "^C", "m2w-interrupt", nullptr);  // vi's command mode
    el_set(editor, EL_BIND, "^Z", "m2w-suspend", nullptr);
    el_set(editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
}

/// One byte from the terminal; window changes are drawn while waiting. 1: a byte, 0: end.
int LineEditor::Parts::next_byte(unsigned char* byte) {
    for (;;) {
        pollfd fds[] = {{fileno(options.in), POLLIN, 0}, {signals->wake_fd(), POLLIN, 0}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR) return 0;
        if (fds[1].revents) {
            if (signals->take_resized()) {
                // The line is drawn anew; where the terminal left the old one is its own choice.
                std::fputs("\r\x1b[J", options.out);
                el_resize(editor);
                el_set(editor, EL_REFRESH);
            }
            if (signals->interrupted().exchange(false)) {  // sent by another process
                *byte = kCtrlC;
                return 1;
            }
        }
        if (!fds[0].revents) continue;
        const ssize_t n = ::read(fileno(options.in), byte, 1);
        if (n == 1) return 1;
        if (n == 0 || (errno != EINTR && errno != EAGAIN)) return 0;
    }
}

int LineEditor::Parts::next_key(wchar_t* key) {
    if (queued) {
        *key = *queued;
        queued.reset();
        return 1;
    }
    unsigned char byte = 0;
    if (next_byte(&byte) == 0) return 0;
    if (byte == kCtrlC) {  // first to the end of the line, so that nothing is printed over it
        queued = kCtrlC;
        *key = kCtrlE;
        return 1;
    }
    const int length = utf8_length(byte);
    char32_t c = length <= 1 ? byte : byte & (0x7fu >> length);
    for (int i = 1; i < length; ++i) {
        if (next_byte(&byte) == 0) return 0;
        if ((byte & 0xc0) != 0x80) {  // a character cut short, then another key
            queued = wchar_t(byte < 0x80 ? byte : 0xfffd);
            c = 0xfffd;
            break;
        }
        c = (c << 6) | (byte & 0x3fu);
    }
    const bool valid = length == 1 || (length > 1 && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff));
    *key = wchar_t(valid ? c : 0xfffd);
    return 1;
}

/// Replaces the file by one that only its owner can read.
Result<void> LineEditor::Parts::save_history() {
    const std::filesystem::path& path = options.history_file;
    std::error_code ignored;
    std::filesystem::create_directories(path.parent_path(), ignored);  // open() says what is wrong
    const std::filesystem::path temporary = path.string() + ".tmp-" + std::to_string(getpid());
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return io_error(temporary);
    std::FILE* file = fdopen(fd, "w");
    HistEvent event;
    bool good = ::history(history, &event, H_SAVE_FP, file) >= 0;
    good = std::fclose(file) == 0 && good;
    if (good && ::rename(temporary.c_str(), path.c_str()) == 0) return {};
    const Error error = io_error(path);
    ::unlink(temporary.c_str());
    return error;
}

LineEditor::LineEditor(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
LineEditor::~LineEditor() = default;

Result<std::unique_ptr<LineEditor>> LineEditor::create(const LineEditorOptions& options,
                                                       SignalWatch& signals) {
    auto parts = std::make_unique<Parts>();
    parts->options = options;
    parts->signals = &signals;
    TRY(parts->open());
    return std::unique_ptr<LineEditor>(new LineEditor(std::move(parts)));
}

LineEditor::Event LineEditor::read(const std::string& prompt, std::string& line) {
    Parts& p = *parts_;
    p.prompt = prompt;
    p.interrupted = false;
    p.queued.reset();
    el_resize(p.editor);                // the window may have changed while nobody was editing
    el_set(p.editor, EL_PREP_TERM, 1);  // before the prompt invites keys, which would be echoed
    int count = 0;
    const char* text = el_gets(p.editor, &count);
    if (p.interrupted) return Event::interrupt;
    if (!text || count <= 0) return Event::end;
    line.assign(text, size_t(count));
    if (line.ends_with('\n')) line.pop_back();
    return Event::line;
}

Result<void> LineEditor::remember(const std::string& entry) {
    HistEvent event;
    ::history(parts_->history, &event, H_ENTER, entry.c_str());
    if (parts_->options.history_file.empty()) return {};
    return parts_->save_history();
}

std::filesystem::path default_history_file() {
    const char* state = std::getenv("XDG_STATE_HOME");
    if (state && std::filesystem::path(state).is_absolute())
        return std::filesystem::path(state) / "m2w" / "history";
    const char* home = std::getenv("HOME");
    if (home && std::filesystem::path(home).is_absolute())
        return std::filesystem::path(home) / ".local" / "state" / "m2w" / "history";
    return {};
}

}  // namespace m2w
