// answer.ts — splits what a model writes into text, reasoning and calls of tools while it comes.
// Knows one model's markers, which the exporter finds out; calls no tool.

/** How this model writes what is not plain text; chat/answer/format.h has the forms of all models. */
export interface AnswerForms {
  readonly reasoning?: { readonly open: string; readonly close: string; readonly dropped?: readonly string[] };
  readonly calls?: {
    /** JSON with the name in it; [{NAME: {...}}]; NAME nameEnd {...}; NAME nameEnd (keyOpen KEY keyEnd VALUE valueEnd)*. */
    readonly body: 'json' | 'json_by_name' | 'arguments' | 'tags';
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
  };
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

const letters = '0123456789abcdefghijklmnopqrstuvwxyz';
/** Nine letters and digits: the only form that all templates take. */
const newId = () => Array.from({ length: 9 }, () => letters[Math.floor(Math.random() * 36)]).join('');

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const object = (value: unknown): value is Arguments => !!value && typeof value === 'object' && !Array.isArray(value);

/** Values in tags are what the tool's schema says: a text stays one, whatever it spells. */
function isText(tools: readonly unknown[] | undefined, name: string, key: string): boolean {
  const tool = tools?.map((t) => (t as { function?: unknown }).function ?? t)
    .find((t) => (t as { name?: string }).name === name) as { parameters?: { properties?: Record<string, { type?: unknown }> } } | undefined;
  return tool?.parameters?.properties?.[key]?.type === 'string';
}

/** Of the text between the markers; nothing where it is no call. */
function readCalls(forms: NonNullable<AnswerForms['calls']>, body: string, tools?: readonly unknown[]): Found[] | undefined {
  const { namePrefix = '', nameEnd = '', keyOpen = '', keyEnd = '', valueEnd = '' } = forms;
  const found: Found[] = [];
  const add = (name: unknown, args: unknown) => {
    args = typeof args === 'string' ? parse(args) : args;
    if (typeof name !== 'string' || !name.trim() || !object(args)) return false;
    name = name.trim();
    found.push([(name as string).startsWith(namePrefix) ? (name as string).slice(namePrefix.length) : name as string, args]);
    return true;
  };
  if (forms.body.startsWith('json')) {
    const value = parse(body), list = Array.isArray(value) ? value : [value];
    const ok = list.every((item) => object(item) && (forms.body === 'json'
      ? add(item.name, item.arguments ?? item.parameters ?? {})
      : Object.entries(item).every(([name, args]) => add(name, args))));
    return ok ? found : undefined;
  }
  const end = body.indexOf(nameEnd || keyOpen || '{');
  const name = (end < 0 ? body : body.slice(0, end)).trim();
  if (forms.body === 'arguments') return add(name, parse(body.slice(end + nameEnd.length))) ? found : undefined;
  const args: Arguments = {};
  for (let at = body.indexOf(keyOpen); at >= 0; at = body.indexOf(keyOpen, at)) {
    const middle = body.indexOf(keyEnd, at), last = body.indexOf(valueEnd, middle);
    if (middle < 0 || last < 0) return undefined;
    const key = body.slice(at + keyOpen.length, middle).trim(), value = body.slice(middle + keyEnd.length, last).trim();
    args[key] = isText(tools, name, key) ? value : parse(value) ?? value;
    at = last + valueEnd.length;
  }
  return add(name, args) ? found : undefined;
}

/** One answer. What may still become a marker is held back, and white space beside markers is dropped. */
export class AnswerParser {
  private rest = '';
  private state: 'text' | 'reasoning' | 'call' = 'text';
  private atStart = true;
  private space = '';

  /** prompt: its end, which may have opened the reasoning already. */
  constructor(private readonly forms: AnswerForms, prompt: string, private readonly tools?: readonly unknown[]) {
    const open = forms.reasoning?.open;
    if (open && prompt.trimEnd().endsWith(open)) this.state = 'reasoning';
  }

  /** control: the text of a control token, which is a marker or nothing. */
  push(text: string, control = false): AnswerEvent[] {
    if (control && !this.allMarkers().some((marker) => marker.includes(text.trim()))) return [];
    this.rest += text;
    return this.run(false);
  }

  /** The answer has ended. */
  finish(): AnswerEvent[] {
    return this.run(true);
  }

  private markers(): string[] {
    const { reasoning, calls } = this.forms;
    if (this.state === 'reasoning') return [reasoning!.close];
    if (this.state === 'call') return [calls!.close].filter(Boolean);
    return [reasoning?.open, ...(reasoning?.dropped ?? []), calls?.open, ...(calls?.around ?? [])].filter((m): m is string => !!m);
  }

  private allMarkers(): string[] {
    const { reasoning, calls } = this.forms;
    return [reasoning?.open, reasoning?.close, ...(reasoning?.dropped ?? []), calls?.open, calls?.close, ...(calls?.around ?? []),
      calls?.nameEnd, calls?.keyOpen, calls?.keyEnd, calls?.valueEnd].filter((m): m is string => !!m);
  }

  private show(text: string, out: AnswerEvent[]): void {
    text = this.space + text;
    if (this.atStart) text = text.trimStart();
    const shown = text.trimEnd();
    this.space = text.slice(shown.length);
    if (!shown) return;
    this.atStart = false;
    out.push(this.state === 'reasoning' ? { text: '', reasoning: shown } : { text: shown });
  }

  private enter(state: AnswerParser['state']): void {
    this.state = state;
    this.atStart = true;
    this.space = '';
  }

  private endCall(body: string, written: string, out: AnswerEvent[]): void {
    const found = readCalls(this.forms.calls!, body, this.tools);
    this.enter('text');
    if (!found) this.show(written, out);
    for (const [name, args] of found ?? []) out.push({ text: '', call: { id: newId(), type: 'function', function: { name, arguments: args } } });
  }

  private run(ended: boolean): AnswerEvent[] {
    const out: AnswerEvent[] = [], { reasoning, calls } = this.forms;
    for (;;) {
      // The first marker; of two that begin there, the longer one.
      let at = -1, marker = '';
      for (const m of this.markers()) {
        const i = this.rest.indexOf(m);
        if (i >= 0 && (at < 0 || i < at || (i === at && m.length > marker.length))) [at, marker] = [i, m];
      }
      if (this.state === 'call') {
        if (at < 0 && !ended) return out;
        const body = at < 0 ? this.rest : this.rest.slice(0, at);
        this.rest = at < 0 ? '' : this.rest.slice(at + marker.length);
        this.endCall(body, calls!.open + body + marker, out);
        continue;
      }
      if (at < 0) {
        // What may be the beginning of a marker stays.
        let keep = 0;
        for (const m of ended ? [] : this.markers())
          for (let n = Math.min(m.length - 1, this.rest.length); n > keep; n--) if (this.rest.endsWith(m.slice(0, n))) keep = n;
        this.show(this.rest.slice(0, this.rest.length - keep), out);
        this.rest = this.rest.slice(this.rest.length - keep);
        return out;
      }
      this.show(this.rest.slice(0, at), out);
      this.rest = this.rest.slice(at + marker.length);
      this.enter(this.state === 'text' && marker === calls?.open ? 'call' : this.state === 'text' && marker === reasoning?.open ? 'reasoning' : 'text');
    }
  }
}
