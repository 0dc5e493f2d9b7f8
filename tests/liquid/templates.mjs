// The templates that are compared with LiquidJS. Templates of the first list follow examples in the documents of
// services that send messages (Twilio, Braze, OneSignal, Knock, Customer.io, Auth0, Shopify), in our own words.

// Bellwire keeps the names of objects in order.
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]));
}

const variables = sorted({
  name: 'Ann', empty_text: '', blank_text: '  ', zero: 0, one: 1, two: 2, negative: -3, half: 1.5, big: 123456789, yes: true, no: false,
  nothing: null, text: 'The quick brown fox', html: '<b>Bold</b> & "it\'s"', lines: 'a\nb\r\nc', emoji: 'Hi 👋 there', accents: 'Élodie naïve',
  numbers: [3, 1, 2], words: ['pear', 'Apple', 'fig', 'apple'], nested: [[1, 2], [3, null]], none: [], mixed: [1, 'a', null, true, 2.5],
  user: { first_name: 'Ann', plan: 'gold', tags: ['a', 'b'], address: { city: 'Tallinn' }, points: 42 },
  items: [
    { title: 'Shoes', price: 59.9, type: 'a', on_sale: true },
    { title: 'Hat', price: 15, type: 'b', on_sale: false },
    { title: 'Coat', price: 120.5, type: 'a' },
  ],
  date: '2024-03-05T14:07:09Z', 'first name': 'Zoe', key: 'plan', timestamp: 1709647629,
});

const vendors = [
  ["Hello {{ name | default: 'there' }}!"],
  ["Hello {{ absent | default: 'there' }}!"],
  ["Hey {{ user.first_name | default: 'there' }} {{ user.last_name }}, your order is ready."],
  ['Hi {{ user.first_name | default: "there" }}! You have {{ items.size }} items in your cart.'],
  ['{%- assign lang = user.language -%}{% if lang == "es" -%}¡Hola!{%- else -%}Hello!{%- endif %}'],
  ['{% if user.first_name != blank and user.first_name != null %}Hi {{ user.first_name }}{% else %}Hi{% endif %}'],
  ["Come by {{ timestamp | date: '%s' | plus: 259200 | date: '%Y-%m-%d' }}!"],
  ["{% assign due = date | date: '%s' %}{% assign left = due | minus: 1709500000 | divided_by: 86400 | floor %}{{ left }} days left"],
  ['{% assign balance = user.points | plus: 50 %}You now have {{ balance }} points.'],
  ["{% for item in items limit:2 %}{% if item.title contains 'Shoe' %}{{ item.title }} is back. {% endif %}{% endfor %}"],
  ["{% if language == 'en' %}Hi{% elsif language == 'fr' %}Salut{% else %}Hello{% endif %}"],
  ['Hi {{ user.username | default: "Runner" }}, you ran {{ event.distance | default: "?" }} miles'],
  ['{{ date | date: "%-I:%M %p", "America/New_York" }}'],
  ["{% unless user.level == '1' %}Welcome back{% endunless %}"],
  ["{% for item in items %}{{ item.title }}{% unless forloop.last %}, {% endunless %}{% endfor %}"],
];

const made = [
  // Outputs and values.
  'plain text', '{{ name }}', '{{name}}', '{{ "a" }}{{ \'b\' }}', '{{ 1 }} {{ -1 }} {{ 1.50 }} {{ +2 }} {{ 007 }}', '{{ true }} {{ false }} {{ nil }} {{ null }}',
  '{{ empty }}|{{ blank }}', '{{ user.address.city }}', '{{ user["plan"] }}', '{{ user[key] }}', '{{ ["first name"] }}', '{{ numbers[0] }} {{ numbers[-1] }} {{ numbers[9] }}',
  '{{ numbers.first }} {{ numbers.last }} {{ numbers.size }}', '{{ name.size }}', '{{ user.size }}', '{{ user }}', '{{ numbers }}', '{{ nested }}', '{{ mixed }}', '{{ items[1].title }}',
  '{{ user.tags[1] }}', '{{ absent }}', '{{ absent.deeper.still }}', '{{ nothing.deeper }}', '{{ name.nothing }}', '{{ zero.size }}', '{{ (1..3) }}', '{{ (1..one) }}', '{{ (two..5) | join: "-" }}',
  '{{ name name }}', '{{ name , text }}', '{{ name | }}', '{{ "quotes }} inside" }}', "{{ 'it\\'s' }}", '{{ "tab\\there" }}', '{{ "\\u00e9\\101\\x" }}', '{{ name == "Ann" }}', '{{ one and nothing }}', '{{ not yes }}',
  '{{ numbers contains 2 }}', '{{ name contains "nn" }}', '{{ half }} {{ big }} {{ negative }}', '{{ accents }} {{ emoji }}', '{{ user.tags.first.size }}', '{{ text[0] }}{{ text[2] }}', '{{ numbers["0"] }}', '{{ numbers.length }}',
  '{{ (1..3).size }}', '{{ (3..1) | size }}', '{{ "a" "b" }}', '{{ name | upcase | downcase | capitalize }}', '{{ a-b }}', '{{ name? }}', '{{  name  }}', '{{ user.address["city"].size }}', '{{ user . plan }}', '{{ user. plan }}',
  // White space.
  'a {{- name -}} b', 'a {%- if yes -%} b {%- endif -%} c', 'a\n  {%- assign x = 1 %}\n  {{ x -}}\n\n b', '{%- comment -%} x {%- endcomment -%} y', 'a {{- "" }} b {{ "" -}} c', '\n{% if yes %}\nx\n{% endif %}\n', 'x {%- raw -%} y {%- endraw %}', ' {{- name }} ',
  // Conditions.
  '{% if yes %}a{% endif %}', '{% if no %}a{% else %}b{% endif %}', '{% if nothing %}a{% elsif zero %}b{% else %}c{% endif %}', '{% if empty_text %}a{% endif %}', '{% if none %}a{% endif %}', '{% if zero %}a{% endif %}',
  '{% if name == "Ann" and two > 1 %}a{% endif %}', '{% if no and no or yes %}a{% else %}b{% endif %}', '{% if yes or no and no %}a{% else %}b{% endif %}', '{% if one < two %}a{% endif %}{% if two <= 2 %}b{% endif %}{% if "b" > "a" %}c{% endif %}',
  '{% if "10" > 9 %}a{% endif %}{% if "abc" > 9 %}b{% endif %}', '{% if nothing < 1 %}a{% endif %}{% if absent < 1 %}b{% endif %}{% if nil < 1 %}c{% endif %}', '{% if name != blank %}a{% endif %}{% if blank_text == blank %}b{% endif %}', '{% if none == empty %}a{% endif %}{% if empty_text == empty %}b{% endif %}{% if zero == empty %}c{% endif %}',
  '{% if no == blank %}a{% endif %}{% if nothing == blank %}b{% endif %}', '{% if absent == nil %}a{% endif %}{% if nothing == nil %}b{% endif %}{% if absent == nothing %}c{% endif %}', '{% if numbers == numbers %}a{% endif %}{% if user == user %}b{% endif %}{% if none == none %}c{% endif %}', '{% if numbers contains "2" %}a{% endif %}{% if words contains "fig" %}b{% endif %}',
  '{% if absent contains "x" %}a{% else %}b{% endif %}', '{% if text contains "quick" %}a{% endif %}', '{% if user contains "plan" %}a{% else %}b{% endif %}', '{% if not no %}a{% endif %}{% if not yes and yes %}b{% endif %}', '{% if name == name %}a{% endif %}{% if 1 == 1.0 %}b{% endif %}{% if "1" == 1 %}c{% endif %}',
  '{% unless no %}a{% endunless %}', '{% unless yes %}a{% else %}b{% endunless %}', '{% unless yes %}a{% elsif one %}b{% endunless %}', '{% if yes %}{% if no %}a{% else %}b{% endif %}{% endif %}', '{% if one > zero and two > one and half > one %}a{% endif %}',
  '{% case name %}{% when "Ann" %}a{% when "Bob" %}b{% else %}c{% endcase %}', '{% case two %}{% when 1 or 2 %}a{% when 2, 3 %}b{% else %}c{% endcase %}', '{% case absent %}{% when nil %}a{% else %}b{% endcase %}', '{% case user.plan %}\n{% when "silver" %}s\n{% when "gold" %}g\n{% endcase %}',
  '{% case none %}{% when empty %}a{% endcase %}', '{% case name | upcase %}{% when "ANN" %}a{% endcase %}', '{% case one %}x{% when 1 %}a{% endcase %}', '{% if yes %}a{% endif %}{% if user.points >= 42 %}b{% endif %}', '{% if "a" < "B" %}1{% else %}2{% endif %}', '{% if true == yes %}1{% endif %}{% if false == no %}2{% endif %}',
  // Loops.
  '{% for n in numbers %}{{ n }}{% endfor %}', '{% for n in none %}{{ n }}{% else %}empty{% endfor %}', '{% for n in absent %}x{% else %}empty{% endfor %}', '{% for n in (1..5) %}{{ n }}{% if n == 3 %}{% break %}{% endif %}{% endfor %}', '{% for n in (1..5) %}{% if n == 3 %}{% continue %}{% endif %}{{ n }}{% endfor %}',
  '{% for n in numbers reversed %}{{ n }}{% endfor %}', '{% for n in (1..6) limit:2 offset:3 %}{{ n }}{% endfor %}', '{% for n in (1..6) limit: two %}{{ n }}{% endfor %}', '{% for n in (1..6) limit:2 %}{{ n }}{% endfor %}-{% for n in (1..6) offset:continue limit:2 %}{{ n }}{% endfor %}-{% for n in (1..6) offset:continue %}{{ n }}{% endfor %}',
  '{% for n in (1..6) reversed limit:2 %}{{ n }}{% endfor %}', '{% for item in items %}{{ forloop.index }}/{{ forloop.length }} {{ item.title }}{% unless forloop.last %}; {% endunless %}{% endfor %}', '{% for n in numbers %}{{ forloop.index0 }}{{ forloop.rindex }}{{ forloop.rindex0 }}{{ forloop.first }}{{ forloop.last }}{% endfor %}',
  '{% for n in numbers %}{{ forloop }}{% endfor %}', '{% for n in numbers %}{{ forloop.name }}{{ forloop.nothing }}{% endfor %}', '{% for pair in user.address %}{{ pair[0] }}={{ pair[1] }}{% endfor %}', '{% for c in name %}{{ c }}{% endfor %}', '{% for x in 5 %}{{ x }}{% else %}none{% endfor %}',
  '{% for a in (1..2) %}{% for b in (1..2) %}{{ a }}{{ b }} {% endfor %}{{ forloop.index }}{% endfor %}', '{% for n in numbers %}{% assign last = n %}{% endfor %}{{ last }}{{ n }}', '{% for n in (1..3) %}{% for m in (1..3) %}{% if m == 2 %}{% break %}{% endif %}{{ m }}{% endfor %}{{ n }}{% endfor %}',
  '{% for n in nested %}{{ n | join: "+" }};{% endfor %}', '{% for n in (1..3) offset:1 %}{{ n }}{% endfor %}', '{% for n in (1..3) limit:0 %}x{% else %}y{% endfor %}', 'a{% break %}b', 'a{% continue %}b', '{% for n in (1..3) limit:-1 %}{{ n }}{% endfor %}', '{% for n in (1..4) offset:-2 %}{{ n }}{% endfor %}',
  '{% tablerow n in (1..4) cols:2 %}{{ n }}{% endtablerow %}', '{% tablerow n in numbers %}{{ tablerowloop.col }}{{ tablerowloop.row }}{{ tablerowloop.col_last }}{% endtablerow %}', '{% tablerow n in (1..5) cols:2 limit:3 offset:1 %}{{ n }}{% endtablerow %}', '{% tablerow n in none %}x{% endtablerow %}',
  '{% cycle "a", "b" %}{% cycle "a", "b" %}{% cycle "a", "b" %}', '{% for n in (1..4) %}{% cycle "odd", "even" %} {% endfor %}', '{% cycle "g": "a", "b" %}{% cycle "h": "a", "b" %}{% cycle "g": "a", "b" %}', '{% cycle 0, 1 %}{% cycle 0, 1 %}', '{% cycle name, text %}{% cycle name, text %}',
  // Variables.
  '{% assign x = "a" %}{{ x }}', '{% assign x = name | upcase %}{{ x }}', '{% assign name = "Bob" %}{{ name }}', '{% assign x = numbers %}{{ x | sort | join: "," }}', '{% assign x = nil %}[{{ x }}]', '{% assign x = absent %}[{{ x }}]', '{% assign x = one == 1 %}{{ x }}', '{% assign x = "a,b,c" | split: "," %}{{ x[1] }}{{ x.size }}',
  '{% capture x %}Hi {{ name }}{% endcapture %}{{ x }}{{ x }}', '{% capture "y" %}1{% endcapture %}{{ y }}', '{% capture x %}{% for n in numbers %}{{ n }}{% endfor %}{% endcapture %}{{ x | size }}', '{% increment n %}{% increment n %}{{ n }}', '{% decrement n %}{% decrement n %}{{ n }}', '{% assign n = 5 %}{% increment n %}{{ n }}', '{% increment two %}{{ two }}', '{% increment a %}{% decrement a %}{% increment a %}',
  '{% assign x=1 %}{{x}}', '{% assign x = empty %}{% if none == x %}a{% endif %}', '{% assign first-name = "A" %}{{ first-name }}',
  // `nil`, `empty` and `blank` as elements of lists and as arguments, and lists as dates.
  '{% assign x = none | push: nil | push: empty | push: blank %}{{ x }}|{{ x | join }}|{{ x | json }}|{{ x | size }}|{{ x | compact | size }}|{{ x | uniq | size }}|{{ x | sum }}|{{ x | array_to_sentence_string }}|{{ x | map: "size" | join: "," }}',
  '{% assign x = words | push: empty | push: nil %}{{ x | sort | json }}{{ x | sort_natural | json }}{{ x | date: "%Y" }}{{ x | upcase }}', '{% assign x = none | push: empty %}{% if x contains empty %}a{% endif %}{% if x contains "" %}b{% endif %}{% if x == x %}c{% endif %}{% if x > "[" %}d{% endif %}',
  '{{ "a  b" | slugify: "raw" }}|{{ "a - b" | slugify: "raw" }}|{{ "हिन्दी x²y ½ ไทย" | slugify }}|{{ "ٱلْعَرَبِيَّة" | slugify: "pretty" }}',
  '{{ mixed | sort | json }}|{{ "3,a,1" | split: "," | concat: numbers | push: 0 | sort | json }}|{{ words | concat: numbers | concat: mixed | reverse | sort | json }}',
  '{{ 8640000000000 | date: "%Y", -60 }}|{{ -8640000000000 | date: "%Y", 60 }}|{{ 8640000000000 | date: "%Y", "Europe/Tallinn" }}', "{% assign x = 'a\\' %}{{ x }}", "{% assign x = 'a\\n %}[{{ x }}]",
  '{{ no | default: "d", allow_false: false, allow_false: true }}|{{ no | default: "d", allow_false: true, allow_false: false }}', '{% for i in numbers x y: 2 limit: 1 z limit: 2 %}{{ i }}{% endfor %}',
  '{% tablerow i in numbers cols:2 %}{{ tablerowloop.cols }}{% endtablerow %}{% tablerow i in numbers %}{{ tablerowloop["cols"] }}{% endtablerow %}{% for i in numbers %}[{{ forloop.cols }}]{% endfor %}',
  '{{ words | sort: nil | join }}|{{ "abc" | strip: nil }}|{{ numbers | sum: nil }}|{{ numbers | slice: empty, yes | json }}|{{ numbers | slice: "1", 1 | json }}|{{ numbers | slice: "-2", 2 | json }}|{{ text | slice: empty, 2 }}',
  '{{ numbers | group_by_exp: "n", "empty" | size }}{{ nested | group_by_exp: "n", "n" | size }}{{ items | group_by: "absent" | json }}', '{{ words | find_exp: "i", "nil" }}', '{% for n in numbers %}{% assign x = none | push: forloop %}{{ x | join }}{% if forloop == forloop %}a{% endif %}{% endfor %}',
  '{{ numbers | date: "%Y-%m-%d" }}|{{ one | concat: none | date: "%Y" }}|{{ none | date: "%Y" }}|{{ nested | date: "%Y" }}|{{ user | date: "%Y" }}|{{ yes | date: "%s" }}|{{ date | date: "%H %Z", empty }}|{{ date | date: "%H %Z", nil }}|{{ date | date: "%H %Z", blank }}',
  '{% tablerow n in (1..5) offset:"1" limit:2 %}{{ n }}{% endtablerow %}{% tablerow n in (1..5) offset:empty limit:2 %}{{ n }}{% endtablerow %}', '{% for n in (1..9) offset:"1" limit:2 %}{{ n }}{% endfor %}-{% for n in (1..9) offset:continue %}{{ n }}{% endfor %}', '{% for n in (1..9) offset:empty limit:2 %}{{ n }}{% endfor %}-{% for n in (1..9) offset:continue %}{{ n }}{% endfor %}',
  '{{ 1 | date: "%z %:z %H:%M:%S", 2.5 }}|{{ 1 | date: "%z %H:%M:%S", -90 }}|{{ -2208988800 | date: "%z %H:%M:%S", "Europe/Paris" }}|{{ 1 | date: "%z", "Asia/Kolkata" }}|{{ 1 | date: "%z", 1000000 }}',
  '{% for n in (1..2) %}{{ forloop | json: 2 }}{{ forloop | json }}{% endfor %}{% tablerow n in (1..2) cols:1 %}{{ tablerowloop | json: 1 }}{% endtablerow %}', '{{ "5 Jul 12345" | date: "%s %H %z", "America/New_York" }}|{{ 327403382400 | date: "%Y %H", "America/New_York" }}|{{ -377705116800 | date: "%H %z", "UTC" }}',
  // Other tags.
  '{% comment %}{{ name }}{% if %}{% endcomment %}x', '{% # a comment %}x', '{% # one\n # two %}x', '{% raw %}{{ name }}{% if %}{% endraw %}', '{% raw %}{% raw %}{% endraw %}', '{% echo name %}', '{% echo name | upcase %}{% echo %}', '{% liquid\nassign x = 1\nif x == 1\necho "one"\nendif %}',
  '{% liquid\n for n in numbers\n echo n | times: 2\n unless forloop.last\n echo "-"\n endunless\n endfor\n%}', '{% liquid\n # comment\n assign a = name | append: "!"\n\n echo a %}', '{%- liquid\n case name\n when "Ann"\n echo "A"\n else\n echo "B"\n endcase -%}',
  // Errors.
  '{{ name', '{% if yes %}', '{% endif %}', '{% nothing %}', '{{ name | nothing }}', '{{ }}', '{% %}', '{% assign %}', '{% assign x %}', '{% for n %}{% endfor %}', '{% if yes %}{% else %}{% else %}{% endif %}', '{% if yes %}{% else x %}{% endif %}', '{% if a = b %}{% endif %}', '{% raw %}', '{% comment %}', '{{ name | upcase: }}', '{{ name | append }}', '{{ name | append: "a", "b" }}', '{% case x %}', '{{ a[0 }}', '{% capture %}{% endcapture %}', '{% cycle %}', '{{ (1..) }}', '{% # a\n b %}', '{{ name | truncate 3 }}', '{{ name | split: "," : }}', '{{ "%zz" | url_decode }}', '{{ "a" | base64_decode }}', '{{ 0 | date: "%H", "Nowhere/Land" }}',
];

// Every filter with several inputs.
const filters = {
  strings: [
    'append: "!"', 'prepend: ">"', 'upcase', 'downcase', 'capitalize', 'strip', 'lstrip', 'rstrip', 'strip: "ATn"', 'strip_newlines', 'newline_to_br', 'escape', 'escape_once', 'strip_html', 'url_encode', 'cgi_escape', 'uri_escape', 'size', 'split: " " | json', 'split: "" | size', 'replace: "i", "I"', 'replace_first: "i", "I"', 'replace_last: "i", "I"', 'remove: "n"', 'remove_first: "n"', 'remove_last: "n"', 'truncate: 7', 'truncate: 5, "…"', 'truncatewords: 2', 'truncatewords: 1, ""', 'slice: 1', 'slice: 1, 3', 'slice: -3, 2', 'first', 'last', 'json', 'squish', 'normalize_whitespace', 'number_of_words', 'base64_encode', 'sha256', 'default: "d"', 'reverse', 'join: "-"', 'plus: 1', 'date: "%Y"', 'slugify', 'xml_escape', 'raw', 'hmac_sha256: "k"',
  ],
  numbers: ['abs', 'ceil', 'floor', 'round', 'round: 1', 'plus: 2', 'minus: 2.5', 'times: 3', 'divided_by: 2', 'divided_by: 2, true', 'modulo: 4', 'at_least: 2', 'at_most: 2', 'append: "x"', 'json', 'to_integer', 'date: "%H:%M:%S"'],
  arrays: ['size', 'first', 'last', 'join', 'join: ", "', 'reverse | join', 'sort | join', 'sort_natural | join', 'uniq | join', 'compact | join', 'concat: none | join', 'map: "size" | json', 'sum', 'push: 9 | json', 'pop | json', 'shift | json', 'unshift: 0 | json', 'slice: 1, 2 | json', 'array_to_sentence_string', 'json', 'json: 2', 'inspect', 'default: "d"', 'upcase', 'where: "x" | size', 'has: "x"'],
  objects: ['map: "title" | join', 'where: "type", "a" | map: "title" | join', 'where: "on_sale" | map: "title" | join', 'reject: "type", "a" | map: "title" | join', 'sort: "price" | map: "title" | join', 'sort: "on_sale" | map: "title" | join', 'sum: "price"', 'find: "title", "Hat" | map: "price"', 'find_index: "title", "Hat"', 'has: "type", "z"', 'group_by: "type" | map: "name" | join', 'where_exp: "i", "i.price > 20" | map: "title" | join', 'reject_exp: "i", "i.price > 20" | map: "title" | join', 'find_exp: "i", "i.price > 100" | map: "title"', 'group_by_exp: "i", "i.price | round" | map: "name" | join', 'has_exp: "i", "i.on_sale == false"', 'find_index_exp: "i", "i.type == \'b\'"', 'map: "absent" | compact | size'],
};
const inputs = {
  strings: ['text', 'html', 'lines', 'emoji', 'nothing', 'numbers'],
  numbers: ['half', 'negative', 'zero', '"3.7"', 'absent', '"x"'],
  arrays: ['numbers', 'words', 'mixed', 'none', 'name', 'nested'],
  objects: ['items'],
};
const dates = [
  ...['%a %A %b %B %h', '%c', '%x %X', '%C %d %e %H %I', '%j %k %l %L', '%m %M %N %3N', '%p %P %q', '%s %S %u %U', '%w %W %y %Y', '%z %:z %Z', '%t|%n|%%', '%-d/%-m', '%_d %05d %^a %#p', '%Q %i', '%10Y', '%', '%-', ''].map((format) => `{{ date | date: "${format}" }}`),
  ...['2024-03-05', '2024-03-05 10:00', 'March 14, 2016', '14 Mar 2016', 'Mon, 14 Mar 2016 10:00:00 +0200', '2016/03/14', '3/14/2016', '1/2/99', '2016-03', '10:00 PM, March 1 2020', '2016-03-14T10:00:00+02:00', '2024-02-30', 'hello', '10:00', '12/25', '1709647629'].map((text) => `{{ "${text}" | date: "%Y-%m-%d %H:%M:%S" }}`),
  '{{ timestamp | date }}', '{{ date | date: "%H:%M %z %Z", "Europe/Tallinn" }}', '{{ date | date: "%H:%M %z", 330 }}', '{{ "2024-07-05T12:00:00Z" | date: "%H:%M %z", "America/New_York" }}', '{{ date | date_to_xmlschema }}', '{{ date | date_to_rfc822 }}', '{{ date | date_to_string }}', '{{ date | date_to_long_string: "ordinal", "US" }}', '{{ date | date_to_string: "ordinal" }}', '{{ now | date: "%Y-%m-%d %H:%M" }}', '{{ "now" | date: "%Y-%m-%d" }}', '{{ "today" | date: "%s" }}', '{{ nothing | date: "%Y" }}', '{{ user | date: "%Y" }}', '{{ yes | date: "%Y" }}',
];

export const cases = [
  ...vendors.map(([template]) => template),
  ...made,
  ...Object.keys(filters).flatMap((kind) => filters[kind].flatMap((filter) => inputs[kind].map((input) => `{{ ${input} | ${filter} }}`))),
  ...dates,
].filter((template) => !template.startsWith('{{ emoji | split: ""')).map((template) => ({ template, variables }));
export { variables };
