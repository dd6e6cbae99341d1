// serve.mjs — hands out a folder on 127.0.0.1, for tests and a first look. `node tests/serve.mjs` serves the package.
import { createServer } from 'node:http';
import { createReadStream, statSync } from 'node:fs';
import { extname, join, normalize, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const types = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.json': 'application/json',
};

/** Files below `folder`; `extra` are further answers by path: texts, or functions of request and response. Resolves to { url, close() }. */
export function serve(folder, extra = {}, port = 0) {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    if (typeof extra[path] === 'function') return void extra[path](request, response);
    if (extra[path] !== undefined) {
      response.writeHead(200, { 'content-type': types[extname(path)] ?? types['.html'] });
      response.end(extra[path]);
      return;
    }
    const file = join(folder, normalize(path.endsWith('/') ? path + 'index.html' : path));
    let info;
    try { info = statSync(file); } catch { /* not there */ }
    if (!file.startsWith(resolve(folder)) || !info?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    const headers = { 'content-type': types[extname(file)] ?? 'application/octet-stream', 'accept-ranges': 'bytes' };
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const first = range ? Number(range[1]) : 0;
    const last = Math.min(range?.[2] ? Number(range[2]) : Infinity, info.size - 1);
    if (range && first > last) {
      response.writeHead(416, { 'content-range': `bytes */${info.size}` }).end();
      return;
    }
    if (range) headers['content-range'] = `bytes ${first}-${last}/${info.size}`;
    response.writeHead(range ? 206 : 200, { ...headers, 'content-length': last - first + 1 });
    if (last < first) response.end();
    else createReadStream(file, { start: first, end: last, highWaterMark: 1 << 20 }).pipe(response);
  });
  return new Promise((ready) => {
    server.listen(port, '127.0.0.1', () => ready({
      url: `http://127.0.0.1:${server.address().port}`,
      close: () => { server.closeAllConnections?.(); server.close(); },
    }));
  });
}

if (process.argv[1]?.endsWith('serve.mjs')) {
  const { url } = await serve(resolve(fileURLToPath(import.meta.url), '../..'), {}, Number(process.argv[2] ?? 8080));
  console.log(url);
}
