// page.ts — the comparison in a browser; activation-match.spec.ts asks for the report.
import { match, type Report } from './match';

declare global {
  interface Window { verify(cache: 'f16' | 'f32'): Promise<Report> }
}

window.verify = (cache) => match(`${location.origin}/`, cache);
