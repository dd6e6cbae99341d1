// pre_tokenizers.cpp — the rows. Patterns and flags are facts of the models' own tokenizer.json
// files.
#include "tokenizer/pre_tokenizers.h"

#include <algorithm>

namespace m2w::tokenizer {

namespace {

using TextList = std::string_view[];

// Parts that many patterns are put together of.
#define M2W_SPACES R"(|\s+(?!\S)|\s+)"
#define M2W_LINES R"(|\s*[\r\n]+)"
#define M2W_CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"

#define M2W_GPT2_WORDS R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+)" M2W_SPACES

// The pattern of tiktoken's cl100k_base, which later models vary: in how they group digits, and in
// what may follow symbols.
#define M2W_CL100K_LETTERS M2W_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|)"
#define M2W_CL100K_SYMBOLS R"(| ?[^\s\p{L}\p{N}]+[\r\n]*)"
#define M2W_CL100K_WORDS(digits) M2W_CL100K_LETTERS digits M2W_CL100K_SYMBOLS M2W_LINES M2W_SPACES

// The pattern of tiktoken's o200k_base: words end where a capital follows a small letter.
#define M2W_UPPER R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define M2W_LOWER R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"
#define M2W_O200K_WORDS(suffix, digits, line_end)                                                 \
    R"([^\r\n\p{L}\p{N}]?)" M2W_UPPER "*" M2W_LOWER "+" suffix R"(|[^\r\n\p{L}\p{N}]?)" M2W_UPPER \
    "+" M2W_LOWER "*" suffix "|" digits R"(| ?[^\s\p{L}\p{N}]+)" line_end M2W_LINES M2W_SPACES

// Symbols of Unicode 15, which PCRE2 before 10.43 takes for unassigned (DerivedAge.txt).
#define M2W_NEW_SYMBOLS                                                                      \
    R"(\x{1F6DC}\x{1F774}-\x{1F776}\x{1F77B}-\x{1F77F}\x{1F7D9}\x{1FA75}-\x{1FA77})"         \
    R"(\x{1FA87}\x{1FA88}\x{1FAAD}-\x{1FAAF}\x{1FABB}-\x{1FABD}\x{1FABF}\x{1FACE}\x{1FACF})" \
    R"(\x{1FADA}\x{1FADB}\x{1FAE8}\x{1FAF7}\x{1FAF8})"
#define M2W_PUNCTUATION R"(\p{P}\p{S})" M2W_NEW_SYMBOLS

// DeepSeek V3: an ASCII symbol stays with the ASCII letters behind it.
#define M2W_DEEPSEEK_WORDS                                                     \
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+)"                       \
    R"(|[^\r\n\p{L})" M2W_PUNCTUATION R"(]?[\p{L}\p{M}]+| ?[)" M2W_PUNCTUATION \
    R"(]+[\r\n]*)" M2W_LINES M2W_SPACES

// What files without the key were made for (llama.cpp, LLAMA_VOCAB_PRE_TYPE_DEFAULT).
constexpr TextList kDefaultPatterns = {R"([\p{P}\$\+<=>\^~\|]+)", M2W_GPT2_WORDS, R"(\p{N}+)",
                                       "[0-9][0-9][0-9]"};
constexpr TextList kGpt2Patterns = {M2W_GPT2_WORDS};
constexpr TextList kDigitGpt2Patterns = {R"(\p{N})", M2W_GPT2_WORDS};
constexpr TextList kFalconPatterns = {R"([\p{P}\$\+<=>\^~\|`]+)", M2W_GPT2_WORDS,
                                      "[0-9][0-9][0-9]"};
constexpr TextList kChameleonPatterns = {
    "<sentinel:[0-9]+>",       "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z",
    R"(([\t\n]|    |  ))",     R"(\p{N})",
    R"([\p{P}!-/:-@\[-`{-~])", M2W_GPT2_WORDS};

constexpr TextList kLlama3Patterns = {M2W_CL100K_WORDS(R"(\p{N}{1,3})")};
constexpr TextList kQwen2Patterns = {M2W_CL100K_WORDS(R"(\p{N})")};
constexpr TextList kLagunaPatterns = {R"([^\n]+|[\n]+)", M2W_CL100K_WORDS(R"(\p{N})")};
constexpr TextList kMiniCpm5Patterns = {R"(\p{N}{1,3})", M2W_CL100K_WORDS(R"(\p{N}+)")};
// Marks count as letters.
constexpr TextList kQwen35Patterns = {
    M2W_CONTRACTIONS
    R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*)" M2W_LINES
        M2W_SPACES};
constexpr TextList kJais2Patterns = {
    M2W_CL100K_LETTERS
    R"(\p{N}{1,3})" M2W_CL100K_SYMBOLS M2W_LINES
    R"(|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S))"
    R"(|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1})"};
constexpr TextList kBailingPatterns = {
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*)"
    R"(|\s*[\r\n])" M2W_SPACES};
constexpr TextList kSeedCoderPatterns = {M2W_CL100K_LETTERS
                                         R"(\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+)" M2W_LINES M2W_SPACES};
// Words with single spaces between them are one piece.
constexpr TextList kExaoneMoePatterns = {
    M2W_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N})"
                     R"(| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n])" M2W_SPACES};

constexpr TextList kGpt4oPatterns = {
    M2W_O200K_WORDS(M2W_CONTRACTIONS "?", R"(\p{N}{1,3})", R"([\r\n/]*)")};
constexpr TextList kTekkenPatterns = {M2W_O200K_WORDS("", R"(\p{N})", R"([\r\n/]*)")};
constexpr TextList kTinyAyaPatterns = {
    R"(\d{1,3}(?=(?:\d{3})*\b))",
    M2W_O200K_WORDS(M2W_CONTRACTIONS "?", R"(\p{N}{1,3})", R"([\r\n/]*)")};
// Korean, Chinese punctuation, Bopomofo, Chinese and Japanese are words of their own.
constexpr TextList kYoutuPatterns = {
    R"([\x{AC00}-\x{D7A3}\x{3131}-\x{318E}]+|[\x{FF01}\x{2026}\x{201C}\x{201D}\x{2018}\x{2019}\x{2014}\x{FF1A}\x{FF1B}\x{FF0C}\x{3001}-\x{303F}\x{FE30}-\x{FE4F}]+)"
    R"(|[\x{3105}-\x{312F}]+|[\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)",
    M2W_O200K_WORDS(M2W_CONTRACTIONS "?", R"(\p{N})", R"([\r\n/]*)")};
// tokenization_kimi.py: o200k_base without Chinese characters, which are words of their own.
constexpr TextList kKimiPatterns = {
    R"(\p{sc:Han}+)", M2W_O200K_WORDS(M2W_CONTRACTIONS "?", R"(\p{N}{1,3})", R"([\r\n]*)")};

constexpr TextList kDeepseekLlmPatterns = {
    R"([\r\n])",
    // The alphabets with upper and lower case.
    R"(\s?[A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-)"
    R"(\x{293}\x{295}-\x{2AF}\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386})"
    R"(\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F})"
    R"(\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA})"
    R"(\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A}\x{1E00}-)"
    R"(\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D}\x{1F50}-\x{1F57}\x{1F59})"
    R"(\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-)"
    R"(\x{1FC4}\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2})"
    R"(-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D})"
    R"(\x{2124}\x{2126}\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F})"
    R"(\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-)"
    R"(\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D}\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-)"
    R"(\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21})"
    R"(-\x{FF3A}\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}\x{104B0}-\x{104D3}\x{104D8}-\x{104FB})"
    R"(\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF}\x{1E900}-\x{1E943}]+)",
    R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+)",
    R"(\s+$)", R"([\x{4E00}-\x{9FA5}\x{800}-\x{4E00}\x{AC00}-\x{D7FF}]+)", R"(\p{N}+)"};
constexpr TextList kDeepseekCoderPatterns = {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)",
                                             R"([一-龥ࠀ-一가-\x{D7FF}]+)", R"(\p{N})"};
constexpr TextList kDeepseekV3Patterns = {R"(\p{N}{1,3})", R"([一-龥\x{3040}-ヿ]+)",
                                          M2W_DEEPSEEK_WORDS};
constexpr TextList kAfmoePatterns = {
    // Cuts inside of numbers, into groups of three digits from the right, and behind them.
    R"((?<=\p{N})(?=(?:\p{N}{3})*(?!\p{N})))",
    // Scripts without spaces between words.
    R"([\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{8C48}-\x{FAFF}\x{3040}-\x{309F}\x{30A0}-)"
    R"(\x{30FF}\x{FF65}-\x{FF9F}\x{2F00}-\x{2FDF}\x{E40}-\x{E7F}\x{E80}-\x{EFF}\x{1780}-)"
    R"(\x{17FF}\x{1000}-\x{109F}\x{AA60}-\x{AA7F}\x{A9E0}-\x{A9FF}\x{AC00}-\x{D7AF}\x{1100})"
    R"(-\x{11FF}]+)",
    M2W_DEEPSEEK_WORDS};

constexpr TextList kBloomPatterns = {R"( ?[^(\s|.,!?…。，、।۔،)]+)"};
constexpr TextList kVikingPatterns = {R"( ?[^(\s|.,!?…。，、।۔،)]+)", R"(\p{N})"};
// Words may span spaces; digits are grouped from the right.
constexpr TextList kSuperBpePatterns = {R"(\p{N}+)", R"((?=(\d{3})+(?!\d)))"};
constexpr TextList kGemma4Patterns = {R"([^\n]+|[\n]+)"};
constexpr TextList kWhitespacePatterns = {R"(\S+)"};

#undef M2W_SPACES
#undef M2W_LINES
#undef M2W_CONTRACTIONS
#undef M2W_GPT2_WORDS
#undef M2W_CL100K_LETTERS
#undef M2W_CL100K_SYMBOLS
#undef M2W_CL100K_WORDS
#undef M2W_UPPER
#undef M2W_LOWER
#undef M2W_O200K_WORDS
#undef M2W_NEW_SYMBOLS
#undef M2W_PUNCTUATION
#undef M2W_DEEPSEEK_WORDS

constexpr TextList kDefaultNames = {"default"};
constexpr TextList kGpt2Names = {"gpt-2",    "phi-2",      "jina-es",      "jina-de",
                                 "gigachat", "jina-v2-es", "jina-v2-de",   "a.x-4.0",
                                 "mellum",   "jina-v1-en", "jina-v2-code", "roberta-bpe",
                                 "jais",     "exaone4",    "trillion",     "granite-docling"};
constexpr TextList kNeoxNames = {"mpt", "olmo", "modern-bert"};
constexpr TextList kFalconNames = {"falcon"};
constexpr TextList kStarcoderNames = {"starcoder", "refact",     "smollm", "codeshell",
                                      "exaone",    "minerva-7b", "mellum2"};
constexpr TextList kCommandRNames = {"command-r"};
constexpr TextList kChameleonNames = {"chameleon"};
constexpr TextList kLlama3Names = {"llama-bpe", "llama3",   "llama-v3", "falcon3",     "falcon-h1",
                                   "pixtral",   "midm-2.0", "lfm2",     "jina-v5-nano"};
constexpr TextList kDbrxNames = {"dbrx", "smaug-bpe", "glm4", "chatglm-bpe"};
constexpr TextList kQwen2Names = {"qwen2", "deepseek-r1-qwen", "f2llmv2", "megrez", "stablelm2"};
// tokenization_hy.py of Hunyuan-A13B: unicodedata.normalize("NFC", text).
constexpr TextList kHunyuanNames = {"hunyuan"};
constexpr TextList kKormoNames = {"kormo", "grok-2", "solar-open"};
constexpr TextList kLagunaNames = {"laguna"};
constexpr TextList kMiniCpm5Names = {"minicpm5"};
constexpr TextList kQwen35Names = {"qwen35"};
constexpr TextList kJais2Names = {"jais-2"};
constexpr TextList kBailingNames = {"bailingmoe", "bailingmoe2", "llada-moe"};
constexpr TextList kSeedCoderNames = {"seed-coder"};
constexpr TextList kExaoneMoeNames = {"exaone-moe"};
constexpr TextList kGpt4oNames = {"gpt-4o"};
constexpr TextList kLlama4Names = {"llama4", "kanana2", "talkie", "minimax-m2"};
constexpr TextList kGraniteNames = {"granite-embed-multi-97m"};
constexpr TextList kTekkenNames = {"tekken"};
constexpr TextList kTinyAyaNames = {"tiny_aya", "cohere2moe"};
constexpr TextList kYoutuNames = {"youtu"};
constexpr TextList kKimiNames = {"kimi-k2"};
constexpr TextList kDeepseekLlmNames = {"deepseek-llm"};
constexpr TextList kDeepseekCoderNames = {"deepseek-coder"};
constexpr TextList kDeepseekV3Names = {"deepseek-v3", "hunyuan-dense", "joyai-llm"};
constexpr TextList kAfmoeNames = {"afmoe"};
constexpr TextList kBloomNames = {"bloom", "poro-chat", "gpt3-finnish"};
constexpr TextList kVikingNames = {"viking"};
constexpr TextList kSuperBpeNames = {"superbpe"};
constexpr TextList kGemma4Names = {"gemma4", "granite-embed-multi-311m", "sarvam-moe"};
constexpr TextList kWhitespaceNames = {"whitespace"};

constexpr PreTokenizer kPreTokenizers[] = {
    {.names = kDefaultNames, .patterns = kDefaultPatterns},
    {.names = kGpt2Names, .patterns = kGpt2Patterns},
    {.names = kNeoxNames, .patterns = kGpt2Patterns, .nfc = true},
    {.names = kFalconNames, .patterns = kFalconPatterns},
    {.names = kStarcoderNames, .patterns = kDigitGpt2Patterns},
    {.names = kCommandRNames, .patterns = kDigitGpt2Patterns, .nfc = true},
    {.names = kChameleonNames, .patterns = kChameleonPatterns, .add_bos = true},
    {.names = kLlama3Names, .patterns = kLlama3Patterns, .ignore_merges = true, .add_bos = true},
    {.names = kDbrxNames, .patterns = kLlama3Patterns},
    {.names = kQwen2Names, .patterns = kQwen2Patterns, .nfc = true},
    {.names = kHunyuanNames, .patterns = kQwen2Patterns, .nfc = true},
    {.names = kKormoNames, .patterns = kQwen2Patterns},
    {.names = kLagunaNames, .patterns = kLagunaPatterns},
    {.names = kMiniCpm5Names, .patterns = kMiniCpm5Patterns, .ignore_merges = true},
    {.names = kQwen35Names, .patterns = kQwen35Patterns, .nfc = true},
    {.names = kJais2Names, .patterns = kJais2Patterns},
    {.names = kBailingNames, .patterns = kBailingPatterns},
    {.names = kSeedCoderNames, .patterns = kSeedCoderPatterns},
    {.names = kExaoneMoeNames, .patterns = kExaoneMoePatterns},
    {.names = kGpt4oNames, .patterns = kGpt4oPatterns, .ignore_merges = true},
    {.names = kLlama4Names, .patterns = kGpt4oPatterns},
    {.names = kGraniteNames, .patterns = kGpt4oPatterns, .ignore_merges = true},
    {.names = kTekkenNames, .patterns = kTekkenPatterns, .ignore_merges = true, .add_bos = true},
    {.names = kTinyAyaNames, .patterns = kTinyAyaPatterns, .nfc = true},
    {.names = kYoutuNames, .patterns = kYoutuPatterns, .ignore_merges = true},
    {.names = kKimiNames, .patterns = kKimiPatterns},
    {.names = kDeepseekLlmNames, .patterns = kDeepseekLlmPatterns},
    {.names = kDeepseekCoderNames, .patterns = kDeepseekCoderPatterns},
    {.names = kDeepseekV3Names, .patterns = kDeepseekV3Patterns},
    {.names = kAfmoeNames, .patterns = kAfmoePatterns},
    {.names = kBloomNames, .patterns = kBloomPatterns},
    {.names = kVikingNames, .patterns = kVikingPatterns},
    {.names = kSuperBpeNames, .patterns = kSuperBpePatterns},
    {.names = kGemma4Names,
     .patterns = kGemma4Patterns,
     .symbols = Symbols::escaped_characters,
     .add_bos = true},
    {.names = kWhitespaceNames, .patterns = kWhitespacePatterns, .symbols = Symbols::characters},
};

}  // namespace

const PreTokenizer* find_pre_tokenizer(std::string_view name) {
    for (const PreTokenizer& row : kPreTokenizers) {
        if (std::ranges::find(row.names, name) != row.names.end()) return &row;
    }
    return nullptr;
}

std::span<const PreTokenizer> pre_tokenizers() {
    return kPreTokenizers;
}

}  // namespace m2w::tokenizer
