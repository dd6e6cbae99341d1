// contract_shapes.cpp — a reader of sums and products.
#include "kernels/contract_shapes.h"

#include <algorithm>
#include <charconv>

#include "gguf/result.h"

namespace m2w {
namespace {

using ValueOf = std::function<uint64_t(std::string_view)>;

/// Takes what stands before the next space off the front of `text`.
std::string_view next_word(std::string_view& text) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    return word;
}

int64_t factor(std::string_view word, const ValueOf& value_of) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    return error == std::errc() && end == word.data() + word.size() ? number
                                                                    : int64_t(value_of(word));
}

/// "2 * n_head + n_rot / 2 - 1"
uint64_t evaluate(std::string_view expression, const ValueOf& value_of) {
    int64_t sum = 0, term = factor(next_word(expression), value_of);
    while (!expression.empty()) {
        const std::string_view sign = next_word(expression);
        const int64_t x = factor(next_word(expression), value_of);
        M2W_ASSERT(sign == "+" || sign == "-" || sign == "*" || (sign == "/" && x != 0));
        if (sign == "*" || sign == "/") {
            term = sign == "*" ? term * x : term / x;
        } else {
            sum += term;
            term = sign == "+" ? x : -x;
        }
    }
    return uint64_t(sum + term);
}

}  // namespace

std::vector<uint64_t> evaluate_shape(std::string_view shape, const ValueOf& value_of) {
    std::vector<uint64_t> dims;
    while (!shape.empty()) {
        const size_t end = shape.find(']');
        M2W_ASSERT(shape[0] == '[' && end != shape.npos);
        dims.push_back(evaluate(shape.substr(1, end - 1), value_of));
        shape.remove_prefix(end + 1);
    }
    return dims;
}

}  // namespace m2w
