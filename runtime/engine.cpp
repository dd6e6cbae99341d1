// engine.cpp — picks the backend.
#include "runtime/engine.h"

#include "runtime/ref_executor.h"

namespace m2w {

Result<std::shared_ptr<const Engine>> Engine::create(std::shared_ptr<const Model> model,
                                                     const EngineOptions& options) {
    auto engine = std::make_shared<Engine>();
    TRY(engine->backend_, make_ref_backend(model, options.progress));
    engine->model_ = std::move(model);
    return std::shared_ptr<const Engine>(std::move(engine));
}

}  // namespace m2w
