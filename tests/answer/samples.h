// samples.h — answers in every form that the parser knows, and what they say.
#pragma once
#include <span>
#include <string_view>

namespace m2w::test {

struct Sample {
    std::string_view calls;      // name of a row of call_formats(), or empty
    std::string_view reasoning;  // what opens it, of a row of reasoning_formats(), or empty
    std::string_view text;
    std::string_view says;         // as Transcript has it
    std::string_view prompt = {};  // its end
};

std::span<const Sample> samples();

}  // namespace m2w::test
