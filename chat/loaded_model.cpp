// loaded_model.cpp — the steps from a path to a model that can answer.
#include "chat/loaded_model.h"

#include "gguf/shards/open_model.h"

namespace m2w {

Result<std::shared_ptr<const LoadedModel>> LoadedModel::load(const std::filesystem::path& path,
                                                             const EngineOptions& options) {
    TRY(auto file, shards::open_model(path));
    return load(std::move(file), options);
}

Result<std::shared_ptr<const LoadedModel>> LoadedModel::load(std::shared_ptr<const gguf::File> file,
                                                             const EngineOptions& options) {
    auto loaded = std::make_shared<LoadedModel>();
    TRY(loaded->tokenizer_, Tokenizer::from(*file));
    TRY(auto model, Model::from(file));
    loaded->template_ = ChatTemplate::from(*file);
    if (const auto usable = loaded->chat_template())
        loaded->answer_forms_ = detect_answer_forms(**usable, [&](std::string_view text) {
            const auto ids =
                loaded->tokenizer_->encode(text, {.add_special = false, .parse_special = true});
            return ids && ids->size() == 1;
        });
    TRY(loaded->engine_, Engine::create(std::move(model), options));
    return std::shared_ptr<const LoadedModel>(std::move(loaded));
}

Result<const ChatTemplate*> LoadedModel::chat_template() const {
    if (!*template_) return template_->error();
    return &**template_;
}

}  // namespace m2w
