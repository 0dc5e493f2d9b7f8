// Writes cases.json: templates with what LiquidJS makes of them.
import { writeFileSync } from 'node:fs';
import { cases, variables } from './templates.mjs';
import { expected } from './oracle.mjs';

const lines = cases.map((one) => JSON.stringify({ template: one.template, expected: expected(one) }));
const file = new URL('cases.json', import.meta.url);
writeFileSync(file, `{"variables": ${JSON.stringify(variables)},\n"cases": [\n${lines.join(',\n')}\n]}\n`);
console.log(`${cases.length} templates`);
