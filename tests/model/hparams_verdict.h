// hparams_verdict.h — what reading the hyperparameters of a blueprint's file says. Judges nothing.
#pragma once
#include <string>

#include "runtime/model/fuzz/blueprint.h"
#include "runtime/model/hparams.h"
#include "tests/support/results.h"

namespace m2w::test {

inline Result<Hparams> read_hparams(const Blueprint& blueprint) {
    TRY(auto file, blueprint.file());
    return Hparams::from(*file);
}

/// "ok", or "category: message".
inline std::string hparams_verdict(const Blueprint& blueprint) {
    return outcome(read_hparams(blueprint));
}

}  // namespace m2w::test
