// check_range.h — what must hold of RemoteFile whatever a server answers. Aborts where it does not.
#pragma once
#include <string_view>

namespace m2w::fetch::fuzz {

/// Plays a server by a script, then one that behaves, and reads a file from it. The script's lines:
///
///     =options          any of s (https), t (with a token), w (without ranges when it behaves)
///     ?                 an answer as it should be
///     Sstatus line      an answer begins; an empty line: nothing comes before its end
///     Hheader line      one of its fields
///     Bn                a piece of n bytes of its body
///     En                how it ends, by number (TransferEnd)
///
/// {first} {last} {length} {total} {etag} in a header are what they should be. Bodies are honest:
/// their bytes are those that the answer's own Content-Range, total and ETag claim, or garbage
/// where these claim nothing. So what is delivered has to be one version's bytes at the right
/// place.
void check_range(std::string_view script);

}  // namespace m2w::fetch::fuzz
