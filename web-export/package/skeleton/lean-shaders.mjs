// lean-shaders.mjs — WGSL for the bundle: without comments and spaces, with short names and numbers, and of shaders.ts what
// shaders have in common there once, as no minifier looks into template strings. And short names for what is private to a class.
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

/**
 * The names that a declaration gives away: its own, and those of parameters and variables inside of it. Entry points are known by
 * theirs, and members stand behind a dot.
 */
function names(tokens) {
  const shared = new Set(), local = new Set(), body = tokens.indexOf('{');
  const isFunction = tokens.includes('fn'), isStruct = tokens[0] === 'struct';
  for (const [i, t] of tokens.entries()) {
    if (!word.test(t) || (isStruct && i > 1)) continue;
    const declares = /^(?:fn|let|var|const|alias|struct|override)$/.test(tokens[i - 1]);
    if (isFunction && tokens[i - 1] !== 'fn' && (tokens[i + 1] === ':' || declares)) local.add(t);
    else if ((declares && tokens[0][0] !== '@') || (!isFunction && tokens[i + 1] === ':')) shared.add(t);
  }
  const parameters = new Set([...local].filter((t) => tokens.indexOf(t) < body));
  return { shared, local, parameters };
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
    const isMember = before === '.' || (tokens[0] === 'struct' && tokens[i + 1] === ':');
    return text + (apart ? ' ' : '') + (isMember ? t : rename(t));
  }, '');
}

/** Names that only differ in a number at their end: sum0_1, sum0_2. */
const numbered = /^(\w*?[a-z])((?:_?\d)+)$/;
const letter = (n, base) => String.fromCharCode(base + (n % 26));

/**
 * Gives out short names: plain ones from a list, numbered ones a letter with the number behind it, which no plain name is.
 * `taken` says what must not be given.
 */
function shortener(base, taken) {
  const short = new Map(), series = new Map();
  let plain = 0;
  return (name) => {
    if (short.has(name)) return short.get(name);
    const [, first, number = ''] = numbered.exec(name) ?? [];
    if (first && !series.has(first)) series.set(first, letter(series.size, base) + (series.size < 26 ? '' : letter(Math.floor(series.size / 26) - 1, base)));
    let s = first && series.get(first) + number.replaceAll('_', '');
    while (!s || (!first && taken(s))) {
      s = letter(plain, base) + (plain < 26 ? '' : letter(Math.floor(plain / 26) - 1, 97));
      plain++;
    }
    short.set(name, s);
    return s;
  };
}

/**
 * Each shader's declarations, printed, and the shared names' short ones: one for one name everywhere, so that equal declarations
 * stay equal. Inside of a function names begin with the first letter again, in the order of the text: functions become alike.
 */
function lean(codes, fixed = []) {
  const shaders = codes.map((code) => declarations(code).map((tokens) => ({ tokens, ...names(tokens) })));
  const parts = shaders.flat(), shared = new Map();
  for (const part of parts) for (const t of part.shared) shared.set(t, 0);
  for (const t of [...fixed, 'default']) shared.delete(t);
  const kept = new Set(fixed);
  for (const { tokens } of parts) for (const t of tokens) shared.has(t) ? shared.set(t, shared.get(t) + 1) : kept.add(t);
  const global = shortener(65, (s) => kept.has(s)); // capitals
  for (const [name] of [...shared].sort((a, b) => b[1] - a[1])) global(name);
  const printed = ({ tokens, local, parameters }) => {
    const inner = shortener(97, (s) => tokens.includes(s));
    // What is declared further down may be another's before.
    const isLocal = (t) => local.has(t) && (parameters.has(t) || !shared.has(t));
    return print(tokens, (t) => (fixed.includes(t) ? t : isLocal(t) ? inner(t) : shared.has(t) ? global(t) : t));
  };
  return { short: global, texts: shaders.map((parts) => parts.map(printed)) };
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
  return source.replace(/= per(?:Token|Output)\([^;]*/g, (kernels) => kernels.replace(/\w+(?=: )/g, short));
}

/** Another module, with lean shaders: overrides keep their names, and so do the functions of what is a part of other shaders. */
const leanTemplates = (source) => source.replace(/\/\* wgsl \*\/ `([^`]*)`/g, (_, code) => {
  const fixed = code.match(code.includes('@compute') ? /(?<=override )\w+/g : /(?<=fn )\w+/g) ?? [];
  return `\`${lean([code], fixed).texts[0].join('')}\``;
});

/**
 * Private members of classes by letters, which no member has by itself: TypeScript sees to it that no other module knows them. Those
 * that are parameters of a constructor that does anything, stand behind anything but `this.`, or are public in another class, stay.
 */
function leanMembers(source) {
  const parameters = /constructor\([^)]*\) \{\}/g, parameter = /(?<=[(,]\s*private (?:readonly )?)\w+/g;
  const others = [...source.replace(parameters, '').matchAll(/\{([^=]*)\} = this[,;]|[(,]\s*private (?:readonly )?(\w+)|^  (?:readonly |async |static |get |\*)*(\w+)[(:?!;]|(?<!this[?!]?|\.)\.(\w+)/gm)].join();
  const names = [...source.matchAll(/^  private (?:static |readonly |async |get |\*)*(?!constructor)(\w+)/gm)].map(([, name]) => name)
    .concat((source.match(parameters) ?? []).flatMap((text) => text.match(parameter) ?? []))
    .filter((name) => !RegExp(`\\b${name}\\b`).test(others));
  return names.slice(0, 52).reduce((text, name, i) =>
    text.replace(RegExp(`(?<=this\\.|^  private (?:static |readonly |async |get |\\*)*|[(,]\\s*private (?:readonly )?)${name}\\b`, 'gm'), letter(i, i < 26 ? 97 : 65)), source);
}

/**
 * Properties that modules share and no caller sees, for esbuild's mangleProps. None of them may be in dist/index.d.ts, and no module may
 * use a property of the browser's that has such a name.
 */
export const internalNames = RegExp(`^(?:${[
  'addGenerationPrompt', 'bindGroups', 'bosToken', 'compiled', 'dataOffset', 'dispatchesPerSubmit', 'encodeParts', 'eosToken',
  'halfCache', 'ignoreMerges', 'isHidden', 'keyEnd', 'keyOpen', 'kinds', 'makeSampler', 'nameEnd', 'namePrefix', 'outValue',
  'parseSpecial', 'pipeline', 'planes', 'prefetch', 'quoted', 'ranges', 'remembers', 'sources', 'spacePrefix', 'truncate', 'valueEnd',
].join('|')})$`);

/** For Terser, which makes 3 % less of what esbuild has minified: names for gzip, and functions that are called once in their places. */
export const terserOptions = { ecma: 2020, module: true };

/** For esbuild. */
export const leanShadersPlugin = {
  name: 'lean-shaders',
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      const contents = /shaders\.ts$/.test(path) ? leanShaders(source)
        : /engine\.ts$/.test(path) ? leanEngine(source, readFileSync(path.replace(/engine\.ts$/, 'shaders.ts'), 'utf8')) : leanMembers(leanTemplates(source));
      return { contents, loader: 'ts' };
    });
  },
};
