// tokenizer_printer.cpp — the table of algorithms and their TypeScript modules; prints the glue.
#include "web-export/tokenizer_printer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "tokenizer/algorithm.h"
#include "tokenizer/pre_tokenizers.h"
#include "tokenizer/token_attributes.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/vocabulary.h"
#include "web-export/javascript_pattern.h"

namespace m2w::web {

namespace {

using tokenizer::PreTokenizer;
using tokenizer::Symbols;
using tokenizer::Vocabulary;

/// A TypeScript object literal, entry by entry.
class Object {
  public:
    void add(std::string_view name, std::string_view value) {
        text_ += fmt::format("{}{}: {}", text_.empty() ? "" : ", ", name, value);
    }
    void add_true(std::string_view name, bool value) {
        if (value) add(name, "true");
    }
    void add_id(std::string_view name, std::optional<uint32_t> id) {
        if (id) add(name, std::to_string(*id));
    }
    std::string str() const { return text_.empty() ? "{}" : fmt::format("{{ {} }}", text_); }

  private:
    std::string text_;
};

using Arguments = Result<std::string> (*)(const gguf::File&, const Vocabulary&);

const PreTokenizer& rules_of(const Vocabulary& vocab) {
    const PreTokenizer* rules = tokenizer::find_pre_tokenizer(vocab.pre_tokenizer());
    M2W_ASSERT(rules);  // the Tokenizer was made of this file
    return *rules;
}

Result<std::string> byte_bpe_arguments(const gguf::File&, const Vocabulary& vocab) {
    const PreTokenizer& rules = rules_of(vocab);
    TRY(auto text, pattern_array(rules.patterns));
    Object options;
    options.add_true("nfc", rules.nfc);
    options.add_true("ignoreMerges", rules.ignore_merges);
    return text + ", " + options.str();
}

Result<std::string> character_bpe_arguments(const gguf::File&, const Vocabulary& vocab) {
    const PreTokenizer& rules = rules_of(vocab);
    TRY(auto text, pattern_array(rules.patterns));
    Object options;
    options.add_true("marks", rules.symbols == Symbols::escaped_characters);
    return text + ", " + options.str();
}

/// Entries of the file that are true or false, by the options' names.
struct Flag {
    std::string_view option, key;
    bool by_default;
};

Result<std::string> flags(const gguf::File& file, std::span<const Flag> rows) {
    Object options;
    for (const Flag& row : rows) {
        TRY(const auto value, file.find_bool(fmt::format("tokenizer.ggml.{}", row.key)));
        options.add_true(row.option, value.value_or(row.by_default));
    }
    return options.str();
}

Result<std::string> spm_bpe_arguments(const gguf::File& file, const Vocabulary&) {
    constexpr Flag kFlags[] = {{"spacePrefix", "add_space_prefix", true}};
    return flags(file, kFlags);
}

Result<std::string> unigram_arguments(const gguf::File& file, const Vocabulary&) {
    constexpr Flag kFlags[] = {{"spacePrefix", "add_space_prefix", false},
                               {"removeExtraSpaces", "remove_extra_whitespaces", false}};
    return flags(file, kFlags);
}

Result<std::string> wordpiece_arguments(const gguf::File& file, const Vocabulary&) {
    TRY(const auto lowercase, file.find_bool("tokenizer.ggml.normalizer.lowercase"));
    const Flag rows[] = {
        {"lowercase", "normalizer.lowercase", true},
        {"stripAccents", "normalizer.strip_accents", lowercase.value_or(true)},
    };
    return flags(file, rows);
}

/// An algorithm by the name that it gives itself (tokenizer/algorithm.h), and its module.
struct Module {
    std::string_view algorithm, name, source;
    Arguments arguments;
    std::vector<std::string_view> needs;  // beside base and utf8
};
const Module kModules[] = {
    {"byte-level BPE", "byteBpe", "byte_bpe", byte_bpe_arguments, {"merge", "split"}},
    {"BPE of characters",
     "characterBpe",
     "character_bpe",
     character_bpe_arguments,
     {"merge", "split"}},
    {"SentencePiece BPE",
     "spmBpe",
     "spm_bpe",
     spm_bpe_arguments,
     {"character_bpe", "merge", "split"}},
    {"Unigram", "unigram", "unigram", unigram_arguments, {"character_map"}},
    {"WordPiece", "wordPiece", "wordpiece", wordpiece_arguments, {}},
};

/// What the file's tokenizer is, checked.
struct Made {
    std::shared_ptr<const Tokenizer> tokenizer;
    Vocabulary vocab;
    bool add_sep = false, space_prefix = false;
    const Module* module = nullptr;
    tokenizer::TokenAttributes attributes;
    bool strips() const {
        return !attributes.strip_left.empty() || !attributes.strip_right.empty();
    }
};

Result<Made> make(const gguf::File& file) {
    Made made;
    TRY(made.tokenizer, Tokenizer::from(file));
    TRY(made.vocab, Vocabulary::from(file));
    TRY(made.attributes, tokenizer::find_attributes(file, made.vocab));
    TRY(const auto make_algorithm, tokenizer::find_algorithm(made.vocab.model));
    TRY(const auto algorithm, make_algorithm({file, made.vocab}));
    const auto traits = algorithm.algorithm->traits();
    made.add_sep = traits.add_sep;
    made.space_prefix = traits.space_prefix;
    made.module = std::ranges::find(kModules, made.tokenizer->algorithm(), &Module::algorithm);
    if (made.module == std::end(kModules))
        return Error{Category::unsupported,
                     fmt::format("there is no {} for the web", made.tokenizer->algorithm())};
    return made;
}

std::string facts(const Made& made) {
    const Tokenizer& tokenizer = *made.tokenizer;
    Object out;
    out.add_id("bos", tokenizer.bos_id());
    out.add_id("eos", tokenizer.eos_id());
    out.add_id("eot", tokenizer.eot_id());
    if (made.add_sep) out.add_id("sep", made.vocab.sep);
    out.add_id("unknown", made.vocab.unknown);
    out.add_true("addBos", tokenizer.add_bos());
    out.add_true("addEos", tokenizer.add_eos());
    out.add_true("spacePrefix", made.space_prefix);
    out.add("ends", fmt::format("[{}]", fmt::join(tokenizer.end_ids(), ", ")));
    if (made.strips())
        out.add("strip",
                fmt::format("strip([{}], [{}])", fmt::join(made.attributes.strip_left, ", "),
                            fmt::join(made.attributes.strip_right, ", ")));
    return out.str();
}

constexpr std::string_view kStripImport = "import { strip } from './tokenizer/strip';\n";
constexpr std::string_view kModule =
    R"(// tokenizer.ts — the tokenizer of this model: {algorithm}.
import {{ BaseTokenizer, type Metadata }} from './tokenizer/base';
import {{ {name} }} from './tokenizer/{source}';
{strip_import}
export class Tokenizer extends BaseTokenizer {{
  constructor(metadata: Metadata) {{
    super(
      metadata,
      {name}({arguments}),
      {facts},
    );
  }}
}}
)";

}  // namespace

Result<std::string> pattern_array(std::span<const std::string_view> patterns) {
    std::vector<std::string> literals;
    for (const std::string_view pattern : patterns) {
        TRY(const auto source, javascript_pattern(pattern));
        literals.push_back(fmt::format("/{}/gu", source));
    }
    return fmt::format("[{}]", fmt::join(literals, ", "));
}

Result<std::string> tokenizer_module(const gguf::File& file) {
    TRY(const auto made, make(file));
    TRY(const auto arguments, made.module->arguments(file, made.vocab));
    return fmt::format(kModule, fmt::arg("algorithm", made.module->algorithm),
                       fmt::arg("name", made.module->name), fmt::arg("source", made.module->source),
                       fmt::arg("arguments", arguments), fmt::arg("facts", facts(made)),
                       fmt::arg("strip_import", made.strips() ? kStripImport : std::string_view()));
}

Result<std::vector<std::string_view>> tokenizer_sources(const gguf::File& file) {
    TRY(const auto made, make(file));
    std::vector<std::string_view> sources = made.module->needs;
    for (const std::string_view source : {made.module->source, {"base"}, {"utf8"}})
        sources.push_back(source);
    if (made.strips()) sources.push_back("strip");
    std::ranges::sort(sources);
    return sources;
}

}  // namespace m2w::web
