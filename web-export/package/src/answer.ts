// answer.ts — splits what a model writes into text, reasoning and calls of tools while it comes.
// Knows one model's markers, which the exporter finds out; calls no tool.

/** Calls in an answer; chat/answer/format.h has the forms of all models. */
export interface CallForms {
  /** Of what is between the markers; nothing where it is no call. */
  readonly read: (body: string, forms: CallForms, tools?: readonly unknown[]) => Found[] | undefined;
  readonly open: string;
  /** Empty: the end of the answer closes it. */
  readonly close: string;
  /** Markers around all calls, which mean nothing by themselves. */
  readonly around?: readonly string[];
  readonly namePrefix?: string;
  readonly nameEnd?: string;
  readonly keyOpen?: string;
  readonly keyEnd?: string;
  readonly valueEnd?: string;
  /** Values stand on lines of their own. */
  readonly lines?: boolean;
}

/** How this model writes what is not plain text. */
export interface AnswerForms {
  readonly reasoning?: { readonly open: string; readonly close: string; readonly dropped?: readonly string[] };
  readonly calls?: CallForms;
}

/** A call, as messages have it in OpenAI's interface. */
export interface ToolCall {
  id: string;
  type: 'function';
  function: { name: string; arguments: Record<string, unknown> };
}

/** What came: one of the three. A call that cannot be read is text, as it was written. */
export interface AnswerEvent {
  text: string;
  reasoning?: string;
  call?: ToolCall;
}

type Arguments = ToolCall['function']['arguments'];
type Found = [name: string, args: Arguments];

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const object = (value: unknown): value is Arguments => !!value && typeof value === 'object' && !Array.isArray(value);

function found(name: unknown, args: unknown, { namePrefix = '' }: CallForms): Found | undefined {
  if (typeof args === 'string') args = parse(args);
  const text = typeof name === 'string' ? name.trim() : '';
  return text && object(args) ? [text.startsWith(namePrefix) ? text.slice(namePrefix.length) : text, args] : undefined;
}

/** All, or none. */
const every = (calls: readonly (Found | undefined)[]): Found[] | undefined => (calls.every(Boolean) ? calls as Found[] : undefined);
/** One, a list of them, or several with nothing or a comma in between. */
const objects = (body: string): Arguments[] => [parse(body) ?? body.split(/(?<=})\s*[,;]?\s*(?={)/).map(parse)].flat().map((item) => (object(item) ? item : { '': 0 }));

/** JSON with the name in it. */
export const readJson: CallForms['read'] = (body, forms) =>
  every(objects(body).map((item) => found(item.name ?? item.tool_name, item.arguments ?? item.parameters ?? {}, forms)));

/** [{NAME: {...}}] */
export const readJsonByName: CallForms['read'] = (body, forms) =>
  every(objects(body).flatMap((item) => Object.entries(item).map(([name, args]) => found(name, args, forms))));

function nameOf(body: string, { nameEnd, keyOpen }: CallForms): string {
  const end = body.indexOf(nameEnd || keyOpen || '{');
  return end < 0 ? body : body.slice(0, end);
}

/** NAME nameEnd {...} */
export const readArguments: CallForms['read'] = (body, forms) => {
  const name = nameOf(body, forms);
  return every([found(name, parse(body.slice(name.length + (forms.nameEnd ?? '').length)), forms)]);
};

/** Values in tags are what the tool's schema says: a text stays one, whatever it spells. */
function isText(tools: readonly unknown[] | undefined, name: string, key: string): boolean {
  const tool = tools?.map((t) => (t as { function?: unknown }).function ?? t)
    .find((t) => (t as { name?: string }).name === name) as { parameters?: { properties?: Record<string, { type?: unknown }> } } | undefined;
  return tool?.parameters?.properties?.[key]?.type === 'string';
}

/** What a value spells, as JSON or in Python's words. A text in quotes is what it is. */
function valueOf(text: string): unknown {
  const value = parse(text.trim().replace(/^(?:True|False)$/, (word) => word.toLowerCase()).replace(/^None$/, 'null'));
  return value === undefined || typeof value === 'string' ? text : value;
}

/** NAME nameEnd (keyOpen KEY keyEnd VALUE valueEnd)*, and nothing else. */
export const readTags: CallForms['read'] = (body, forms, tools) => {
  const { keyOpen = '', keyEnd = '', valueEnd = '' } = forms, written = nameOf(body, forms), name = written.trim();
  const args: [string, unknown][] = [];
  for (let rest = body.slice(written.length + (forms.nameEnd ?? '').length).trimStart(); rest;) {
    const middle = rest.indexOf(keyEnd), last = rest.indexOf(valueEnd, middle);
    if (!rest.startsWith(keyOpen) || middle < 0 || last < 0) return undefined;
    const key = rest.slice(keyOpen.length, middle).trim();
    let value = rest.slice(middle + keyEnd.length, last);
    if (forms.lines) value = value.replace(/^\n/, '').replace(/\n$/, '');
    args.push([key, isText(tools, name, key) ? value : valueOf(value)]);
    rest = rest.slice(last + valueEnd.length).trimStart();
  }
  return /\s/.test(name) ? undefined : every([found(name, Object.fromEntries(args), forms)]);
};

const letters = '0123456789abcdefghijklmnopqrstuvwxyz';
/** Nine letters and digits: the only form that all templates take. */
const newId = () => Array.from({ length: 9 }, () => letters[Math.floor(Math.random() * 36)]).join('');

/** Takes one answer apart. */
export interface AnswerParser {
  /** control: the text of a control token, which is a marker or nothing. */
  push(text: string, control?: boolean): AnswerEvent[];
  /** The answer has ended. */
  finish(): AnswerEvent[];
}

/**
 * What may still become a marker is held back, and white space beside markers is dropped. prompt: its end, which may have opened
 * the reasoning already.
 */
export function answerParser({ reasoning, calls }: AnswerForms, prompt: string, tools?: readonly unknown[]): AnswerParser {
  // Reasoning stands in front: behind other text its markers are words that a model explains.
  const open = reasoning?.open, first = [open, reasoning?.close], markers: Record<'text' | 'reasoning' | 'call', readonly (string | undefined)[]> = {
    text: [...first, calls?.open, ...(reasoning?.dropped ?? []), ...(calls?.around ?? [])],
    reasoning: [reasoning?.close],
    call: [calls?.close],
  };
  let rest = '', state: keyof typeof markers = open && prompt.trimEnd().endsWith(open) ? 'reasoning' : 'text', atStart = true, space = '';
  let before: readonly [string, boolean] = ['', true]; // a call: what then was the space, and whether it began the text

  const show = (text: string, out: AnswerEvent[]): void => {
    text = space + text;
    if (atStart) text = text.trimStart();
    const shown = text.trimEnd();
    space = text.slice(shown.length);
    if (!shown) return;
    atStart = false;
    out.push(state === 'reasoning' ? { text: '', reasoning: shown } : { text: shown });
  };
  const enter = (next: typeof state): void => {
    before = [space, atStart];
    state = next;
    atStart = true;
    space = '';
  };
  const run = (ended: boolean): AnswerEvent[] => {
    for (const out: AnswerEvent[] = []; ;) {
      const now = markers[state].filter((marker): marker is string => !!marker);
      const place = (m: string): number => {
        let i = rest.indexOf(m);
        if (state === 'text' && first.includes(m)) return atStart && !rest.slice(0, i).trim() ? i : -1;
        // What is in a text of JSON ends no call.
        if (state === 'call' && !calls!.valueEnd) while (i >= 0 && (rest.slice(0, i).replace(/\\./g, '').split('"').length % 2) === 0) i = rest.indexOf(m, i + 1);
        return i;
      };
      // The first marker; of two that begin there, the longer one.
      const [at, marker] = now.map((m) => [place(m), m] as const).filter(([i]) => i >= 0)
        .sort((a, b) => a[0] - b[0] || b[1].length - a[1].length)[0] ?? [-1, ''];
      if (at < 0 && !ended && state === 'call') return out;
      let end = at < 0 ? rest.length : at;
      // What may be the beginning of a marker stays.
      if (at < 0 && !ended)
        for (const m of now)
          for (let n = Math.min(m.length - 1, rest.length); n > rest.length - end; n--) if (rest.endsWith(m.slice(0, n))) end = rest.length - n;
      const body = rest.slice(0, end);
      rest = rest.slice(end + marker.length);
      if (state === 'call') {
        // JSON tells that it is whole; tags that end with the answer may lack the next one.
        const cut = at < 0 && calls!.close && calls!.valueEnd, found = cut ? undefined : calls!.read(body, calls!, tools);
        const [spaceBefore, beganBefore] = before;
        enter('text');
        if (!found) {
          [space, atStart] = [spaceBefore, beganBefore];
          show(calls!.open + body + marker, out);
        }
        for (const [name, args] of found ?? []) out.push({ text: '', call: { id: newId(), type: 'function', function: { name, arguments: args } } });
        continue;
      }
      show(body, out);
      if (at < 0) return out;
      enter(state !== 'text' ? 'text' : marker === calls?.open ? 'call' : marker === open ? 'reasoning' : 'text');
    }
  };
  return {
    push(text, control) {
      if (control && ![reasoning, calls].flatMap((forms) => Object.values(forms ?? {})).flat()
        .some((marker) => typeof marker === 'string' && marker.includes(text.trim()))) return [];
      rest += text;
      return run(false);
    },
    finish: () => run(true),
  };
}
