// features_test.cpp — what the golden chat templates support, one by one.
#include <algorithm>

#include "chat/template_features.h"
#include "tests/jinja/chats.h"
#include "tests/support/results.h"
#include "tests/support/shared.h"

namespace m2w::jinja::test {
namespace {

struct Row {
    std::string_view name, features;
};

// Found with the same conversations rendered by jinja2, then read beside each template. Where they
// differ, this is what a forgiving rendering shows: Kimi-K2 (list.append) and llama-cpp-deepseek-r1
// (a generator in tojson).
constexpr Row kRows[] = {
    {"Apertus-8B-Instruct", "system, tools, parallel calls, thinking (enable_thinking)"},
    {"Apriel-1.6-15b-Thinker-fixed", "system, tools, parallel calls, thinking"},
    {"Bielik-11B-v3.0-Instruct", "system, tools, parallel calls, thinking (enable_thinking)"},
    {"ByteDance-Seed-OSS", "system, tools, parallel calls, thinking (thinking_budget)"},
    {"CohereForAI-c4ai-command-r-plus-tool_use", "system, tools, parallel calls"},
    {"CohereForAI-c4ai-command-r7b-12-2024-tool_use",
     "system, tools, parallel calls, documents, thinking (enable_thinking)"},
    {"GLM-4.6", "system, tools, parallel calls, thinking (enable_thinking)"},
    {"GigaChat3-10B-A1.8B", "system, tools, calls"},
    {"HuggingFaceTB-SmolLM3-3B", "system, thinking (enable_thinking)"},
    {"Kimi-K2-Instruct", "system, tools, parallel calls"},
    {"Kimi-K2-Thinking", "system, tools, parallel calls, thinking"},
    {"LFM2-8B-A1B", "system, tools"},
    {"LFM2.5-Instruct", "system, tools, thinking"},
    {"MiMo-VL", "system, tools, parallel calls"},
    {"MiniMax-M1", "system, tools, parallel calls"},
    {"MiniMax-M2", "system, tools, parallel calls, thinking"},
    {"Mistral-Small-3.2-24B-Instruct-2506", "system, tools, parallel calls"},
    {"NVIDIA-Nemotron-Nano-v2", "system, tools, parallel calls, thinking"},
    {"NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use", "system, tools, parallel calls"},
    {"NousResearch-Hermes-3-Llama-3.1-8B-tool_use", "system, tools, parallel calls"},
    {"Qwen-Qwen2.5-7B-Instruct", "system, tools, parallel calls"},
    {"Qwen-Qwen3-0.6B", "system, tools, parallel calls, thinking (enable_thinking)"},
    {"Qwen3-Coder", "system, tools, parallel calls"},
    {"Reka-Edge", "system, tools, parallel calls, thinking (enable_thinking)"},
    {"StepFun3.5-Flash", "system, tools, parallel calls, thinking"},
    {"deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "system, parallel calls, thinking"},
    {"deepseek-ai-DeepSeek-R1-Distill-Qwen-32B",
     "system, parallel calls, thinking (enable_thinking)"},
    {"deepseek-ai-DeepSeek-V4-Flash-0731",
     "system, tools, parallel calls, thinking (enable_thinking)"},
    {"deepseek-ai-DeepSeek-V4", "system, tools, parallel calls, thinking (enable_thinking)"},
    {"fireworks-ai-llama-3-firefunction-v2", "no messages"},
    {"google-gemma-2-2b-it", "messages only"},
    {"google-gemma-4-31B-it-interleaved",
     "system, tools, parallel calls, thinking (enable_thinking)"},
    {"ibm-granite-granite-4.0", "system, tools, parallel calls, documents"},
    {"ibm-granite-granite-4.1", "system, tools, parallel calls, documents"},
    {"llama-cpp-deepseek-r1", "system, tools, parallel calls, thinking"},
    {"llama-cpp-rwkv-world", "system, thinking (enable_thinking)"},
    {"meetkai-functionary-medium-v3.1", "system, tools, parallel calls"},
    {"meta-llama-Llama-3.1-8B-Instruct", "system, tools, calls"},
    {"meta-llama-Llama-3.2-3B-Instruct", "system, tools, calls"},
    {"meta-llama-Llama-3.3-70B-Instruct", "system, tools, calls"},
    {"mistralai-Mistral-Nemo-Instruct-2407", "system, tools, parallel calls"},
    {"moonshotai-Kimi-K2", "system, tools, parallel calls"},
    {"muse-glimmer", "system, tools, parallel calls, thinking (reasoning_strength)"},
    {"openbmb-MiniCPM5-1B", "system, tools, parallel calls, thinking (enable_thinking)"},
    {"poolside-Laguna-S-2.1", "system, tools, parallel calls, thinking (enable_thinking)"},
    {"poolside-Laguna-XS-2.1", "system, tools, parallel calls, thinking (enable_thinking)"},
    {"poolside-Laguna-XS.2", "system, tools, parallel calls, thinking (enable_thinking)"},
    {"tencent-Hy3", "system, tools, parallel calls, thinking (reasoning_effort)"},
    {"unsloth-Apriel-1.5", "system, tools, parallel calls"},
    {"unsloth-mistral-Devstral-Small-2507", "system, tools, parallel calls"},
    {"upstage-Solar-Open-100B", "system, tools, parallel calls, thinking (reasoning_effort)"},
};

TEST(features, of_every_golden_template_are_known) {
    M2W_SHARED(root, "chat");
    ASSERT_GET(const auto templates, read_golden_templates(root));
    EXPECT_EQ(templates.size(), std::size(kRows));
    for (const GoldenTemplate& golden : templates) {
        const auto* row = std::ranges::find(kRows, golden.name, &Row::name);
        if (row == std::end(kRows)) {
            ADD_FAILURE() << golden.name << " has no row";
            continue;
        }
        ASSERT_GET(const auto tmpl, ChatTemplate::from_source(golden.source));
        EXPECT_EQ(find_features(tmpl).str(), row->features) << golden.name;
    }
}

std::string features_of(std::string_view source) {
    const auto tmpl = ChatTemplate::from_source(source);
    return tmpl ? find_features(*tmpl).str() : tmpl.error().message;
}

TEST(features, are_what_reaches_the_text) {
    EXPECT_EQ(features_of("{% for m in messages %}{{ m.content }}{% endfor %}"), "system");
    EXPECT_EQ(features_of("{{ messages[0].content }}"), "messages only");
    EXPECT_EQ(features_of("{{ tools }}{{ documents }}"), "no messages, tools, documents");
    EXPECT_EQ(features_of("{% if tools or system or enable_thinking %}{% endif %}"), "no messages");
    EXPECT_EQ(features_of("{% if thinking %}deep{% else %}quick{% endif %}"),
              "no messages, thinking (thinking)");
    EXPECT_EQ(features_of("{% if add_generation_prompt %}<think>{% endif %}"),
              "no messages, thinking");
    EXPECT_EQ(features_of("{{ raise_exception('no') }}"), "no messages");
    EXPECT_EQ(features_of("{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}"),
              "no messages");
}

TEST(features, variables_are_those_that_a_chat_does_not_have) {
    ASSERT_GET(const auto tmpl,
               ChatTemplate::from_source("{% set a = b %}{{ messages }}{{ tools }}{{ bos_token }}"
                                         "{% for c in d %}{{ c }}{{ namespace(x=a).x }}{% endfor %}"
                                         "{{ date_string | default(strftime_now('%Y')) }}"));
    EXPECT_EQ(tmpl.variables(), (std::vector<std::string>{"b", "d", "date_string"}));
}

}  // namespace
}  // namespace m2w::jinja::test
