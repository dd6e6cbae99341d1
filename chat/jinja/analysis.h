// analysis.h — questions about a syntax tree that need no evaluation: what it reads, and what would
// fail before it runs.
#pragma once
#include <set>
#include <string>
#include <string_view>

#include "chat/jinja/ast.h"

namespace m2w::jinja {

/// Throws Failure (syntax) for a filter or test that does not exist, as Jinja does before
/// rendering. Inside an `if` statement or expression such a name fails only when it is reached.
void check_names(const ast::Module& module);

/// What a template reads.
struct Usage {
    std::set<std::string>
        variables;  // names it reads that it did not bind itself, Jinja's functions left out
    std::set<std::string> attributes;  // x.name and x['name']
    std::set<std::string> strings;     // string constants
};
Usage find_usage(const ast::Module& module);

}  // namespace m2w::jinja
