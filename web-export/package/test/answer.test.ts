import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AnswerForms, answerParser, readArguments, readJson, readJsonByName, readTags } from '../src/answer';

const think: AnswerForms = { reasoning: { open: '<think>', close: '</think>' } };
const json: AnswerForms = { ...think, calls: { read: readJson, open: '<tool_call>', close: '</tool_call>' } };
const tags: AnswerForms = { calls: { read: readTags, open: '<function=', close: '</function>', around: ['<tool_call>', '</tool_call>'],
  nameEnd: '>', keyOpen: '<parameter=', keyEnd: '>', valueEnd: '</parameter>', lines: true } };

/** The parts of an answer that comes in pieces of n characters. */
function read(forms: AnswerForms, answer: string, n: number, prompt = '', tools?: unknown[]) {
  const parser = answerParser(forms, prompt, tools);
  const events = [];
  for (let i = 0; i < answer.length; i += n) events.push(...parser.push(answer.slice(i, i + n)));
  events.push(...parser.finish());
  return {
    text: events.map((e) => e.text).join(''),
    reasoning: events.map((e) => e.reasoning ?? '').join(''),
    calls: events.flatMap((e) => (e.call ? [[e.call.function.name, e.call.function.arguments]] : [])),
  };
}

const cases: [name: string, forms: AnswerForms, answer: string, expected: object, prompt?: string, tools?: unknown[]][] = [
  ['plain text', {}, ' 1 < 2 <think> x ', { text: '1 < 2 <think> x', reasoning: '', calls: [] }],
  ['reasoning', think, '<think>\nHm  so.\n</think>\n\nYes <b>.', { text: 'Yes <b>.', reasoning: 'Hm  so.', calls: [] }],
  ['reasoning that the prompt began', think, 'Hm.</think>Yes', { text: 'Yes', reasoning: 'Hm.', calls: [] }, 'assistant\n<think>\n'],
  ['reasoning without an end', think, '<think>Hm </thin', { text: '', reasoning: 'Hm </thin', calls: [] }],
  ['calls', json, 'Look:\n<tool_call>\n{"name": "f", "arguments": {"a": "</x>", "b": [1]}}\n</tool_call>\n<tool_call>{"name":"g","arguments":{}}</tool_call>',
    { text: 'Look:', reasoning: '', calls: [['f', { a: '</x>', b: [1] }], ['g', {}]] }],
  ['a list of calls, the end missing', { calls: { read: readJson, open: '[TOOL_CALLS]', close: '' } },
    '[TOOL_CALLS][{"name": "f", "arguments": "{\\"a\\": 1}"}, {"name": "g", "parameters": {}}]', { text: '', reasoning: '', calls: [['f', { a: 1 }], ['g', {}]] }],
  ['a call that cannot be read', json, 'A <tool_call>{"name": 5}</tool_call> B', { text: 'A <tool_call>{"name": 5}</tool_call> B', reasoning: '', calls: [] }],
  ['the name in front', { calls: { read: readArguments, open: '[TOOL_CALLS]', close: '', nameEnd: '[ARGS]', namePrefix: 'functions.' } },
    '[TOOL_CALLS]functions.f[ARGS]{"a": {"b": null}}', { text: '', reasoning: '', calls: [['f', { a: { b: null } }]] }],
  ['tags', tags, '<tool_call>\n<function=f>\n<parameter=a>\n12\n</parameter>\n<parameter=b>\n12\n</parameter>\n</function>\n</tool_call>',
    { text: '', reasoning: '', calls: [['f', { a: 12, b: '12' }]] }, '',
    [{ type: 'function', function: { name: 'f', parameters: { properties: { b: { type: 'string' } } } } }]],
  ...['<tool_call>\n<function=rm>\n<parameter=path>\n/tmp\n</parameter>\n', '<tool_call>\n<function=rm_a'].map((cut): typeof cases[0] =>
    ['tags that are cut off are no call', tags, cut, { text: cut.slice(12).trimEnd(), reasoning: '', calls: [] }]),
  ['tags, and something else', tags, '<function=f>\nword\n</function>', { text: '<function=f>\nword\n</function>', reasoning: '', calls: [] }],
  ['values as they stand', tags, '<function=f>\n<parameter=a>\n  Zürich "x"\n\n</parameter>\n<parameter=b>\nTrue\n</parameter><parameter=__proto__>\nnull\n</parameter></function>',
    { text: '', reasoning: '', calls: [['f', JSON.parse('{"a": "  Zürich \\"x\\"\\n", "b": true, "__proto__": null}')]] }],
  ['reasoning is in front', think, 'A tag: <think> is one.</think>', { text: 'A tag: <think> is one.</think>', reasoning: '', calls: [] }],
  ['the end of no reasoning', think, '</think>42.', { text: '42.', reasoning: '', calls: [] }],
  ['markers in the text of a call', json, '<tool_call>{"arguments": {"a": "\\"</tool_call>"}, "name": "f"}</tool_call> B', { text: 'B', reasoning: '', calls: [['f', { a: '"</tool_call>' }]] }],
  ['several objects', json, '<tool_call>{"name": "f"}\n{"tool_name": "g", "parameters": {"a": {}}}</tool_call>', { text: '', reasoning: '', calls: [['f', {}], ['g', { a: {} }]] }],
  ['a marker that is a word', json, 'A <tool_call> is text.', { text: 'A <tool_call> is text.', reasoning: '', calls: [] }],
  ['JSON is whole without its end', json, '<tool_call>{"name":"g","arguments":{}}', { text: '', reasoning: '', calls: [['g', {}]] }],
  ['names as keys', { calls: { read: readJsonByName, open: '<|p|>', close: '<|s|>' } }, '<|p|>[{"f": {"a": 1}}]<|s|>', { text: '', reasoning: '', calls: [['f', { a: 1 }]] }],
];

for (const [name, forms, answer, expected, prompt, tools] of cases)
  test(`${name}, however it is cut`, () => {
    for (const n of [1, 2, 3, 7, 1000]) assert.deepEqual(read(forms, answer, n, prompt, tools), expected, `pieces of ${n}`);
  });

test('control tokens are markers or nothing', () => {
  const parser = answerParser(think, '');
  const events = ['<think>', 'Hm', '</think>', 'A', '<|tool|>', 'B'].flatMap((text) => parser.push(text, text.startsWith('<')));
  assert.deepEqual(events, [{ text: '', reasoning: 'Hm' }, { text: 'A' }, { text: 'B' }]);
});

test('ids have nine letters and digits', () => {
  const [event] = answerParser(json, '').push('<tool_call>{"name":"f"}</tool_call>');
  assert.match(event!.call!.id, /^[a-z0-9]{9}$/);
});
