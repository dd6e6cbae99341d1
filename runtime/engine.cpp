// engine.cpp — picks the backend.
#include "runtime/engine.h"

#include "gguf/guarded.h"
#include "runtime/fuse.h"
#include "runtime/memory.h"
#include "runtime/ref_executor.h"
#include "runtime/session.h"
#include "runtime/short_cuts.h"
#include "runtime/vk_executor.h"

namespace m2w {

Result<std::shared_ptr<const Engine>> Engine::create(std::shared_ptr<const Model> model,
                                                     const EngineOptions& options) {
    return guarded("loading a model", [&] { return make(std::move(model), options); });
}

Result<std::shared_ptr<const Engine>> Engine::make(std::shared_ptr<const Model> model,
                                                   const EngineOptions& options) {
    const ExecutorOptions planned =
        executor_options(*model, {.n_ctx = options.n_ctx, .cache = options.cache});
    const std::shared_ptr<const Plan> plan(model, &model->plan());  // keeps the model alive
    auto engine = std::make_shared<Engine>();
    if (options.device == "ref") {
        TRY(check_fits(*plan, planned, {available_main_memory()}));
        TRY(engine->backend_, make_ref_backend(plan, model->shared_file(), options.progress));
    } else {
        const VkBackendOptions vulkan{.device = options.device,
                                      .validation = options.validation,
                                      .start_early = options.start_early,
                                      .max_piece_bytes = options.max_piece_bytes};
        TRY(engine->backend_,
            make_vk_backend(std::make_shared<const Plan>(add_short_cuts(fuse(*plan))),
                            model->shared_file(), vulkan, planned, options.progress));
    }
    engine->model_ = std::move(model);
    return std::shared_ptr<const Engine>(std::move(engine));
}

}  // namespace m2w
