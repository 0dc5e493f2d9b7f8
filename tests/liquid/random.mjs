// Writes templates made from a grammar, with what LiquidJS makes of them: `node random.mjs FILE COUNT SEED`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { variables } from './templates.mjs';
import { expected } from './oracle.mjs';

const [file, count = '5000', seed = String(Date.now() % 1e9)] = process.argv.slice(2);

// mulberry32
let state = Number(seed) >>> 0;
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const pick = (list) => list[Math.floor(random() * list.length)];
const some = (probability) => random() < probability;
const times = (most, make) => Array.from({ length: Math.floor(random() * (most + 1)) }, make);

const names = ['name', 'text', 'numbers', 'words', 'mixed', 'none', 'user', 'items', 'nested', 'zero', 'one', 'two', 'half', 'negative', 'yes', 'no', 'nothing', 'absent', 'empty_text', 'blank_text', 'html', 'x', 'y', 'i', 'n', 'forloop'];
const keys = ['size', 'first', 'last', 'title', 'plan', 'price', 'tags', 'index', 'length', 'type', 'nothing', 'address'];
const literals = ['"a"', "'Ann'", '""', '"a,b,,c"', '"%Y-%m"', '0', '1', '2', '-1', '2.5', '10', '"3"', 'true', 'false', 'nil', 'null', 'empty', 'blank'];
const plain = ['append', 'prepend', 'upcase', 'downcase', 'capitalize', 'strip', 'lstrip', 'rstrip', 'size', 'first', 'last', 'join', 'reverse', 'sort', 'sort_natural', 'uniq', 'compact', 'concat', 'map', 'where', 'reject', 'sum', 'find', 'has', 'find_index', 'split', 'replace', 'replace_first', 'replace_last', 'remove', 'remove_first', 'remove_last', 'truncate', 'truncatewords', 'slice', 'escape', 'escape_once', 'strip_html', 'strip_newlines', 'newline_to_br', 'url_encode', 'default', 'json', 'abs', 'ceil', 'floor', 'round', 'plus', 'minus', 'times', 'divided_by', 'modulo', 'at_least', 'at_most', 'squish', 'push', 'pop', 'shift', 'unshift', 'date', 'number_of_words', 'array_to_sentence_string', 'group_by'];
// How many arguments each usually has; others have some or none.
const two = new Set(['replace', 'replace_first', 'replace_last', 'where', 'reject', 'slice', 'truncate', 'truncatewords', 'find', 'find_index', 'has']);
const one = new Set(['append', 'prepend', 'join', 'concat', 'map', 'split', 'remove', 'remove_first', 'remove_last', 'default', 'plus', 'minus', 'times', 'divided_by', 'modulo', 'at_least', 'at_most', 'push', 'unshift', 'date', 'group_by']);

function path() {
  let text = pick(names);
  for (const _ of times(2, () => 0)) text += some(0.7) ? `.${pick(keys)}` : `[${pick(['0', '1', '-1', '"title"', 'one', 'key'])}]`;
  return text;
}
const value = () => (some(0.6) ? path() : some(0.1) ? `(${pick(['1', 'one', 'zero'])}..${pick(['3', 'two', '5'])})` : pick(literals));
function filter() {
  const name = pick(plain);
  const count = one.has(name) ? 1 : two.has(name) ? (some(0.6) ? 2 : 1) : 0;
  const args = Array.from({ length: count }, () => (['map', 'where', 'reject', 'find', 'has', 'find_index', 'group_by'].includes(name) && some(0.7) ? pick(['"title"', '"type"', '"price"', '"on_sale"']) : value()));
  return name + (args.length ? `: ${args.join(', ')}` : '');
}
const filtered = () => [value(), ...times(3, filter)].join(' | ');
const comparison = () => (some(0.3) ? value() : `${some(0.1) ? 'not ' : ''}${value()} ${pick(['==', '!=', '<', '>', '<=', '>=', 'contains'])} ${value()}`);
const condition = () => [comparison(), ...times(2, () => `${pick(['and', 'or'])} ${comparison()}`)].join(' ');
const open = () => (some(0.2) ? '{%-' : '{%');
const close = () => (some(0.2) ? '-%}' : '%}');
const tag = (text) => `${open()} ${text} ${close()}`;

function node(depth) {
  const kind = depth > 2 ? 0 : Math.floor(random() * 13);
  const body = () => block(depth + 1);
  switch (kind) {
    case 1: return tag(`if ${condition()}`) + body() + (some(0.3) ? tag(`elsif ${condition()}`) + body() : '') + (some(0.4) ? tag('else') + body() : '') + tag('endif');
    case 2: return tag(`unless ${condition()}`) + body() + (some(0.4) ? tag('else') + body() : '') + tag('endunless');
    case 3: return tag(`case ${value()}`) + tag(`when ${value()}${some(0.3) ? `, ${value()}` : ''}`) + body() + (some(0.4) ? tag(`when ${value()} or ${value()}`) + body() : '') + (some(0.5) ? tag('else') + body() : '') + tag('endcase');
    case 4: return tag(`for ${pick(['i', 'n', 'x'])} in ${value()}${some(0.2) ? ' reversed' : ''}${some(0.2) ? ` limit:${pick(['1', '2', 'two'])}` : ''}${some(0.2) ? ` offset:${pick(['1', 'one', 'continue'])}` : ''}`) + body() + (some(0.2) ? tag(pick(['break', 'continue'])) : '') + (some(0.2) ? tag('else') + body() : '') + tag('endfor');
    case 5: return tag(`assign ${pick(['x', 'y', 'i'])} = ${filtered()}`);
    case 6: return tag(`capture ${pick(['x', 'y'])}`) + body() + tag('endcapture');
    case 7: return tag(`${pick(['increment', 'decrement'])} ${pick(['x', 'n', 'two'])}`);
    case 8: return tag(`cycle ${value()}, ${value()}`);
    case 9: return tag(`echo ${filtered()}`);
    case 10: return tag('comment') + body() + tag('endcomment');
    case 11: return `{% liquid\n assign y = ${filtered()}\n if ${condition()}\n echo ${value()}\n endif\n%}`;
    default: return `${some(0.2) ? '{{-' : '{{'} ${filtered()} ${some(0.2) ? '-}}' : '}}'}`;
  }
}
function block(depth) {
  return Array.from({ length: 1 + Math.floor(random() * 3) }, () => (some(0.3) ? pick([' ', 'text', '\n ', ', ']) : '') + node(depth)).join('');
}

// Beyond Bellwire's budget, or a word of the language within a list, which LiquidJS writes as an object.
const differs = (template, result) =>
  result !== null && (result.length > 4000 || (/array_to_sentence_string/.test(template) && /\[object Object\]/.test(result)));

const lines = [];
while (lines.length < Number(count)) {
  const template = block(0);
  const result = expected({ template, variables });
  if (!differs(template, result)) lines.push(JSON.stringify({ template, expected: result }));
}
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, `{"variables": ${JSON.stringify(variables)},\n"cases": [\n${lines.join(',\n')}\n]}\n`);
console.log(`${lines.length} templates, seed ${seed}`);
