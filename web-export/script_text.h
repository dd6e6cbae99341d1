// script_text.h — TypeScript's lexical side: names, strings and numbers as they stand in a printed
// file.
#pragma once
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace m2w::web {

/// A string literal in single quotes; controls, quotes and what is not ASCII are escaped.
std::string script_string(std::string_view utf8);

/// A template literal that stands for exactly this text.
std::string script_template(std::string_view text);

/// A number that becomes the same f32 again. The value is finite.
std::string script_float(float value);

std::string base64(std::span<const std::byte> bytes);

/// "blk.0.attn_q.weight" -> blk_0_attn_q: letters, digits and underscores, no digit first.
std::string script_name(std::string_view text);

/// Names that were given away in a scope.
class ScriptNames {
  public:
    /// The name, or with the first number behind it that makes it new.
    std::string unique(const std::string& name);

  private:
    std::set<std::string> taken_;
};

}  // namespace m2w::web
