// loaded_model.h — everything of one model file that chats share: weights on a device, tokenizer,
// chat template. Holds no conversation.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "chat/answer/detect.h"
#include "chat/template.h"
#include "gguf/file.h"
#include "gguf/result.h"
#include "runtime/engine.h"
#include "tokenizer/tokenizer.h"

namespace m2w {

/// Immutable; share it between conversations and threads.
class LoadedModel {
  public:
    /// Checks and loads a model. A chat template that cannot be used does not stop it: see
    /// chat_template(). Errors: those of Model::from, Tokenizer::from and Engine::create.
    static Result<std::shared_ptr<const LoadedModel>> load(std::shared_ptr<const gguf::File> file,
                                                           const EngineOptions& options);
    /// The same of a local path: a GGUF file, or the manifest of its shards or their folder. Errors
    /// also: those of shards::open_model.
    static Result<std::shared_ptr<const LoadedModel>> load(const std::filesystem::path& path,
                                                           const EngineOptions& options);

    const std::shared_ptr<const Engine>& engine() const { return engine_; }
    const Model& model() const { return engine_->model(); }
    const Tokenizer& tokenizer() const { return *tokenizer_; }
    /// Errors: chat_template (the file has none), or why the file's cannot be used.
    Result<const ChatTemplate*> chat_template() const;
    /// How the model writes calls and reasoning; none of it without a chat template.
    const AnswerForms& answer_forms() const { return answer_forms_; }

  private:
    std::shared_ptr<const Engine> engine_;
    std::shared_ptr<const Tokenizer> tokenizer_;
    std::optional<Result<ChatTemplate>> template_;  // empty only while loading
    AnswerForms answer_forms_;
};

}  // namespace m2w
