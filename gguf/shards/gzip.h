// gzip.h — one file as gzip (RFC 1952), for web servers that hand out such twins. Reads none.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "gguf/result.h"
#include "gguf/source.h"

namespace m2w::shards {

/// Takes compressed bytes in their order.
using GzipSink = std::function<Result<void>(std::span<const std::byte>)>;

/// All of a source, with neither name nor time: the same source gives the same bytes, as long as
/// zlib is the same. Holds less than a MiB. Errors: those of the source and the sink,
/// out_of_memory.
Result<void> gzip(const Source& source, const GzipSink& sink);

}  // namespace m2w::shards
