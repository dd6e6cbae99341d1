// open.cpp — makes a File from one part or from all parts of a split model. Decodes nothing.
#include <fmt/format.h>

#include <exception>
#include <system_error>

#include "gguf/file.h"
#include "gguf/name_index.h"
#include "gguf/parser.h"

namespace m2w::gguf {

using namespace detail;

/// Builds the immutable File step by step.
class Assembler {
  public:
    Assembler(std::shared_ptr<const Source> first, const ParseOptions& options)
        : options_(options), file_(std::make_shared<File>()) {
        file_->parts_.push_back(std::move(first));
    }

    Result<std::shared_ptr<const File>> run() {
        const Source& first = *file_->parts_.front();
        TRY(auto part, parse_part(first, options_));
        file_->version_ = part.version;
        file_->alignment_ = part.alignment;
        file_->metadata_ = std::move(part.metadata);
        file_->keys_by_name_ = std::move(part.keys_by_name);
        file_->tensors_ = std::move(part.tensors);
        file_->data_offsets_.push_back(part.data_offset_bytes);
        TRY(const auto count, file_->find_u32("split.count"));
        // Merging tools leave split.count = 0 behind.
        if (count.value_or(0) > 1) TRY(add_parts(*count));
        index_tensors();
        if (count.value_or(0) > 1) TRY(check_whole());
        return std::shared_ptr<const File>(std::move(file_));
    }

  private:
    Error refuse(std::string message) const {
        return Error{Category::hyperparameter, fmt::format("{} ({})", message, file_->name())};
    }

    Result<void> add_parts(uint32_t count) {
        if (count > kMaxParts)
            return refuse(fmt::format("split.count is {}, the limit is {}", count, kMaxParts));
        TRY(const uint32_t number, file_->get_u32("split.no"));
        if (number != 0)
            return refuse(
                fmt::format("this is part {} of a model of {} parts: open the first one, "
                            "...-00001-of-{:05}.gguf",
                            uint64_t(number) + 1, count, count));
        const std::string ending = fmt::format("-00001-of-{:05}.gguf", count);
        if (!file_->name().ends_with(ending))
            return refuse(
                fmt::format("split.count is {}, so the name must end in {}", count, ending));
        if (!options_.open_part)
            return refuse(
                fmt::format("a model of {} parts cannot be opened from one source", count));
        const std::string stem = file_->name().substr(0, file_->name().size() - ending.size());
        for (uint32_t i = 1; i < count; i++)
            TRY(add_part(i, fmt::format("{}-{:05}-of-{:05}.gguf", stem, i + 1, count)));
        return {};
    }

    Result<void> add_part(uint32_t number, const std::string& name) {
        TRY(auto source, options_.open_part(name));
        TRY(auto part, parse_part(*source, options_));
        const KeyValue* no = find_by_name(std::span<const KeyValue>(part.metadata), &KeyValue::key,
                                          part.keys_by_name, "split.no");
        if (!no) return refuse(fmt::format("{}: split.no is missing", name));
        TRY(const uint32_t found, value_to_u32(no->value, "split.no"));
        if (found != number)
            return refuse(fmt::format("{}: split.no is {}, expected {}", name, found, number));
        file_->parts_.push_back(std::move(source));
        file_->data_offsets_.push_back(part.data_offset_bytes);
        for (TensorInfo& tensor : part.tensors) {
            tensor.part = number;
            file_->tensors_.push_back(std::move(tensor));
        }
        if (file_->tensors_.size() > kMaxTensors)
            return Error{
                Category::resource_limit,
                fmt::format("more than {} tensors in all parts ({})", kMaxTensors, file_->name())};
        return {};
    }

    void index_tensors() {
        file_->tensors_by_name_ =
            sort_by_name(std::span<const TensorInfo>(file_->tensors_), &TensorInfo::name);
    }

    Result<void> check_whole() const {
        const std::span<const TensorInfo> tensors = file_->tensors_;
        if (auto twice = find_duplicate(tensors, &TensorInfo::name, file_->tensors_by_name_))
            return Error{Category::duplicate_tensor,
                         fmt::format("tensor {} is in two parts ({})", tensors[*twice].name,
                                     file_->source(tensors[*twice]).name())};
        TRY(const uint32_t expected, file_->get_u32("split.tensors.count"));
        if (expected != tensors.size())
            return refuse(fmt::format("split.tensors.count is {}, the parts have {} tensors",
                                      expected, tensors.size()));
        return {};
    }

    const ParseOptions& options_;
    std::shared_ptr<File> file_;
};

Result<std::shared_ptr<const File>> File::parse(std::shared_ptr<const Source> source,
                                                const ParseOptions& options) {
    try {
        return Assembler(std::move(source), options).run();
    } catch (const std::exception&) {
        return Error{Category::out_of_memory, "header too big"};
    }
}

Result<std::shared_ptr<const File>> File::open(const std::filesystem::path& path) {
    try {
        TRY(auto source, open_file_source(path));
        ParseOptions options;
        options.open_part = [](const std::string& name) -> Result<std::shared_ptr<const Source>> {
            std::error_code ignored;
            if (!std::filesystem::exists(name, ignored))
                return Error{Category::hyperparameter,
                             name + ": this part of the model is missing"};
            return open_file_source(name);
        };
        return parse(std::move(source), options);
    } catch (const std::exception&) {
        return Error{Category::out_of_memory, "header too big"};
    }
}

}  // namespace m2w::gguf
