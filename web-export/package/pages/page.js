// page.js — the demo: loads the model, keeps one conversation, shows how it goes. Everything that computes is in dist/.
import { facts, loadModel } from './dist/index.js';

const at = (id) => document.getElementById(id);
const [log, text, send, stop, fresh, restart, bar, status] =
  ['log', 'text', 'send', 'stop', 'fresh', 'restart', 'bar', 'status'].map(at);
const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0);

const rounded = document.querySelector('#rounded input');
rounded.checked = location.search === '?activations=int8';
at('rounded').hidden = !facts.int8;

let model;
let messages = [];
let running;  // AbortController of the answer that is being written
let cut;  // what there is of an answer that a lost device has cut off
const ends = { length: 'cut at its longest', 'context-full': 'the context is full: start a new chat', aborted: 'stopped' };

function line(role, content = '') {
  const p = document.createElement('p');
  p.className = role;
  const span = document.createElement('span');
  span.textContent = content;
  p.append(span);
  const near = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  log.append(p);
  if (near) log.scrollTop = log.scrollHeight;
  return span;
}

/** A folded part of the log for what the model thinks. */
function reasoning() {
  const details = document.createElement('details'), summary = document.createElement('summary'), span = document.createElement('span');
  summary.textContent = 'Reasoning';
  details.append(summary, span);
  log.append(details);
  return span;
}

function fail(error) {
  bar.hidden = true;
  line('error', error?.message ?? String(error)).parentElement.setAttribute('role', 'alert');
  const lost = error?.code === 'device-lost';
  restart.hidden = !lost;
  send.hidden = lost;
  status.textContent = lost ? 'The graphics device went away. Your conversation is kept.' : '';
}

function progress({ stage, bytesDone = 0, bytesTotal = 0, layer, layers, bytesPerS }) {
  bar.hidden = stage === 'ready';
  bar.value = bytesTotal ? bytesDone / bytesTotal : 0;
  if (running) return;
  const parts = [stage];
  if (layers) parts.push(`layer ${layer} of ${layers}`);
  if (bytesTotal) parts.push(`${megabytes(bytesDone)} of ${megabytes(bytesTotal)} MB`);
  if (bytesPerS) parts.push(`${megabytes(bytesPerS)} MB/s`);
  status.textContent = parts.join(' · ');
}

/** Says Ready once the last weight is there. Questions need not wait for it. */
async function settle() {
  try {
    await model.loaded;
    if (!running) status.textContent = 'Ready';
  } catch (error) {
    if (!running) fail(error);  // else the answer says it
  }
}

async function load() {
  try {
    model = await loadModel({ progress, early: true, activations: rounded.checked ? 'int8' : 'f32' });
    send.disabled = fresh.disabled = false;
    await settle();
  } catch (error) {
    fail(error);
  }
}

/** Templates want questions and answers in turn: without an answer the question goes back into the box. */
function takeBack(talk) {
  const { content } = talk.pop();
  if (talk !== messages) return;
  [...log.querySelectorAll('.user')].at(-1)?.remove();
  text.value ||= content;
}

/** Shows an answer while it comes: a new one, or the rest of one that a lost device has cut off. */
async function answer(rest) {
  running = new AbortController();
  const { signal } = running, talk = messages, begin = performance.now();
  send.hidden = true;
  stop.hidden = false;
  let thought, span, said = '', first, parts = 0, finish;
  if (rest) ({ span, said } = rest);
  try {
    for await (const part of rest ? model.resume({ signal }) : model.chat(talk, { signal })) {
      finish = part.finish;
      if (talk !== messages) continue;  // a new chat was begun
      const near = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
      if (part.reasoning) {
        thought ??= reasoning();
        thought.textContent += part.reasoning;
      }
      if (part.call) said += `${part.call.function.name}(${JSON.stringify(part.call.function.arguments)})\n`;
      said += part.text;
      if (said) (span ??= line('assistant')).textContent = said;
      if (near) log.scrollTop = log.scrollHeight;
      first ??= performance.now();
      const seconds = (performance.now() - first) / 1000, speed = part.stats?.tokensPerSecond ?? parts++ / seconds;
      status.textContent = [`first token in ${(first - begin).toFixed(0)} ms`, speed > 0 && speed < 1e4 && `${speed.toFixed(1)} tokens a second`,
        ends[part.finish]].filter(Boolean).join(' · ');
    }
    if (!said && finish === 'aborted') takeBack(talk);
    else talk.push({ role: 'assistant', content: said });
  } catch (error) {
    if (error?.code === 'device-lost') cut = talk === messages ? { span, said } : undefined;
    else if (said) talk.push({ role: 'assistant', content: said });
    else takeBack(talk);
    fail(error);
  }
  running = undefined;
  stop.hidden = true;
  if (restart.hidden) send.hidden = false;
  text.focus();
}

at('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const content = text.value.trim();
  if (!content || !model || running || !restart.hidden) return;
  at('hello')?.remove();
  text.value = '';
  text.style.height = '';
  messages.push({ role: 'user', content });
  line('user', content);
  answer();
});
text.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    at('form').requestSubmit();
  }
});
text.addEventListener('input', () => {
  text.style.height = '';
  text.style.height = `${text.scrollHeight}px`;
});
addEventListener('keydown', (event) => {
  if (event.key === 'Escape') running?.abort();
});
stop.addEventListener('click', () => running?.abort());
fresh.addEventListener('click', () => {
  running?.abort();
  cut = undefined;
  messages = [];
  log.replaceChildren();
  status.textContent = 'Ready';
  text.focus();
});
restart.addEventListener('click', async () => {
  restart.hidden = true;
  try {
    await model.restart();
    const rest = cut;
    cut = undefined;
    if (rest) return await answer(rest);
    send.hidden = false;
    await settle();
  } catch (error) {
    fail(error);
    restart.hidden = false;  // whatever it was: there is no device
    send.hidden = true;
  }
});

rounded.addEventListener('change', () => { location.search = rounded.checked ? '?activations=int8' : ''; });

load();
