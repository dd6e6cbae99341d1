// json_scanner.h — checks a JSON text byte by byte and says where its values begin and end. Builds
// nothing.
#pragma once
#include <cstdint>
#include <vector>

namespace m2w {

/// The grammar of RFC 8259, one value. Bytes above 0x7f are taken in strings as they are.
class JsonScanner {
  public:
    /// Deepest nesting of lists and objects.
    static constexpr uint32_t kMaxDepth = 64;

    enum class State : uint8_t { more, done, bad, too_deep };
    /// What a byte did.
    struct Step {
        State state = State::more;
        bool value_begins = false;                  // with this byte
        bool value_ends = false;                    // with this byte: all but numbers
        bool value_ended_before = false;            // with the byte before: a number
        bool key_begins = false, key_ends = false;  // the quotes around it
    };
    /// The next byte. A number that is the whole text is done only with the white space after it.
    /// Nothing may follow done, bad or too_deep.
    Step push(char c);
    /// Whether the text may end here: a number ends nowhere else.
    bool complete_at_end() const;

    /// Lists and objects that are open.
    uint32_t depth() const { return uint32_t(is_object_.size()); }

  private:
    enum class Expect : uint8_t {
        value,
        value_or_end,  // after [
        key_or_end,    // after {
        key,           // after , in an object
        colon,
        comma_or_end,
        in_string,
        in_escape,
        in_unicode,
        in_number,
        in_word,
        end,
    };
    /// Where a number is; RFC 8259, section 6.
    enum class Number : uint8_t { minus, zero, digits, point, fraction, exponent, sign, power };

    Step begin_value(char c);
    Step push_structure(char c);
    Step push_string(char c);
    Step push_number(char c);
    Step push_word(char c);
    void end_value(Step& step);
    bool number_may_end() const;

    std::vector<bool> is_object_;
    Expect expect_ = Expect::value;
    Number number_ = Number::minus;
    bool string_is_key_ = false;
    uint8_t n_hex_ = 0;           // digits of \u that are missing
    const char* word_ = nullptr;  // what is left of true, false or null
};

}  // namespace m2w
