// lean-shaders.mjs — shaders.ts for the bundle: the same WGSL without comments and spaces, with short names, and with what
// shaders have in common there once. No minifier looks into template strings.
import { readFileSync } from 'node:fs';

// Attributes are one token each: what is in them are no names of the shader's.
const token = /@\w+(?:\([^)]*\))?|[A-Za-z_]\w*|\d[\w.]*(?:[eE][-+]?\d+)?[uifh]?|[-+*/%&|^<>=!]=|&&|\|\||<<|>>|->|\+\+|--|[^\s\w]/g;
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
  return found.slice(0, -1);
}

/** The names that a shader gives away; overrides and the entry point are known by theirs, members stand behind a dot. */
function names(tokens) {
  const own = new Set(), others = new Set(['main', 'default']);
  let struct = false;
  for (const [i, t] of tokens.entries()) {
    struct = t === 'struct' || (struct && t !== '}');
    if (tokens[i - 1] === 'override' || (struct && tokens[i + 1] === ':')) others.add(t);
    else if (word.test(t) && (tokens[i + 1] === ':' || /^(fn|let|var|const|alias|struct)$/.test(tokens[i - 1]))) own.add(t);
  }
  for (const t of others) own.delete(t);
  return own;
}

function print(tokens) {
  return tokens.reduce((text, t, i) => {
    const before = tokens[i - 1] ?? '';
    const apart = (/\w$/.test(before) && /^\w/.test(t)) || (operator.test(before) && operator.test(t));
    return text + (apart ? ' ' : '') + t;
  }, '');
}

/** The module's text for the bundle. */
export function leanShaders(source) {
  const shaders = [...source.matchAll(/export const (\w+) = \/\* wgsl \*\/ `([^`]*)`;/g)]
    .map(([, name, code]) => ({ name, parts: declarations(code) }));
  const uses = new Map(), kept = new Set();
  for (const shader of shaders) {
    const tokens = shader.parts.flat();
    shader.own = names(tokens);
    for (const t of tokens) {
      if (!word.test(t)) continue;
      if (shader.own.has(t)) uses.set(t, (uses.get(t) ?? 0) + 1);
      else kept.add(t);
    }
  }
  // One short name for one name everywhere, so that equal declarations stay equal.
  const short = new Map();
  let n = 0;
  for (const [name] of [...uses].sort((a, b) => b[1] - a[1])) {
    let s;
    do s = String.fromCharCode(97 + (n % 26)) + (n < 26 ? '' : Math.floor(n / 26)), n++; while (kept.has(s));
    short.set(name, s);
  }
  const pieces = new Map(), lines = [];
  for (const { name, parts, own } of shaders) {
    const list = parts.map((tokens) => {
      const text = print(tokens.map((t, i) => (own.has(t) && tokens[i - 1] !== '.' ? short.get(t) : t)));
      if (!pieces.has(text)) pieces.set(text, pieces.size);
      return pieces.get(text);
    });
    lines.push(`export const ${name} = /* @__PURE__ */ shader(${JSON.stringify(list.map((i) => i.toString(36)).join(' '))});`);
  }
  return `const pieces = ${JSON.stringify([...pieces.keys()])};\n` +
    `const shader = (list: string): string => list.split(' ').map((i) => pieces[parseInt(i, 36)]).join('');\n${lines.join('\n')}\n`;
}

/** For esbuild. */
export const leanShadersPlugin = {
  name: 'lean-shaders',
  setup(build) {
    build.onLoad({ filter: /[\\/]shaders\.ts$/ }, ({ path }) => ({ contents: leanShaders(readFileSync(path, 'utf8')), loader: 'ts' }));
  },
};
