// remote_source.h — a file on a server as a byte source that keeps nothing: every read is asked
// for. Checks no bytes.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "gguf/fetch/remote_file.h"
#include "gguf/source.h"

namespace m2w::fetch {

/// read() splits a range of half a MiB or more over the connections and fills the caller's memory
/// from all of them; it has no views. Errors: those of RemoteFile::fetch, out_of_memory.
std::shared_ptr<const Source> make_remote_source(std::shared_ptr<const RemoteFile> file,
                                                 std::string name, uint32_t connections);

}  // namespace m2w::fetch
