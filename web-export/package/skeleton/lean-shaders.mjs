// lean-shaders.mjs — WGSL for the bundle: without comments and spaces, with short names and numbers, and of shaders.ts what
// shaders have in common there once. No minifier looks into template strings.
import { readFileSync } from 'node:fs';

// Attributes are one token each: what is in them are no names of the shader's. So is what a template string puts in.
const token = /@\w+(?:\([^)]*\))?|\$\{[^}]*\}\w*|[A-Za-z_]\w*|\d[\w.]*(?:[eE][-+]?\d+)?[uifh]?|(?:<<|>>|[-+*/%&|^<>=!])=|&&|\|\||<<|>>|->|\+\+|--|[^\s\w]/g;
const word = /^[A-Za-z_]/;
const operator = /^[-+*/%&|^<>=!]/;

/** A shader's declarations and directives, each as its tokens. */
function declarations(code) {
  const found = [[]];
  let depth = 0;
  for (const [t] of code.replace(/\/\/.*$/gm, '').matchAll(token)) {
    found.at(-1).push(t);
    if (t === '{' || t === '(') depth++;
    if (t === '}' || t === ')') depth--;
    if (!depth && (t === '}' || t === ';')) found.push([]);
  }
  return found.slice(0, -1).map(plain);
}

/** The names that a shader gives away; entry points are known by theirs, as are `others`, and members stand behind a dot. */
function names(tokens, others) {
  const own = new Set();
  let struct = false;
  for (const [i, t] of tokens.entries()) {
    struct = t === 'struct' || (struct && t !== '}');
    if ((tokens[i - 1] === 'fn' && tokens[i - 2]?.[0] === '@') || (struct && tokens[i + 1] === ':')) others.add(t);
    else if (word.test(t) && (tokens[i + 1] === ':' || /^(fn|let|var|const|alias|struct|override)$/.test(tokens[i - 1]))) own.add(t);
  }
  for (const t of others) own.delete(t);
  return own;
}

/**
 * Numbers as short as they may be: no suffix where an unsigned number stands beside an operand that has a type.
 */
function plain(tokens) {
  const typed = (t = '') => word.test(t) || t === ')' || t === ']';
  const out = [];
  for (let i = 0; i < tokens.length; i++) {
    const t = tokens[i];
    if (/^\d\w*u$/.test(t) && !/^(?:<<|>>)$/.test(tokens[i + 1])) {
      const behind = /^(?:[-+*/%&|^<>]|<<|>>|[<>=!]=|[-+*/%&|^]=)$/.test(tokens[i - 1]) && typed(tokens[i - 2]) && tokens[i - 2] !== 'return';
      const ahead = /^(?:[-+*/%&|^]|[<>=!]=)$/.test(tokens[i + 1]) && word.test(tokens[i + 2]);
      out.push(behind || ahead ? t.slice(0, -1) : t);
    } else {
      out.push(/^0x/.test(t) ? t : t.replace(/^(\d+\.)0+(?=$|\D)/, '$1').replace(/^0(?=\.\d)/, ''));
    }
  }
  return out;
}

function print(tokens, rename) {
  return tokens.reduce((text, t, i) => {
    const before = tokens[i - 1] ?? '';
    const apart = (/\w$/.test(before) && /^\w/.test(t)) || (operator.test(before) && operator.test(t));
    return text + (apart ? ' ' : '') + (before === '.' ? t : rename(t));
  }, '');
}

/** Names that only differ in a number at their end: sum0_1, sum0_2. */
const numbered = /^(\w*?[a-z])((?:_?\d)+)$/;
const letters = (n, base, next) => String.fromCharCode(base + (n % 26)) + (n < 26 ? '' : next(Math.floor(n / 26) - 1));

/**
 * Each shader's declarations, printed, and the names' short ones: one for one name everywhere, so that equal declarations stay
 * equal.
 */
function lean(codes, fixed = []) {
  const uses = new Map(), kept = new Set(), series = new Map();
  const shaders = codes.map((code) => {
    const parts = declarations(code), own = names(parts.flat(), new Set(['default', ...fixed]));
    for (const t of parts.flat().filter((t) => word.test(t))) {
      if (own.has(t)) uses.set(t, (uses.get(t) ?? 0) + 1);
      else kept.add(t);
    }
    return { parts, own };
  });
  const short = new Map();
  let n = 0;
  for (const [name] of [...uses].sort((a, b) => b[1] - a[1])) {
    const [, first, number] = numbered.exec(name) ?? [];
    if (first) {
      // Capitals: no other name is one of these with a number behind it.
      if (!series.has(first)) series.set(first, letters(series.size, 65, (m) => letters(m, 65)));
      short.set(name, series.get(first) + number.replaceAll('_', ''));
      continue;
    }
    let s;
    do s = letters(n++, 97, String); while (kept.has(s));
    short.set(name, s);
  }
  return { short, texts: shaders.map(({ parts, own }) => parts.map((tokens) => print(tokens, (t) => (own.has(t) ? short.get(t) : t)))) };
}

/**
 * Statements that follow each other and differ in one number, which counts from 0, as MARK COUNT STATEMENTS MARK with HOLE for
 * the number: what #repeat of kernels/wgsl unrolled. unrolled() in the bundle takes it apart again.
 */
function rolled(code, mark, hole) {
  const parts = code.match(/'[^']*'|[^;{}']*[;{}]?/g);
  for (let size = 1; size <= 3; size++)
    for (let at = 0; at + 2 * size <= parts.length; at++) {
      const group = (i) => parts.slice(at + i * size, at + (i + 1) * size).join('');
      const [zero, one] = [group(0), group(1)];
      if (zero.length !== one.length || zero === one || /[{}]/.test(zero)) continue;
      const body = [...zero].map((c, i) => (c === '0' && one[i] === '1' ? hole : c)).join('');
      let count = 0;
      while (count < 10 && at + (count + 1) * size <= parts.length && group(count) === body.replaceAll(hole, count)) count++;
      if (count > 1) parts.splice(at, count * size, `${mark}${count}${body}${mark}`);
    }
  return parts.join('');
}

/**
 * Shaders as lists of numbers of pieces. Declarations stand in any order, behind directives: what the same shaders have in common is
 * one piece.
 */
function share(shaders) {
  const users = new Map(), pieces = new Map();
  for (const [i, declarations] of shaders.entries())
    for (const text of declarations) users.set(text, [...(users.get(text) ?? []), i]);
  for (const [text, list] of users) {
    const piece = pieces.get(String(list)) ?? { text: '', list };
    piece.text += text;
    pieces.set(String(list), piece);
  }
  const first = ({ text }) => /^(?:enable|diagnostic)\b/.test(text);
  const sorted = [...pieces.values()].sort((a, b) => first(b) - first(a));
  return {
    pieces: sorted.map(({ text }) => text),
    numbers: shaders.map((_, i) => sorted.flatMap(({ list }, n) => (list.includes(i) ? [n] : []))),
  };
}

const shadersOf = (source) => [...source.matchAll(/export const (\w+) = \/\* wgsl \*\/ `([^`]*)`;/g)];

/** shaders.ts for the bundle. */
export function leanShaders(source) {
  const shaders = shadersOf(source), { pieces, numbers } = share(lean(shaders.map(([, , code]) => code)).texts);
  if (pieces.length > 57) pieces.splice(57, 0, ''); // no list is written with a backslash
  const texts = pieces.map((piece) => rolled(rolled(piece, "'", '#'), '`', '$'));
  const lines = shaders.map(([, name], i) => `export const ${name} = /* @__PURE__ */ shader(${JSON.stringify(String.fromCharCode(...numbers[i].map((n) => 35 + n + (n > 56))))});`);
  return `const unrolled = (text: string, mark: string, hole: string) => text.replace(RegExp(mark + '(.)(.*?)' + mark, 'g'),
  (_, n, body) => [...Array(+n).keys()].map((i) => body.replaceAll(hole, i)).join(''));
const pieces = ${JSON.stringify(texts)}.map((text) => unrolled(unrolled(text, '\`', '$'), "'", '#'));
const shader = (list: string): string => [...list].map((c) => pieces[c.charCodeAt(0) - 35]).join('');\n${lines.join('\n')}\n`;
}

/** engine.ts with the overrides of shaders.ts by their short names. */
function leanEngine(source, shaders) {
  const { short } = lean(shadersOf(shaders).map(([, , code]) => code));
  return source.replace(/(?<=\bset: )\{[^}]*\}/g, (set) => set.replace(/\w+(?=: )/g, (name) => short.get(name)));
}

/** Another module, with lean shaders: overrides keep their names, and so do the functions of what is a part of other shaders. */
const leanTemplates = (source) => source.replace(/\/\* wgsl \*\/ `([^`]*)`/g, (_, code) => {
  const fixed = code.match(code.includes('@compute') ? /(?<=override )\w+/g : /(?<=fn )\w+/g) ?? [];
  return `\`${lean([code], fixed).texts[0].join('')}\``;
});

/** For esbuild. */
export const leanShadersPlugin = {
  name: 'lean-shaders',
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      const contents = /shaders\.ts$/.test(path) ? leanShaders(source)
        : /engine\.ts$/.test(path) ? leanEngine(source, readFileSync(path.replace(/engine\.ts$/, 'shaders.ts'), 'utf8')) : leanTemplates(source);
      return { contents, loader: 'ts' };
    });
  },
};
