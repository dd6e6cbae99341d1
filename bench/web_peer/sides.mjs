// sides.mjs — the two sides of run.mjs, each from nothing to the last token of one answer. Runs in a page and in Node.js.

/** Counts what goes to the GPU, whoever sends it, in the global `counted`. Needs nothing outside of itself: pages run its text. */
export function count() {
  globalThis.counted = { dispatches: 0, submits: 0 };
  for (const [type, method, name] of [[GPUComputePassEncoder, 'dispatchWorkgroups', 'dispatches'], [GPUQueue, 'submit', 'submits']]) {
    const real = type.prototype[method];
    type.prototype[method] = function (...args) {
      counted[name]++;
      return real.apply(this, args);
    };
  }
}

/** Runs `work`; adds to what it gives the largest JavaScript heap seen meanwhile, in MB, where the host tells of it. */
async function withHeap(work) {
  let heap = 0;
  const look = () => { heap = Math.max(heap, globalThis.performance.memory?.usedJSHeapSize ?? 0); };
  const watch = setInterval(look, 20);
  try {
    const result = await work();
    look();
    return { ...result, heapMB: Math.round(heap / 1e6) };
  } finally {
    clearInterval(watch);
  }
}

/** Of moments at which tokens came, and what was counted then: how many, and how fast and dear those behind the first one were. */
function speed(moments, marks) {
  const n = moments.length - 1;
  // The median: some engines send the next token's work before this one is shown.
  const per = (name) => marks.slice(1).map((mark, i) => mark[name] - marks[i][name]).sort((a, b) => a - b)[n >> 1];
  return {
    tokens: moments.length, tokensPerSecond: (n * 1000) / (moments.at(-1) - moments[0]),
    dispatchesPerToken: per('dispatches'), submitsPerToken: per('submits'),
  };
}

/** gemma-webgpu, with a question that makes a prompt of `tokens` tokens. Also gives their ids. */
export function peer({ module, model, tokens, answer }) {
  return withHeap(async () => {
    const { createGemmaEngine } = await import(module);
    const began = performance.now();
    const engine = await createGemmaEngine({ model });
    const loadMs = performance.now() - began;
    const encode = (text) => engine.tokenizer.encode(`<start_of_turn>user\n${text}<end_of_turn>\n<start_of_turn>model\n`);
    let text = '';
    while (encode(text).length < tokens) text += 'abcdefghijklmnopqrstuvwxyz'[text.length % 26];
    engine.addUserMessage(text);
    const asked = performance.now(), moments = [], marks = [];
    for await (const _ of engine.generate({ temperature: 0, repPenalty: 1, maxTokens: answer })) {
      moments.push(performance.now());
      marks.push({ ...globalThis.counted });
    }
    engine.dispose();
    return { loadMs, firstTokenMs: loadMs + moments[0] - asked, ...speed(moments, marks), prompt: encode(text) };
  });
}

/** The exported package, with that prompt. */
export function ours({ module, weights, prompt, answer, activations }) {
  return withHeap(async () => {
    const { loadModel } = await import(module);
    const began = performance.now();
    const model = await loadModel({ early: true, activations, weights });
    const loadMs = performance.now() - began, moments = [], marks = [];
    // A part comes with each token; the last one, with the statistics, may have no text.
    let stats;
    for await (const part of model.generate(prompt, { temperature: 0, maxTokens: answer })) {
      stats = part.stats ?? stats;
      if (part.stats && !part.text) continue;
      moments.push(performance.now());
      marks.push({ ...globalThis.counted });
    }
    model.dispose();
    return { loadMs, firstTokenMs: loadMs + stats.firstTokenMs, ...speed(moments, marks), tokens: stats.tokens, tokensPerSecond: stats.tokensPerSecond };
  });
}
