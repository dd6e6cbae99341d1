import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openPage } from './chromium';
import { scenarios } from './fault_scenarios';
import { type FaultServer, serveScenarios } from './fault_server';

let server: FaultServer, browser: any, page: any;
before(async () => {
  server = await serveScenarios();
  ({ browser, page } = await openPage(server.base, 'fault_page.ts'));
});
after(async () => {
  await browser?.close();
  server.stop();
});

// A page that hangs is named, and the others still run.
const bound = { timeout: 60_000 };
scenarios.forEach(({ name }, i) =>
  test(name, bound, () => page.evaluate(([i, base]: unknown[]) => (globalThis as any).inPage('run', i, base), [i, server.base])));

for (const where of ['inPage', 'inWorker'])
  for (const kind of ['shards', 'gguf'])
    test(`${kind}: kept by the browser, ${where}`, bound, async () => {
      const call = ([where, ...args]: any[]) => (globalThis as any)[where](...args);
      assert.equal(await page.evaluate(call, [where, 'hasStore']), true);
      const { asked, notes } = await page.evaluate(call, [where, 'twice', kind, server.base]);
      assert.ok(asked[0] > 2 && asked[1] === 1, `${asked}`);
      assert.deepEqual(notes, []);
    });

test('shards: the real quota exceeded', bound, async () => {
  const session = await page.context().newCDPSession(page);
  await session.send('Storage.overrideQuotaForOrigin', { origin: server.base, quotaSize: 500_000 });
  const { asked, notes } = await page.evaluate((base: string) => (globalThis as any).inPage('twice', 'shards', base), server.base);
  assert.ok(asked[1] > 1, `${asked}`);
  assert.ok(notes.length && notes.every((note: string) => /^weights are not kept: (QuotaExceededError|no room)/.test(note)), `${notes}`);
  await session.send('Storage.overrideQuotaForOrigin', { origin: server.base });
});

test('shards: kept by a page that may start no workers', bound, async () => {
  const strict = await openPage(server.base, 'fault_page.ts');
  try {
    await strict.page.evaluate(() => {
      document.head.append(Object.assign(document.createElement('meta'), { httpEquiv: 'Content-Security-Policy', content: 'worker-src \'none\'' }));
    });
    const { asked, notes } = await strict.page.evaluate((base: string) => (globalThis as any).inPage('twice', 'shards', base), server.base);
    assert.ok(asked[0] > 2 && asked[1] === 1, `${asked}`);
    assert.deepEqual(notes, []);
    assert.equal(await strict.page.evaluate(async () => (await (await caches.open('m2w')).keys()).length > 1), true);
  } finally {
    await strict.browser.close();
  }
});
