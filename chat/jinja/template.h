// template.h — a parsed template and its rendering: the whole interface of the engine for its
// callers. The language is Jinja 3.1 as Hugging Face transformers sets it up for chat templates.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "chat/jinja/analysis.h"
#include "chat/jinja/error.h"
#include "chat/jinja/limits.h"
#include "chat/jinja/strftime.h"
#include "chat/jinja/value.h"
#include "gguf/result.h"

namespace m2w::jinja {

struct RenderOptions {
    /// What strftime_now sees; without it the function fails.
    std::optional<CivilTime> now;
    /// Lets pass what fails in transformers by accident of Python and is no risk here: list.append
    /// and its kin, a from_json filter, generators in tojson. Whatever renders without it renders
    /// the same with it.
    bool forgiving = false;
    Limits limits;
};

/// A value, or why there is none.
template <class T>
using Outcome = std::variant<T, RenderError>;

struct Rendering {
    std::string text;
    uint64_t steps = 0;       // of Limits::steps
    uint64_t peak_bytes = 0;  // of Limits::live_bytes
};

/// Immutable and cheap to copy; renderings of one template may run in parallel.
class Template {
  public:
    /// Errors: chat_template, with line and column in the message.
    static Result<Template> parse(std::string_view source, const Limits& limits = {});
    static Outcome<Template> parse_detailed(std::string_view source, const Limits& limits = {});

    /// globals: a map of the variables; anything else counts as no variables. It is not changed.
    /// Errors: chat_template.
    Result<std::string> render(const Value& globals, const RenderOptions& options = {}) const;
    Outcome<Rendering> render_detailed(const Value& globals,
                                       const RenderOptions& options = {}) const;

    const ast::Module& module() const { return *module_; }
    Usage usage() const { return find_usage(*module_); }

  private:
    explicit Template(ast::Module module)
        : module_(std::make_shared<const ast::Module>(std::move(module))) {}
    std::shared_ptr<const ast::Module> module_;  // shared by the copies of this template
};

/// An error as the rest of the project carries it.
Error to_error(const RenderError& error);

}  // namespace m2w::jinja
