// demo.spec.ts — index.html in a headless browser: an answer is streamed, and goes on behind a lost device where it was.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test from 'node:test';
import { withPage } from './browser';

test('the page answers, also when the device is lost', { timeout: 600_000 }, () => withPage('/index.html', async (page) => {
  assert.ok(existsSync('dist/index.js'), 'run npm run build first');
  const answer = () => page.evaluate(() => [...document.querySelectorAll('.assistant')].map((p) => p.textContent).join('\n')) as Promise<string>;
  const shown = (id: string) => page.waitForSelector(`#${id}`, { state: 'visible' });
  await page.waitForFunction(() => document.getElementById('status')!.textContent === 'Ready');
  await page.fill('#text', 'Hello! What can you do?');
  await page.press('#text', 'Enter');
  await page.waitForFunction(() => (document.querySelector('.assistant')?.textContent ?? '').length > 10);
  await page.evaluate(() => (window as unknown as { devices: GPUDevice[] }).devices.forEach((device) => device.destroy()));
  await shown('restart');
  const begun = await answer();
  await page.click('#restart');
  await shown('send');
  const whole = await answer();
  assert.ok(whole.startsWith(begun) && !whole.includes('\n'), `${begun} | ${whole}`);
  assert.match(await page.textContent('#status'), /tokens a second|first token/);

  // A question that cannot be answered is taken back, and does not stand in the way of the next one.
  await page.fill('#text', 'word '.repeat(20_000));
  await page.press('#text', 'Enter');
  await page.waitForSelector('[role=alert]', { state: 'visible' });
  await shown('send');
  assert.match(await page.inputValue('#text'), /^word/);
  assert.equal(await page.evaluate(() => document.querySelectorAll('.user').length), 1);
  await page.fill('#text', 'And now?');
  await page.press('#text', 'Enter');
  await page.waitForFunction(() => document.querySelectorAll('.assistant').length === 2);
}));
