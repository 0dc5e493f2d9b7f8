// LiquidJS with the settings that Bellwire's templates are compared with.
process.env.TZ = 'UTC';

import { Liquid } from 'liquidjs';

export const NOW = '2024-03-05T14:07:09Z';
Date.now = () => Date.parse(NOW);

const engine = new Liquid({ strictFilters: true, locale: 'en-US', globals: { now: NOW } });

// Bellwire refuses what is no number, as docs/liquid.md says.
for (const name of ['abs', 'ceil', 'floor', 'round', 'plus', 'minus', 'times', 'divided_by', 'modulo', 'at_least', 'at_most', 'to_integer']) {
  const filter = engine.filters[name];
  engine.registerFilter(name, function (...args) {
    const result = filter.apply(this, args);
    if (!Number.isFinite(result)) throw new Error('no number');
    return result;
  });
}

// The largest value that a filter made of the last template, in bytes as Bellwire's budget counts them.
export let largest = 0;
for (const [name, filter] of Object.entries(engine.filters)) {
  if (typeof filter !== 'function') continue;
  engine.registerFilter(name, function (...args) {
    const result = filter.apply(this, args);
    const bytes = Array.isArray(result) ? 16 * result.length : typeof result === 'string' ? Buffer.byteLength(result) : 0;
    largest = Math.max(largest, bytes);
    return result;
  });
}

// What LiquidJS makes of a template; null: an error.
export function expected({ template, variables }) {
  largest = 0;
  try {
    return engine.parseAndRenderSync(template, structuredClone(variables));
  } catch {
    return null;
  }
}
