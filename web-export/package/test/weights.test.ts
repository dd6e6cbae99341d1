import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parseHeader } from '../src/gguf';
import { openGguf } from '../src/gguf_weights';
import { openShards } from '../src/weights';
import { scenarios } from './fault_scenarios';
import { type FaultServer, planesOf, serve, serveScenarios, shard, temporary } from './fault_server';

let server: FaultServer;
before(async () => { server = await serveScenarios(); });
after(() => server.stop());

// With garbage collected all the time: some things are only forgotten then, such as whom a signal of fetch() is to tell
// (Node.js 18).
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
for (const { name, run } of scenarios)
  test(name, async () => {
    const collecting = setInterval(collect, 100);
    await run(server.base).finally(() => clearInterval(collecting));
  });

test('planes of shards and of GGUF are those of the file, for every type there is', async () => {
  const shared = process.env.M2W_SHARED_DIR, quants = join(shared, 'quant');
  const seen = new Set<string>();
  const folder = temporary();
  const models = new Map<string, string>([['f16', join(shared, 'model/tiny-f16.gguf')]]);
  for (const name of readdirSync(quants)) if (name.endsWith('.gguf')) models.set(name, join(quants, name));
  for (const [model, path] of models) shard(path, join(folder, model), '150000');
  const files = await serve(folder);
  try {
    for (const [model, path] of models) {
      const gguf = new Uint8Array(readFileSync(path));
      writeFileSync(join(folder, 'model.gguf'), gguf);
      for (const source of [
        await openShards(`${files.base}/${model}/manifest.json`, { store: false }),
        await openGguf(`${files.base}/model.gguf`, { store: false }),
      ]) {
        assert.deepEqual((await source.headers()).map(({ bytes }) => bytes), [parseHeader(gguf).bytes]);
        for (const [name, { type, bytes: size }] of parseHeader(gguf).tensors) {
          const planes = planesOf(gguf, name);
          let bytes = 0;
          await source.read(name, (offset, part) => {
            assert.ok(Buffer.from(part).equals(planes.subarray(offset, offset + part.length)), `${model} ${name} at ${offset}`);
            bytes += part.length;
          });
          assert.equal(bytes, size, name);
          seen.add(type.name);
        }
      }
    }
  } finally {
    files.stop();
  }
  assert.equal(seen.size, 26, [...seen].join());
});
