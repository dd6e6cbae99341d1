// page.js — the demo: loads the model, keeps one conversation, shows how it goes. Everything that computes is in dist/.
import { loadModel } from './dist/index.js';

const at = (id) => document.getElementById(id);
const [log, text, send, stop, fresh, restart, bar, status] =
  ['log', 'text', 'send', 'stop', 'fresh', 'restart', 'bar', 'status'].map(at);
const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0);

let model;
let messages = [];
let running;  // AbortController of the answer that is being written

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

function fail(error) {
  line('error', error?.message ?? String(error)).parentElement.setAttribute('role', 'alert');
  const lost = error?.code === 'device-lost';
  restart.hidden = !lost;
  send.hidden = lost;
  status.textContent = lost ? 'The graphics device went away. Your conversation is kept.' : '';
}

function progress({ stage, bytesDone = 0, bytesTotal = 0, layer, layers, bytesPerS }) {
  bar.hidden = false;
  bar.value = bytesTotal ? bytesDone / bytesTotal : 0;
  const parts = [stage];
  if (layers) parts.push(`layer ${layer} of ${layers}`);
  if (bytesTotal) parts.push(`${megabytes(bytesDone)} of ${megabytes(bytesTotal)} MB`);
  if (bytesPerS) parts.push(`${megabytes(bytesPerS)} MB/s`);
  status.textContent = parts.join(' · ');
}

async function load() {
  try {
    model = await loadModel({ progress });
    status.textContent = 'Ready';
    send.disabled = fresh.disabled = false;
  } catch (error) {
    fail(error);
  }
  bar.hidden = true;
}

async function answer() {
  running = new AbortController();
  send.hidden = true;
  stop.hidden = false;
  const span = line('assistant');
  const begin = performance.now();
  let first, tokens = 0, content = '';
  try {
    for await (const part of model.chat(messages, { signal: running.signal })) {
      first ??= performance.now() - begin;
      tokens++;
      const near = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
      content += part.text;
      span.textContent = content;
      if (near) log.scrollTop = log.scrollHeight;
      const seconds = (performance.now() - begin - first) / 1000;
      status.textContent = `first token ${first.toFixed(0)} ms` + (tokens > 1 ? ` · ${((tokens - 1) / seconds).toFixed(1)} tokens/s` : '');
    }
  } catch (error) {
    if (error?.code !== 'aborted') fail(error);
  }
  if (content) messages.push({ role: 'assistant', content });
  running = undefined;
  stop.hidden = true;
  if (restart.hidden) send.hidden = false;
  text.focus();
}

at('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const content = text.value.trim();
  if (!content || !model || running) return;
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
  messages = [];
  log.replaceChildren();
  status.textContent = 'Ready';
  text.focus();
});
restart.addEventListener('click', async () => {
  restart.hidden = true;
  send.hidden = false;
  try {
    await model.restart();
    if (messages.at(-1)?.role === 'user') await answer();
  } catch (error) {
    fail(error);
  }
});

load();
