// script_text.h — TypeScript's lexical side: names, strings and numbers as they stand in a printed
// file.
#pragma once
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace m2w::web {

/// A string literal in single quotes. The text may be hostile: nothing of it ends its quotes, its
/// line or the script element that it may land in. UTF-8 stays, but for what is not seen, turns the
/// direction of writing or belongs to nobody.
std::string script_string(std::string_view utf8);

/// A template literal that stands for exactly this text.
std::string script_template(std::string_view text);

/// A number that becomes the same f32 again. The value is finite.
std::string script_float(float value);

std::string base64(std::span<const std::byte> bytes);

/// "blk.0.attn_q.weight" -> blk_0_attn_q: letters, digits and underscores, no digit first.
std::string script_name(std::string_view text);

/// A variable's name: letters, digits and underscores, no digit first, no word of the language.
std::string script_variable(std::string_view name);

/// Whether a text may stand behind a dot or as a key of an object as it is.
bool is_script_property(std::string_view name);

/// Names that were given away in a scope.
class ScriptNames {
  public:
    /// The name, or with the first number behind it that makes it new.
    std::string unique(const std::string& name);

  private:
    std::set<std::string> taken_;
};

}  // namespace m2w::web
