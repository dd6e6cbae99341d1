// chat.test.ts — printed chat templates against the golden data that the native engine passes: every
// rendering of the 51 templates and all snippets.
import { build } from 'esbuild';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { pathToFileURL } from 'node:url';
import * as py from '../src/chat_runtime';

const shared = join(process.env.M2W_SHARED_DIR!, 'chat'), own = join(process.env.M2W_PACKAGE_DIR, '../../tests/jinja/more_snippets.jsonl');
const root = process.env.M2W_PACKAGE_DIR!;
const folder = mkdtempSync(join(tmpdir(), 'm2w-chat-'));
after(() => rmSync(folder, { recursive: true }));

type Render = (messages: unknown, tools: unknown, options: py.RenderOptions) => string;
type Entry = { render?: Render; error?: string; category?: string };
type Runtime = { filter_from_json(text: string): py.Value };

const bundle = async (entry: string, outfile: string, minify: boolean): Promise<void> => {
  await build({
    entryPoints: [entry], outfile, bundle: true, minify, format: 'esm', target: 'es2022', logLevel: 'error',
    plugins: [{
      name: 'runtime',
      setup(b) {
        b.onResolve({ filter: /^\.\/chat_runtime$/ }, () => ({ path: join(root, 'src/chat_runtime.ts') }));
      },
    }],
  });
};

execFileSync(join(process.env.M2W_BIN_DIR!, 'print_chats'), [shared, folder, own]);
writeFileSync(join(folder, 'all.ts'), "export * from './index';\nexport { filter_from_json } from './chat_runtime';\n");
await bundle(join(folder, 'all.ts'), join(folder, 'all.mjs'), false);
const printed = (await import(pathToFileURL(join(folder, 'all.mjs')).href)) as Runtime & {
  templates: Record<string, Entry>;
  snippets: Record<string, Entry>;
};

/** JSON with the difference of 1 and 1.0 and the order of keys; the reader is the bundle's own. */
const read = (text: string): py.Value => printed.filter_from_json(text);
const linesOf = (path: string): py.Value[] => readFileSync(path, 'utf8').split('\n').filter(Boolean).map(read);
const lines = (file: string): py.Value[] => linesOf(join(shared, file));
const now = new Date(2026, 6, 4, 12, 0, 0);

/** Why an outcome is not what a record expects, or nothing. */
function mismatch(record: py.Value, entry: Entry, run: (render: Render) => string): string | undefined {
  if (entry.category === 'unsupported') return entry.error;
  let text: string | undefined;
  let error = entry.error;
  if (entry.render) {
    try {
      text = run(entry.render);
    } catch (e) {
      error = (e as Error).message;
      if ((e as { code?: string }).code !== 'chat-template') return `not an error of the template: ${(e as Error).stack}`;
    }
  }
  const wanted = [record.get('output'), record.get('lenient_output')].filter((s) => typeof s === 'string');
  if (text !== undefined)
    return wanted.includes(text) ? undefined : `found ${JSON.stringify(text)}\n  expected ${JSON.stringify(wanted[0] ?? record.get('error'))}`;
  const kind = record.get('error_kind');
  if (kind === 'exception' || (kind === 'raise' && error === record.get('error'))) return undefined;
  return `failed with ${error}\n  expected ${JSON.stringify(wanted[0] ?? record.get('error'))}`;
}

const report = (failures: string[]): void => assert.equal(failures.length, 0, `${failures.length} failures\n` + failures.slice(0, 40).join('\n'));

test('all renderings of the golden templates', () => {
  const cases = read(readFileSync(join(shared, 'cases.json'), 'utf8'));
  const failures: string[] = [];
  let n = 0;
  const names = readdirSync(join(shared, 'golden')).map((f: string) => f.replace(/\.jsonl$/, ''));
  assert.equal(names.length, 51);
  for (const name of names) {
    for (const record of lines(`golden/${name}.jsonl`)) {
      const all: py.Value[] = [...(cases.get('extra').get(name) ?? []), ...cases.get('common')];
      const chat = all.find((c) => c.get('id') === record.get('case'));
      const variables = Object.fromEntries(chat.get('kwargs')?.entries() ?? []);
      const options: py.RenderOptions = {
        addGenerationPrompt: record.get('agp'),
        bosToken: record.get('bos') ?? undefined,
        eosToken: record.get('eos') ?? undefined,
        documents: chat.get('documents'),
        variables,
        now,
      };
      const wrong = mismatch(record, printed.templates[name]!, (render) => render(chat.get('messages'), chat.get('tools'), options));
      if (wrong) failures.push(`${name} ${record.get('case')} agp ${record.get('agp')}: ${wrong}`);
      n++;
    }
  }
  assert.equal(n, 2752);
  report(failures);
});

test('all snippets', () => {
  const failures: string[] = [];
  const records = [...lines('jinja_unit.jsonl'), ...linesOf(own)];
  for (const record of records) {
    const context: py.Value = record.get('context');
    const given = Object.fromEntries(context.entries());
    // What the snippet's context does not have is undefined, unlike in a chat.
    const variables = { messages: undefined, tools: undefined, documents: undefined, add_generation_prompt: undefined, ...given };
    const wrong = mismatch(record, printed.snippets[record.get('id')]!, (render) => render([], null, { variables, now }));
    if (wrong) failures.push(`${record.get('tier')} ${record.get('id')} ${JSON.stringify(record.get('template'))}: ${wrong}`);
  }
  assert.equal(records.length, 755 + 8);
  report(failures);
});
