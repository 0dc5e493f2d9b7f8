// Writes templates made from a grammar, with what LiquidJS makes of them: `node random.mjs FILE COUNT SEED`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { variables } from './templates.mjs';
import { expected, largest } from './oracle.mjs';

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
const plain = ['append', 'prepend', 'upcase', 'downcase', 'capitalize', 'strip', 'lstrip', 'rstrip', 'size', 'first', 'last', 'join', 'reverse', 'sort', 'sort_natural', 'uniq', 'compact', 'concat', 'map', 'where', 'reject', 'sum', 'find', 'has', 'find_index', 'split', 'replace', 'replace_first', 'replace_last', 'remove', 'remove_first', 'remove_last', 'truncate', 'truncatewords', 'slice', 'escape', 'escape_once', 'strip_html', 'strip_newlines', 'newline_to_br', 'url_encode', 'default', 'json', 'abs', 'ceil', 'floor', 'round', 'plus', 'minus', 'times', 'divided_by', 'modulo', 'at_least', 'at_most', 'squish', 'push', 'pop', 'shift', 'unshift', 'date', 'number_of_words', 'array_to_sentence_string', 'group_by', 'normalize_whitespace', 'slugify', 'xml_escape', 'cgi_escape', 'uri_escape', 'url_decode', 'base64_encode', 'base64_decode', 'sha256', 'hmac_sha256', 'to_integer', 'inspect', 'jsonify', 'raw', 'date_to_string', 'date_to_long_string', 'date_to_rfc822', 'date_to_xmlschema', 'where_exp', 'reject_exp', 'find_exp', 'find_index_exp', 'has_exp', 'group_by_exp'];
// How many arguments each usually has; others have some or none.
const two = new Set(['replace', 'replace_first', 'replace_last', 'where', 'reject', 'slice', 'truncate', 'truncatewords', 'find', 'find_index', 'has']);
const one = new Set(['append', 'prepend', 'join', 'concat', 'map', 'split', 'remove', 'remove_first', 'remove_last', 'default', 'plus', 'minus', 'times', 'divided_by', 'modulo', 'at_least', 'at_most', 'push', 'unshift', 'date', 'group_by', 'hmac_sha256']);

function path() {
  let text = pick(names);
  for (const _ of times(2, () => 0)) text += some(0.7) ? `.${pick(keys)}` : `[${pick(['0', '1', '-1', '"title"', 'one', 'key'])}]`;
  return text;
}
const value = () => (some(0.6) ? path() : some(0.1) ? `(${pick(['1', 'one', 'zero'])}..${pick(['3', 'two', '5'])})` : pick(literals));
const expressions = ['"i"', '"i == empty"', '"i.price > 20"', '"i.title | size"', '"i.on_sale | default: blank"', '"i contains one"', '"nil"', '"empty"'];
function filter() {
  const name = pick(plain);
  if (name.endsWith('_exp')) return `${name}: "i", ${some(0.9) ? pick(expressions) : value()}`;
  if (name.startsWith('date_to_') && some(0.5)) return `${name}: "ordinal"${some(0.5) ? ', "US"' : ''}`;
  if (name === 'date' && some(0.5)) return `date: ${pick(['"%s"', '"%A %e %B %Y %I:%M %p"', '"%a %-d/%-m/%y %j %Z%z"', value()])}, ${pick(['"Europe/Tallinn"', '"America/New_York"', '-120', value()])}`;
  if (name === 'default' && some(0.3)) return `default: ${value()}, allow_false: ${value()}`;
  if (['json', 'inspect', 'slugify', 'round', 'number_of_words', 'strip', 'lstrip', 'rstrip', 'array_to_sentence_string', 'sort', 'sort_natural', 'sum'].includes(name) && some(0.4)) return `${name}: ${pick(['1', '2', '"title"', '"price"', '"latin"', '"pretty"', '"ascii"', value()])}`;
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
  const kind = depth > 2 ? 0 : Math.floor(random() * 16);
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
    case 12: return tag(`tablerow ${pick(['i', 'n', 'x'])} in ${value()}${some(0.4) ? ` cols:${pick(['1', '2', 'two'])}` : ''}${some(0.3) ? ` limit:${value()}` : ''}${some(0.3) ? ` offset:${value()}` : ''}`) + body() + (some(0.3) ? `{{ tablerowloop.${pick(['col', 'row', 'col_first', 'col_last', 'index', 'rindex0'])} }}` : '') + tag('endtablerow');
    case 13: return tag('raw') + pick(['{{ name }}', '{% if %}', ' x ']) + tag('endraw');
    case 14: return tag(`# ${pick(['a note', 'if x', '{'])}`);
    default: return `${some(0.2) ? '{{-' : '{{'} ${filtered()} ${some(0.2) ? '-}}' : '}}'}`;
  }
}
function block(depth) {
  return Array.from({ length: 1 + Math.floor(random() * 3) }, () => (some(0.3) ? pick([' ', 'text', '\n ', ', ']) : '') + node(depth)).join('');
}

// Beyond Bellwire's budget, or near: some filters are charged for more than they make.
const isTooLarge = (result) => result !== null && (result.length > 4000 || largest > 8192);

const lines = [];
while (lines.length < Number(count)) {
  const template = block(0);
  const result = expected({ template, variables });
  if (!isTooLarge(result)) lines.push(JSON.stringify({ template, expected: result }));
}
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, `{"variables": ${JSON.stringify(variables)},\n"cases": [\n${lines.join(',\n')}\n]}\n`);
console.log(`${lines.length} templates, seed ${seed}`);
