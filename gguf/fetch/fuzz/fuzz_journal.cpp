// fuzz_journal.cpp — libFuzzer: journals, identities and pins of any bytes give what is in range or
// nothing, and what was understood comes back from what is written of it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "gguf/fetch/journal.h"
#include "gguf/fetch/pins.h"

namespace m2w::fetch {
namespace {

constexpr size_t kCheckDigits = 8;

void require(bool holds) {
    if (!holds) std::abort();
}

/// Each line with the check that it needs to be believed: no fuzzer guesses those.
std::string with_checks(std::string_view text) {
    std::string out;
    for (size_t end; (end = text.find('\n')) != text.npos; text.remove_prefix(end + 1)) {
        const std::string_view line = text.substr(0, end);
        out += std::string(line) + sha256_hex(line).substr(0, kCheckDigits) + "\n";
    }
    return out + std::string(text);
}

void check_journal(std::string_view text) {
    if (const auto header = parse_journal_header(text)) {
        require(header->line_bytes > 0 && header->line_bytes <= text.size());
        const auto back = parse_journal_header(journal_header(header->identity));
        require(bool(back) && back->identity == header->identity);
    }
    const ChunkLayout layout = ChunkLayout::of(5 * kMinChunkBytes + 9);
    const JournalRecords got = parse_journal_records(text, layout);
    require(got.used_bytes <= text.size());
    std::string written;
    for (const ChunkRecord& r : got.records) {
        require(r.chunk < layout.count() && r.bytes > 0 && r.bytes <= layout.size(r.chunk));
        written += journal_line(r);
    }
    require(parse_journal_records(written, layout).records.size() == got.records.size());
}

void check_json(std::string_view text) {
    if (const auto identity = identity_from_json(text)) {
        require(identity->size_bytes <= kMaxFileBytes);
        const auto back = identity_from_json(identity_to_json(*identity));
        require(bool(back) && *back == *identity);
    }
    if (const auto pins = parse_pins(text)) {
        const auto back = parse_pins(print_pins(*pins));
        require(bool(back) && print_pins(*back) == print_pins(*pins));
    }
}

}  // namespace
}  // namespace m2w::fetch

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    m2w::fetch::check_json(text);
    m2w::fetch::check_journal(text);
    m2w::fetch::check_journal(m2w::fetch::with_checks(text));
    return 0;
}
