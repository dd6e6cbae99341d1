// splitter.cpp — PCRE2 behind Splitter: compilation, JIT with a fallback, limits.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "tokenizer/splitter.h"

#include <fmt/format.h>
#include <pcre2.h>

#include <string>

namespace m2w::tokenizer {

namespace {

// A group that repeats once a character (some models' patterns have one) needs stack for every
// repetition, 32 to 64 bytes in the JIT's code: 4 million letters without a space. Where there is
// no JIT, the interpreter keeps its larger frames on the heap.
constexpr size_t kJitStackStartBytes = 32 << 10;
constexpr size_t kJitStackMaxBytes = 256 << 20;  // address space; memory only as it is needed
constexpr uint32_t kHeapLimitKib = 256 << 10;
// Steps for one match: our patterns need a few for each character of the match.
constexpr uint32_t kMatchLimit = 1'000'000'000;

std::string message_of(int code) {
    PCRE2_UCHAR text[128] = {};
    pcre2_get_error_message(code, text, std::size(text));
    return reinterpret_cast<const char*>(text);
}

/// \s and \S spelled so that PCRE2 takes them for Unicode's White_Space, inside and outside of
/// classes.
std::string with_unicode_spaces(std::string_view pattern) {
    std::string out;
    for (size_t i = 0; i < pattern.size(); i++) {
        if (pattern[i] != '\\' || i + 1 == pattern.size()) {
            out += pattern[i];
            continue;
        }
        const char escaped = pattern[++i];
        if (escaped == 's')
            out += "\\p{White_Space}";
        else if (escaped == 'S')
            out += "\\P{White_Space}";
        else
            (out += '\\') += escaped;
    }
    return out;
}

template <auto free_fn>
struct Freer {
    void operator()(auto* object) const { free_fn(object); }
};
using MatchData = std::unique_ptr<pcre2_match_data, Freer<pcre2_match_data_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Freer<pcre2_match_context_free>>;
using JitStack = std::unique_ptr<pcre2_jit_stack, Freer<pcre2_jit_stack_free>>;

/// Finds the matches of one pattern; holds the memory that matching needs.
class Matcher {
  public:
    explicit Matcher(const pcre2_code* code)
        : code_(code),
          data_(pcre2_match_data_create_from_pattern(code, nullptr)),
          context_(pcre2_match_context_create(nullptr)) {
        size_t jit_bytes = 0;
        jit_ = pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &jit_bytes) == 0 && jit_bytes > 0;
        if (!context_) return;
        pcre2_set_match_limit(context_.get(), kMatchLimit);
        pcre2_set_heap_limit(context_.get(), kHeapLimitKib);
    }

    bool ready() const { return data_ && context_; }

    /// Finds the first match at or after `from`; false if there is none.
    Result<bool> next(std::string_view text, size_t from) {
        int rc = jit_ ? run_jit(text, from) : PCRE2_ERROR_JIT_STACKLIMIT;
        if (rc == PCRE2_ERROR_JIT_STACKLIMIT && jit_ && grow_jit_stack()) rc = run_jit(text, from);
        if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
            rc = pcre2_match(code_, subject(text), text.size(), from,
                             PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data_.get(), context_.get());
        if (rc > 0) return true;
        if (rc == PCRE2_ERROR_NOMATCH) return false;
        if (rc == PCRE2_ERROR_NOMEMORY)
            return Error{Category::out_of_memory, "cutting text into words: out of memory"};
        return Error{Category::resource_limit,
                     fmt::format("cutting text into words: {}", message_of(rc))};
    }

    size_t begin() const { return pcre2_get_ovector_pointer(data_.get())[0]; }
    size_t end() const { return pcre2_get_ovector_pointer(data_.get())[1]; }

  private:
    static PCRE2_SPTR subject(std::string_view text) {
        return reinterpret_cast<PCRE2_SPTR>(text.data());
    }

    int run_jit(std::string_view text, size_t from) {
        return pcre2_jit_match(code_, subject(text), text.size(), from, 0, data_.get(),
                               context_.get());
    }

    /// Replaces the JIT's default 32 KiB; false if that is done or not possible.
    bool grow_jit_stack() {
        if (stack_) return false;
        stack_.reset(pcre2_jit_stack_create(kJitStackStartBytes, kJitStackMaxBytes, nullptr));
        if (!stack_) return false;
        pcre2_jit_stack_assign(context_.get(), nullptr, stack_.get());
        return true;
    }

    const pcre2_code* code_;
    MatchData data_;
    MatchContext context_;
    JitStack stack_;
    bool jit_ = false;
};

/// Cuts text[begin, end) with one pattern and appends the ends of the pieces.
Result<void> cut(Matcher& matcher, std::string_view text, size_t begin, size_t end,
                 std::vector<uint32_t>& ends) {
    // The pattern sees nothing outside of its piece.
    const std::string_view piece = text.substr(begin, end - begin);
    size_t done = 0;  // end of the last piece
    const auto close = [&](size_t at) {
        if (at > done) ends.push_back(uint32_t(begin + at));
        done = at;
    };
    for (size_t from = 0; from < piece.size();) {
        TRY(const bool found, matcher.next(piece, from));
        if (!found) break;
        close(matcher.begin());
        close(matcher.end());
        from = matcher.end();
        if (matcher.begin() < from) continue;
        // An empty match is a cut only. Go on behind the next character.
        do from++;
        while (from < piece.size() && (uint8_t(piece[from]) & 0xc0) == 0x80);
    }
    close(piece.size());
    return {};
}

}  // namespace

void Splitter::FreeCode::operator()(pcre2_real_code_8* code) const {
    pcre2_code_free(code);
}

Result<Splitter> Splitter::compile(std::span<const std::string_view> patterns) {
    Splitter splitter;
    for (const std::string_view source : patterns) {
        const std::string pattern = with_unicode_spaces(source);
        int error = 0;
        size_t where = 0;
        decltype(splitter.codes_)::value_type code(
            pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                          PCRE2_UTF | PCRE2_UCP, &error, &where, nullptr));
        if (!code)
            return Error{Category::internal,
                         fmt::format("pattern '{}' at {}: {}", pattern, where, message_of(error))};
        // Without JIT support (a hardened kernel forbids it) the interpreter does the same work.
        pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
        splitter.codes_.push_back(std::move(code));
    }
    return splitter;
}

Result<std::vector<uint32_t>> Splitter::split(std::string_view text) const {
    std::vector<uint32_t> ends;
    if (text.empty()) return ends;
    ends.push_back(uint32_t(text.size()));
    for (const auto& code : codes_) {
        Matcher matcher(code.get());
        if (!matcher.ready())
            return Error{Category::out_of_memory, "cutting text into words: out of memory"};
        std::vector<uint32_t> finer;
        finer.reserve(ends.size() + text.size() / 4);
        size_t begin = 0;
        for (const uint32_t end : ends) {
            TRY(cut(matcher, text, begin, end, finer));
            begin = end;
        }
        ends = std::move(finer);
    }
    return ends;
}

}  // namespace m2w::tokenizer
