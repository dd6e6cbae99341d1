// guarded.h — where exceptions end: at the borders of folders and of threads. What throws does so
// for want of memory (docs/adr/0004).
#pragma once
#include <exception>
#include <string>
#include <string_view>

#include "gguf/result.h"

namespace m2w {

/// An out_of_memory Error about `what`; without a message where there is no memory even for that.
inline Error out_of_memory(std::string_view what) noexcept {
    try {
        return {Category::out_of_memory, std::string(what) + ": out of memory"};
    } catch (const std::exception&) {
        return {Category::out_of_memory, {}};
    }
}

/// Returns work(), which returns a Result, or out_of_memory(what) where it throws.
template <class Work>
auto guarded(std::string_view what, Work&& work) -> decltype(work()) {
    try {
        return work();
    } catch (const std::exception&) {
        return out_of_memory(what);
    }
}

}  // namespace m2w
