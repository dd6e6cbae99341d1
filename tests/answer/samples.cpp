// samples.cpp — written by hand after the forms of chat/answer/format.cpp.
#include "tests/answer/samples.h"

namespace m2w::test {
namespace {

constexpr Sample kSamples[] = {
    {"", "", "Just text <tool_call> and\n\nmore. \n",
     "text(Just text <tool_call> and\n\nmore. \n)"},
    {"", "<think>", "<think>\nHm, 6 × 7.\n</think>\n\n42.", "reasoning(Hm, 6 × 7.) text(42.)"},
    {"", "<think>", "Hm.\n</think>\n42.\n", "reasoning(Hm.) text(42.\n)", "assistant\n<think>\n"},
    {"", "<think>", "</think>42.", "text(42.)", "assistant\n"},
    {"", "<think>", "A tag: <think> is one.</think>", "text(A tag: <think> is one.</think>)"},
    {"", "<think>", "<think>never ends", "reasoning(never ends)"},
    {"", "[THINK]", "[THINK]Hm.[/THINK]Yes.", "reasoning(Hm.) text(Yes.)"},
    {"", "◁think▷", "◁think▷Hm.◁/think▷Yes ◁.", "reasoning(Hm.) text(Yes ◁.)"},
    {"", "<seed:think>", "<seed:think>Hm.</seed:think>Yes.", "reasoning(Hm.) text(Yes.)"},
    {"", "<think:opensource>", "<think:opensource>Hm.</think:opensource>Yes.",
     "reasoning(Hm.) text(Yes.)"},
    {"", "<|START_THINKING|>",
     "<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Yes.<|END_RESPONSE|>",
     "reasoning(Hm.) text(Yes.)"},
    {"", "<|inner_prefix|>", "<|inner_prefix|>Hm.<|inner_suffix|>Yes.",
     "reasoning(Hm.) text(Yes.)"},
    {"", "<|channel>thought", "<|channel>thought\nHm.\n<channel|>Yes.",
     "reasoning(Hm.) text(Yes.)"},
    {"", "<|think|>", "<|think|>Hm.<|end|><|begin|>assistant<|content|>Yes.<|end|>",
     "reasoning(Hm.) text(Yes.)"},
    {"",
     "Here are my reasoning steps:", "6 * 7\n[BEGIN FINAL RESPONSE]\n42.\n[END FINAL RESPONSE]\n",
     "reasoning(6 * 7) text(42.\n\n)", "Here are my reasoning steps:\n"},

    {"tool_call JSON", "<think>",
     "<think>\nI need it.\n</think>\n\nLooking.\n<tool_call>\n{\"name\": \"get_weather\", "
     "\"arguments\": {\"city\": \"Zürich\", \"days\": [1, 2.5e-3]}}\n</tool_call>\n<tool_call>\n"
     "{\"arguments\": {\"a\": \"</tool_call>\"}, \"name\": \"f\"}\n</tool_call>",
     "reasoning(I need it.) text(Looking.) call(get_weather {\"city\": \"Zürich\", \"days\": [1, "
     "2.5e-3]}) call(f {\"a\": \"</tool_call>\"})"},
    {"tool_call JSON", "", "<tool_call>{\"name\": \"ping\"}</tool_call>", "call(ping {})"},
    {"tool_call JSON", "",
     "<tool_call>{\"name\": \"p\\u0069ng\", \"arguments\": \"{\\\"a\\\": 1}\", \"id\": 7}",
     "call(ping#7 {\"a\": 1})"},
    {"tool_call JSON", "", "A <tool_call> is text. 1 < 2 <tool",
     "text(A <tool_call> is text. 1 < 2 <tool)"},
    {"tool_call JSON", "",
     "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": }}\n</tool_call> So.",
     "failed(malformed <tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": }}\n</tool_call>) "
     "text(So.)"},
    {"tool_call JSON", "", "<tool_call>{\"title\": \"x\"}</tool_call>",
     "failed(malformed <tool_call>{\"title\": \"x\"}</tool_call>)"},
    {"tool_call JSON", "", "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"b",
     "failed(truncated <tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"b)"},
    {"tool_call JSON", "", "<tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call>",
     "failed(malformed <tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call>)"},
    {"tool_calls JSON", "",
     "<tool_calls>\n{\"name\": \"f\", \"arguments\": {}}\n{\"name\": \"g\", \"arguments\": null}\n"
     "</tool_calls>",
     "call(f {}) call(g {})"},
    {"TOOLCALL JSON", "", "<TOOLCALL>[{\"name\": \"f\", \"arguments\": {\"a\": true}}]</TOOLCALL>",
     "call(f {\"a\": true})"},
    {"START_ACTION JSON", "<|START_THINKING|>",
     "<|START_THINKING|>Hm.<|END_THINKING|><|START_ACTION|>[\n    {\"tool_call_id\": \"0\", "
     "\"tool_name\": \"f\", \"parameters\": {\"a\": 1}},\n    {\"tool_call_id\": \"1\", "
     "\"tool_name\": \"g\", \"parameters\": {}}\n]<|END_ACTION|>",
     "reasoning(Hm.) call(f#0 {\"a\": 1}) call(g#1 {})"},
    {"Action JSON", "",
     "Action:\n```json\n[\n    {\n        \"tool_name\": \"f\",\n        \"parameters\": {\n  "
     "\"a\": 1}\n    }\n]```",
     "call(f {\n  \"a\": 1})"},
    {"TOOL_CALLS JSON", "",
     "[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {\"a\": 1}, \"id\": \"x\"}, {\"name\": \"g\", "
     "\"arguments\": {}}]",
     "call(f {\"a\": 1}) call(g {})"},
    {"function call JSON", "",
     "Looking.<|message_sep|>\n\nfunction call<|role_sep|>\n{\"name\": \"f\", \"arguments\": "
     "{\"a\": "
     "1}}<|message_sep|>\n\n",
     "text(Looking.) call(f {\"a\": 1})"},
    {"functools JSON", "",
     "Use functools here. functools[{\"name\": \"f\", \"arguments\": {\"a\": 1}}]",
     "text(Use functools here.) call(f {\"a\": 1})"},
    {"tool_call token JSON", "", "<|tool_call|>[{\"name\": \"f\", \"arguments\": {\"a\": 1}}]",
     "call(f {\"a\": 1})"},
    {"tools_prefix JSON", "<|inner_prefix|>",
     "<|inner_prefix|>Hm.<|inner_suffix|><|tools_prefix|>[{\"f\": {\"a\": 1}}, {\"g\": {}}]"
     "<|tools_suffix|>",
     "reasoning(Hm.) call(f {\"a\": 1}) call(g {})"},
    {"bare JSON", "", "{\"name\": \"f\", \"parameters\": {\"a\": 1}}", "call(f {\"a\": 1})"},
    {"bare JSON", "",
     "\n{\"type\": \"function\", \"name\": \"f\", \"parameters\": {}}; {\"name\": \"g\", "
     "\"parameters\": {\"a\": \"x;y\"}}",
     "call(f {}) call(g {\"a\": \"x;y\"})"},
    {"bare JSON", "", "{\"answer\": 42, \"name\": \"f\"} is JSON.",
     "text({\"answer\": 42, \"name\": \"f\"} is JSON.)"},
    {"bare JSON", "", "{\"name\": \"f\", \"par", "text({\"name\": \"f\", \"par)"},
    {"bare JSON", "", "{ a set }", "text({ a set })"},
    {"bare JSON", "", "Text. {\"name\": \"f\", \"parameters\": {}}",
     "text(Text. {\"name\": \"f\", \"parameters\": {}})"},
    {"bare JSON", "", "<|python_tag|>{\"name\": \"f\", \"parameters\": {\"a\": 1}}",
     "call(f {\"a\": 1})"},
    {"bare JSON", "", "<|python_tag|>brave_search.call(query=\"x 'y'\", n=\"1\")",
     "call(brave_search {\"query\": \"x 'y'\", \"n\": \"1\"})"},

    {"ARGS", "[THINK]",
     "[THINK]Hm.[/THINK]Looking.[TOOL_CALLS]f[ARGS]{\"a\": \"[TOOL_CALLS]\"}[TOOL_CALLS]g[CALL_ID]"
     "call00002[ARGS]{}",
     "reasoning(Hm.) text(Looking.) call(f {\"a\": \"[TOOL_CALLS]\"}) call(g#call00002 {})"},
    {"ARGS", "", "[TOOL_CALLS]f[ARGS]{\"a\": tru}",
     "failed(malformed [TOOL_CALLS]f[ARGS]{\"a\": tru})"},
    {"tool_call_argument_begin", "<think>",
     "<think>Hm.</think>Looking.<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0"
     "<|tool_call_argument_begin|>{\"a\": 1}<|tool_call_end|><|tool_call_begin|>functions.g:1"
     "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>",
     "reasoning(Hm.) text(Looking.) call(f#functions.f:0 {\"a\": 1}) call(g#functions.g:1 {})"},
    {"tool_sep with a fence", "<think>",
     "Hm.</"
     "think>Looking.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n"
     "{\"a\": "
     "1}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>g\n```json\n{}\n```"
     "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
     "reasoning(Hm.) text(Looking.) call(f {\"a\": 1}) call(g {})", "<｜Assistant｜><think>\n"},
    {"tool_sep", "",
     "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": \"é\"}<｜tool▁call▁end｜>"
     "<｜tool▁calls▁end｜>",
     "call(f {\"a\": \"é\"})"},
    {"tool_call:args", "<|think|>",
     "<|think|>Hm.<|end|><|begin|>assistant<|tool_calls|><|tool_call:begin|>a1b2c3d4e5"
     "<|tool_call:name|>f<|tool_call:args|>{\"a\": 1}<|tool_call:end|><|calls|>",
     "reasoning(Hm.) call(f#a1b2c3d4e5 {\"a\": 1})"},
    {"tool_call with a fence", "",
     "<tool_calls>\n<tool_call>f\n```json\n{\"a\": 1}\n```\n</tool_call>\n</tool_calls>",
     "call(f {\"a\": 1})"},
    {"function JSON", "",
     "Looking.<function=f>{\"a\": 1}</function><function=g>{}</function> Done.",
     "text(Looking.) call(f {\"a\": 1}) call(g {}) text(Done.)"},
    {"header", "",
     "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary "
     "to=functions.f <|constrain|>json<|message|>{\"a\": 1}<|call|>",
     "reasoning(Hm.) call(f {\"a\": 1})", "<|end|><|start|>assistant"},
    {"header", "", " to=functions.f<|channel|>commentary json<|message|>{\"a\": 1}<|call|>",
     "call(f {\"a\": 1})", "<|end|><|start|>assistant"},
    {"header", "",
     "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>42."
     "<|return|>",
     "reasoning(Hm.) text(42.)", "<|end|><|start|>assistant"},
    {"header", "", "No header at all.", "text(No header at all.)", "<|end|><|start|>assistant"},

    {"function lines", "",
     "Looking.\n\n<tool_call>\n<function=get_weather>\n<parameter=city>\nZürich "
     "\"x\"\n\n</parameter>"
     "\n<parameter=days>\n3\n</parameter>\n<parameter=flag>\nTrue\n</parameter>\n<parameter=list>\n"
     "[1, \"two\"]\n</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=ping>\n"
     "</function>\n</tool_call>",
     "text(Looking.) call(get_weather {\"city\": \"Zürich \\\"x\\\"\\n\", \"days\": 3, \"flag\": "
     "true, \"list\": [1, \"two\"]}) call(ping {})"},
    {"function lines", "", "<function=f>\n<parameter=a>\n1\n</function>",
     "failed(truncated <function=f>\n<parameter=a>\n1\n</function>)"},
    {"function lines", "", "<function=f>\nword\n</function> So.",
     "failed(malformed <function=f>\nword\n</function>) text(So.)"},
    {"function lines", "", "<function=f>\n<parameter=zip>\n0123\n</parameter></function>",
     "call(f {\"zip\": \"0123\"})"},
    {"seed function", "<seed:think>",
     "<seed:think>Hm.</seed:think>\n<seed:tool_call>\n<function=f>\n<parameter=o>{'days': 3, 'x': "
     "['wind', None]}</parameter>\n<parameter=s> two\n</parameter></function>\n</seed:tool_call>",
     "reasoning(Hm.) call(f {\"o\": {\"days\": 3, \"x\": [\"wind\", null]}, \"s\": \" two\\n\"})"},
    {"invoke", "<think>",
     "<minimax:tool_call>\n<invoke name=\"f\">\n<parameter name=\"a\">1</parameter>\n</invoke>\n"
     "<invoke name=\"g\">\n</invoke>\n</minimax:tool_call>",
     "call(f {\"a\": 1}) call(g {})"},
    {"DSML invoke", "<think>",
     "Looking.\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"a\" "
     "string=\"true\">12</｜DSML｜parameter>\n<｜DSML｜parameter name=\"b\" string=\"false\">12"
     "</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>",
     "text(Looking.) call(f {\"a\": \"12\", \"b\": 12})"},
    {"atem invoke", "",
     " to=self<|message|>Hm.<|eom|><|start|>assistant to=f<|message|><atem:function_calls>\n"
     "<atem:invoke name=\"f\">\n<atem:parameter name=\"a\">1</atem:parameter>\n</atem:invoke>\n"
     "</atem:function_calls><|eom|><|start|>assistant to=user<|message|>Yes.",
     "reasoning(Hm.) call(f {\"a\": 1}) text(Yes.)", "<|start|>assistant"},
    {"function param", "<think>",
     "<function name=\"f\"><param name=\"a\"><![CDATA[<b></param>\n]]></param><param name=\"n\">1.5"
     "</param></function>\n<function name=\"g\"></function>",
     "call(f {\"a\": \"<b></param>\\n\", \"n\": 1.5}) call(g {})"},
    {"arg_key", "<think>",
     "\n<think>Hm.</think>\nLooking.\n<tool_call>f\n<arg_key>city</arg_key>\n<arg_value>Zürich"
     "</arg_value>\n<arg_key>n</arg_key>\n<arg_value>{\"a\": [1]}</arg_value>\n</tool_call>\n"
     "<tool_call>g\n</tool_call><tool_call>h<arg_key>k</arg_key><arg_value></arg_value></"
     "tool_call>",
     "reasoning(Hm.) text(Looking.) call(f {\"city\": \"Zürich\", \"n\": {\"a\": [1]}}) call(g {}) "
     "call(h {\"k\": \"\"})"},
    {"arg_key with a suffix", "<think:opensource>",
     "<tool_calls:opensource>\n<tool_call:opensource>f<tool_sep:opensource>\n<arg_key:opensource>a"
     "</arg_key:opensource>\n<arg_value:opensource>1</arg_value:opensource>\n"
     "</tool_call:opensource>\n</tool_calls:opensource>",
     "call(f {\"a\": 1})"},

    {"tool_call_start", "",
     "<|tool_call_start|>[get_weather(city=\"Zürich\", days=3), g(a=['x', (1, 2.5)], b={'k': None, "
     "'t': True}, c=-1)]<|tool_call_end|>Looking.",
     "call(get_weather {\"city\": \"Zürich\", \"days\": 3}) call(g {\"a\": [\"x\", [1, 2.5]], "
     "\"b\": {\"k\": null, \"t\": true}, \"c\": -1}) text(Looking.)"},
    {"tool_call_start", "", "<|tool_call_start|>[{\"name\": \"f\", \"arguments\": {\"a\": 1}}]",
     "call(f {\"a\": 1})"},
    {"tool_call_start", "", "<|tool_call_start|>[f(a=1",
     "failed(truncated <|tool_call_start|>[f(a=1)"},
    {"function_calls", "", "<function_calls>f(a=\"x\\n\\\"y\\\"\")\ng()</function_calls>",
     "call(f {\"a\": \"x\\n\\\"y\\\"\"}) call(g {})"},
    {"tool_code", "", "Looking.\n```tool_code\nprint(f(a=\"\"\"x\ny\"\"\"))\n```",
     "text(Looking.) call(f {\"a\": \"x\\ny\"})"},
    {"tool_code", "", "```python\nprint(1)\n```", "text(```python\nprint(1)\n```)"},
    {"tool_call braces", "<|channel>thought",
     "<|channel>thought\nHm.<channel|><|tool_call>call:get_weather{city:<|\"|>Zürich \"x\"<|\"|>,"
     "options:{days:3,include:[<|\"|>wind<|\"|>]},flag:true}<tool_call|>Looking.",
     "reasoning(Hm.) call(get_weather {\"city\": \"Zürich \\\"x\\\"\", \"options\": {\"days\": 3, "
     "\"include\": [\"wind\"]}, \"flag\": true}) text(Looking.)"},
    {"start_function_call", "",
     "<start_function_call>call:f{a:<escape>x, y<escape>,n:1.5}<end_function_call>",
     "call(f {\"a\": \"x, y\", \"n\": 1.5})"},
};

}  // namespace

std::span<const Sample> samples() {
    return kSamples;
}

}  // namespace m2w::test
