// answer_printer.h — forms.ts of a package: how its model writes reasoning and calls of tools.
// Finds out nothing itself.
#pragma once
#include <string>

#include "chat/answer/answer_parser.h"

namespace m2w::web {

/// The module forms.ts: `parser`, which makes the reader of one answer, or undefined where all that
/// the model writes is text to package/src/answer.ts: it has no such form, or one that only the
/// native parser reads (messages with headers, calls as code, ids beside names).
std::string print_answer_forms(const AnswerFormat& format);

}  // namespace m2w::web
