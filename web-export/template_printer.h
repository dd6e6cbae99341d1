// template_printer.h — a chat template's syntax tree as a TypeScript module. Ships no interpreter:
// what is printed is straight-line code over web-export/package/src/chat_runtime.ts.
#pragma once
#include <string>

#include "chat/jinja/template.h"
#include "gguf/result.h"

namespace m2w::web {

/// The module chat.ts: `export function render(messages, tools, options): string`. with_tools: the
/// template that is rendered when there are tools, or null. What the module renders is what
/// Template::render gives with RenderOptions::forgiving; variables that would replace one of
/// Jinja's own functions are not seen. Errors: unsupported (a construct that cannot be printed,
/// with its line).
Result<std::string> print_chat(const jinja::Template& standard,
                               const jinja::Template* with_tools = nullptr);

}  // namespace m2w::web
