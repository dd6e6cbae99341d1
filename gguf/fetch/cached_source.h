// cached_source.h — a cached file as a byte source. Adds nothing to it but a name.
#pragma once
#include <memory>
#include <string>

#include "gguf/fetch/cached_file.h"
#include "gguf/source.h"

namespace m2w::fetch {

/// read() brings what is missing; view() gives only what is here already. Errors: those of
/// CachedFile::read, out_of_memory.
std::shared_ptr<const Source> make_cached_source(std::shared_ptr<CachedFile> file,
                                                 std::string name);

}  // namespace m2w::fetch
