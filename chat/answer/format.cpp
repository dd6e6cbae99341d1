// format.cpp — the tables. Every form is one that a published chat template renders, or, where a
// template leaves its calls to the model, that the model's card describes.
#include "chat/answer/format.h"

namespace m2w {
namespace {

constexpr CallFormat kCallFormats[] = {
    // JSON with the name inside.
    {.name = "tool_call JSON",  // Hermes, Qwen 2.5 and 3, Granite 4, SmolLM3, ERNIE 4.5
     .body = CallBody::json,
     .open = "<tool_call>",
     .close = "</tool_call>"},
    {.name = "tool_calls JSON",  // Hunyuan, MiniMax-M1, Apriel
     .body = CallBody::json,
     .open = "<tool_calls>",
     .close = "</tool_calls>"},
    {.name = "TOOLCALL JSON",  // Nemotron Nano
     .body = CallBody::json,
     .open = "<TOOLCALL>",
     .close = "</TOOLCALL>"},
    {.name = "START_ACTION JSON",  // Command R7B and A
     .body = CallBody::json,
     .open = "<|START_ACTION|>",
     .close = "<|END_ACTION|>"},
    {.name = "Action JSON",  // Command R+
     .body = CallBody::json,
     .open = "Action: ```json",
     .close = "```"},
    {.name = "TOOL_CALLS JSON",  // Mistral up to Nemo
     .body = CallBody::json,
     .open = "[TOOL_CALLS]",
     .close = ""},
    {.name = "function call JSON",  // GigaChat 3
     .body = CallBody::json,
     .open = "function call<|role_sep|>",
     .close = "<|message_sep|>",
     .around = {"<|message_sep|>"}},
    {.name = "functools JSON",  // Firefunction 2
     .body = CallBody::json,
     .open = "functools",
     .close = ""},
    {.name = "tool_call token JSON",  // Granite 3, Phi-4 mini
     .body = CallBody::json,
     .open = "<|tool_call|>",
     .close = "<|/tool_call|>"},
    {.name = "tools_prefix JSON",  // Apertus
     .body = CallBody::json_by_name,
     .open = "<|tools_prefix|>",
     .close = "<|tools_suffix|>"},
    {.name = "bare JSON",  // Llama 3.1 to 3.3: also f.call(a="x") behind the tag
     .body = CallBody::json_or_python,
     .open = "<|python_tag|>",
     .close = "",
     .bare = true},

    // The name, then the arguments as JSON.
    {.name = "ARGS",  // Mistral from Small 3.1 on
     .body = CallBody::arguments,
     .open = "[TOOL_CALLS]",
     .close = "",
     .id_begin = "[CALL_ID]",
     .name_end = "[ARGS]"},
    {.name = "tool_call_argument_begin",  // Kimi K2
     .body = CallBody::arguments,
     .open = "<|tool_call_begin|>",
     .close = "<|tool_call_end|>",
     .around = {"<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"},
     .name_prefix = "functions.",
     .name_end = "<|tool_call_argument_begin|>",
     .indexed = true},
    {.name = "tool_sep with a fence",  // DeepSeek V3 and R1
     .body = CallBody::arguments,
     .open = "<｜tool▁call▁begin｜>function<｜tool▁sep｜>",
     .close = "``` <｜tool▁call▁end｜>",
     .around = {"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"},
     .name_end = "```json"},
    {.name = "tool_sep",  // DeepSeek V3.1
     .body = CallBody::arguments,
     .open = "<｜tool▁call▁begin｜>",
     .close = "<｜tool▁call▁end｜>",
     .around = {"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"},
     .name_end = "<｜tool▁sep｜>"},
    {.name = "tool_call:args",  // Solar Open
     .body = CallBody::arguments,
     .open = "<|tool_call:begin|>",
     .close = "<|tool_call:end|>",
     .around = {"<|tool_calls|>", "<|calls|>"},
     .id_end = "<|tool_call:name|>",
     .name_end = "<|tool_call:args|>"},
    {.name = "tool_call with a fence",  // Hunyuan dense
     .body = CallBody::arguments,
     .open = "<tool_call>",
     .close = "``` </tool_call>",
     .around = {"<tool_calls>", "</tool_calls>"},
     .name_end = "```json"},
    {.name = "function JSON",  // Functionary 3.1, Llama 3.1's custom form
     .body = CallBody::arguments,
     .open = "<function=",
     .close = "</function>",
     .name_end = ">"},

    // The name, then each argument in tags.
    {.name = "seed function",  // Seed-OSS
     .body = CallBody::tags,
     .open = "<function=",
     .close = "</function>",
     .around = {"<seed:tool_call>", "</seed:tool_call>"},
     .name_end = ">",
     .key_open = "<parameter=",
     .key_end = ">",
     .value_end = "</parameter>"},
    {.name = "function lines",  // Qwen3-Coder, Step 3.5
     .body = CallBody::tags,
     .open = "<function=",
     .close = "</function>",
     .around = {"<tool_call>", "</tool_call>"},
     .name_end = ">",
     .key_open = "<parameter=",
     .key_end = ">",
     .value_end = "</parameter>",
     .lines = true},
    {.name = "invoke",  // MiniMax-M2
     .body = CallBody::tags,
     .open = "<invoke name=\"",
     .close = "</invoke>",
     .around = {"<minimax:tool_call>", "</minimax:tool_call>"},
     .name_end = "\">",
     .key_open = "<parameter name=\"",
     .key_end = "\">",
     .value_end = "</parameter>"},
    {.name = "DSML invoke",  // DeepSeek V3.2 and V4
     .body = CallBody::tags,
     .open = "<｜DSML｜invoke name=\"",
     .close = "</｜DSML｜invoke>",
     .around = {"<｜DSML｜tool_calls>", "</｜DSML｜tool_calls>"},
     .name_end = "\">",
     .key_open = "<｜DSML｜parameter name=\"",
     .key_end = "\">",
     .value_end = "</｜DSML｜parameter>"},
    {.name = "atem invoke",
     .body = CallBody::tags,
     .open = "<atem:invoke name=\"",
     .close = "</atem:invoke>",
     .around = {"<atem:function_calls>", "</atem:function_calls>"},
     .name_end = "\">",
     .key_open = "<atem:parameter name=\"",
     .key_end = "\">",
     .value_end = "</atem:parameter>"},
    {.name = "function param",  // MiniCPM5
     .body = CallBody::tags,
     .open = "<function name=\"",
     .close = "</function>",
     .name_end = "\">",
     .key_open = "<param name=\"",
     .key_end = "\">",
     .value_end = "</param>"},
    {.name = "arg_key",  // GLM 4.5 and 4.6, Laguna
     .body = CallBody::tags,
     .open = "<tool_call>",
     .close = "</tool_call>",
     .key_open = "<arg_key>",
     .key_end = "</arg_key> <arg_value>",
     .value_end = "</arg_value>"},
    {.name = "arg_key with a suffix",  // Hy3
     .body = CallBody::tags,
     .open = "<tool_call:opensource>",
     .close = "</tool_call:opensource>",
     .around = {"<tool_calls:opensource>", "</tool_calls:opensource>"},
     .name_end = "<tool_sep:opensource>",
     .key_open = "<arg_key:opensource>",
     .key_end = "</arg_key:opensource> <arg_value:opensource>",
     .value_end = "</arg_value:opensource>"},

    // The name in the header of a message.
    {.name = "header",  // Harmony: gpt-oss
     .body = CallBody::arguments,
     .open = "",
     .close = "<|call|>"},

    // Calls as code.
    {.name = "tool_call_start",  // LFM2
     .body = CallBody::json_or_python,
     .open = "<|tool_call_start|>",
     .close = "<|tool_call_end|>"},
    {.name = "function_calls",  // Olmo 3
     .body = CallBody::python,
     .open = "<function_calls>",
     .close = "</function_calls>"},
    {.name = "tool_code",  // Gemma 3
     .body = CallBody::python,
     .open = "```tool_code",
     .close = "```"},
    {.name = "tool_call braces",  // Gemma 4
     .body = CallBody::braces,
     .open = "<|tool_call>",
     .close = "<tool_call|>"},
    {.name = "start_function_call",  // FunctionGemma
     .body = CallBody::braces,
     .open = "<start_function_call>",
     .close = "<end_function_call>"},
};

constexpr ReasoningFormat kReasoningFormats[] = {
    {"<think>", "</think>"},                        // DeepSeek R1, Qwen3, GLM, Nemotron, ...
    {"<seed:think>", "</seed:think>"},              // Seed-OSS
    {"<think:opensource>", "</think:opensource>"},  // Hy3
    {"[THINK]", "[/THINK]"},                        // Magistral
    {"◁think▷", "◁/think▷"},                        // Kimi-VL
    {"<|START_THINKING|>", "<|END_THINKING|>", {"<|START_RESPONSE|>", "<|END_RESPONSE|>"}},
    {"<|inner_prefix|>", "<|inner_suffix|>"},                                    // Apertus
    {"<|channel>thought", "<channel|>"},                                         // Gemma 4
    {"<|think|>", "<|end|>", {"<|begin|>assistant", "<|content|>", "<|end|>"}},  // Solar Open
    {"Here are my reasoning steps:",                                             // Apriel
     "[BEGIN FINAL RESPONSE]",
     {"[END FINAL RESPONSE]"}},
};

constexpr HeaderFormat kHeaderFormats[] = {
    {.open = {"<|start|>", "<|channel|>"},  // Harmony: gpt-oss
     .prompt_end = "<|start|>assistant",
     .end = "<|message|>",
     .message_end = {"<|end|>", "<|call|>", "<|return|>"},
     .reasoning = "<|channel|>analysis",
     .call = "to=functions."},
    {.open = {"<|start|>"},
     .prompt_end = "<|start|>assistant",
     .end = "<|message|>",
     .message_end = {"<|eom|>", "<|eot|>"},
     .reasoning = "to=self",
     .call = {}},
};

}  // namespace

std::span<const CallFormat> call_formats() {
    return kCallFormats;
}
std::span<const ReasoningFormat> reasoning_formats() {
    return kReasoningFormats;
}
std::span<const HeaderFormat> header_formats() {
    return kHeaderFormats;
}

}  // namespace m2w
