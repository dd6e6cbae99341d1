// golden_models.h — the folders of golden data with one small model an architecture.
#pragma once

namespace m2w::test {

/// Below arch/, shared or the repository's own; arch_golden_test.cpp holds the list against what is
/// there.
constexpr const char* kGoldenModels[] = {
    "llama",   "llama-rope3", "llama-bias", "mistral",   "mistral3-text",  "qwen2",
    "qwen3",   "gemma",       "gemma2",     "gemma3",    "phi3",           "olmo2",
    "smollm3", "granite",     "stablelm",   "cohere2",   "starcoder2",     "glm4",
    "ernie45", "nemotron",    "seed-oss",   "apertus",   "hunyuan-dense",  "arcee",
    "mixtral", "qwen3moe",    "granitemoe", "deepseek2", "deepseek2-lite", "lfm2",
    "lfm2moe", "falcon-h1",   "qwen35",     "qwen3next", "gpt-oss"};

}  // namespace m2w::test
