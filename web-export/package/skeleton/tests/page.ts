// page.ts — what the specs call in a browser.
import { match } from './match';
import { answers } from './answers';

Object.assign(window, {
  verify: (cache: 'f16' | 'f32') => match(`${location.origin}/`, cache),
  answers: () => answers(`${location.origin}/`),
});
