/** What a mistake is called and what to do about it: one message a mistake, in words that a person can act on. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the very syntax under test
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { load } from '../../../src/load/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcompose-messages-'));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
async function told(text: string, more: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const cwd = join(folder, String(count++));
  for (const [name, content] of Object.entries({ 'compose.yaml': text, ...more })) {
    mkdirSync(dirname(join(cwd, name)), { recursive: true });
    writeFileSync(join(cwd, name), content);
  }
  const { diagnostics } = await load({
    cwd,
    environment: {},
    files: ['compose.yaml'],
    projectName: 'p',
    strict: false,
  });
  return diagnostics
    .filter(({ code }) => !['not-yet', 'refused', 'no-effect', 'unset-variable'].includes(code))
    .map(({ code, summary, at, help }) =>
      [
        `${at?.start.line ?? '-'}:${at?.start.column ?? '-'}`,
        code,
        summary,
        help?.split('\n').at(-1)?.trim() ?? '',
      ].join(' | '),
    );
}

const web = 'services:\n  web:\n    image: a\n';

/** One line of a service, and the one message that it gets. */
const lines: readonly (readonly [string, string])[] = [
  ['attach: 5', '4:13 | wrong-type | service web: attach must be true or false, not the number 5 | '],
  [
    'mem_limit: [1]',
    '4:16 | wrong-type | service web: mem_limit must be a size, such as 64m, not a list | mem_limit: 1',
  ],
  ['cpu_count: 1.5', '4:16 | wrong-type | service web: cpu_count must be a whole number, not the number 1.5 | '],
  ['cap_add: ALL', '4:14 | wrong-type | service web: cap_add must be a list, not a text | - ALL'],
  ['hostname: 5', '4:15 | wrong-type | service web: hostname must be a text, not the number 5 | quote it: "5"'],
  ['hostname: [a]', '4:15 | wrong-type | service web: hostname must be a text, not a list | hostname: a'],
  ['labels: {a: [b]}', '4:17 | wrong-type | service web: labels.a must be a single value, not a list | a: b'],
  [
    'environment: {"": x}',
    '4:19 | bad-value | service web: environment: "" is not a valid name | use letters, digits, dots, dashes and underscores',
  ],
  [
    'container_name: n',
    '4:21 | bad-value | service web: container_name cannot be "n" | use letters, digits, _ . and -; two at least, the first a letter or digit',
  ],
  [
    'storage_opt: {size: [1]}',
    '4:25 | wrong-type | service web: storage_opt.size must be a single value, not a list | size: 1',
  ],
  [
    'ports: [{target: x}]',
    '4:22 | bad-number | service web: ports[0].target: "x" is not a whole number | write digits only, for example 3',
  ],
  [
    'depends_on: {db: {condition: service_started, required: false}}',
    '4:18 | undefined-service | service web refers to service "db", which does not exist | services are: web',
  ],
  ['ports:\n      -80:80', '5:7 | wrong-type | service web: ports must be a list, not a text | - 80:80'],
];

describe('one mistake, one message', () => {
  for (const [line, wanted] of lines)
    test(line, async () => expect(await told(`${web}    ${line}\n`)).toEqual([wanted]));
});

/** A whole file and all that is said about it. */
const files: readonly (readonly [string, string, readonly string[], Readonly<Record<string, string>>?])[] = [
  [
    'a service that is a text',
    'services: {a: nginx}\n',
    ['1:15 | wrong-type | service a must be a mapping, not a text | image: nginx'],
  ],
  [
    'an empty secret',
    `${web}secrets: {s: }\n`,
    ['4:11 | wrong-type | secret s must be a mapping, but is empty | key: value'],
  ],
  [
    'a secret that only a driver knows',
    `${web}secrets: {s: {driver: x}}\n`,
    ['4:14 | missing-key | secret s needs file or environment | file: ./secret.txt'],
  ],
  [
    'a version that is a number',
    `version: 3\n${web}`,
    ['1:10 | wrong-type | version must be a text, not the number 3 | remove it: it has no effect any more'],
  ],
  [
    'a service that extends itself',
    'services:\n  a:\n    extends: a\n',
    ['3:14 | extends-cycle | services extend each other: a → a | remove one of the extends'],
  ],
  [
    'a wrong key of extends',
    `${web}    extends: {servic: b}\n`,
    ['4:15 | unknown-key | service web: extends has no setting "servic" | did you mean "service"?'],
  ],
  [
    'the file to extend is no YAML',
    `${web}    extends: {file: o.yaml, service: b}\n`,
    [
      '1:16 | yaml-syntax | not valid YAML: a { or [ is not closed before the next line of its parent | close it, or indent its lines more',
    ],
    { 'o.yaml': 'services: {b: [}\n' },
  ],
  [
    'an include that is not there',
    `include: [none.yaml]\n${web}`,
    [
      expect.stringMatching(
        /^1:11 \| file-not-found \| cannot read .*none.yaml: it does not exist/,
      ) as unknown as string,
    ],
  ],
  ['a file of nothing but dashes', '---\n', ['1:1 | empty-file | the file is empty | image: nginx']],
  ['an empty mapping', '{}\n', ['1:1 | empty-file | the file is empty | image: nginx']],
  [
    'a wrong time in a service that no profile wants',
    `${web}  b: {image: a, profiles: [p], stop_grace_period: x}\n`,
    [
      '4:51 | bad-duration | service b: stop_grace_period: "x" is not a duration | write a number with a unit: 500ms, 30s, 1m30s, 2h',
    ],
  ],
  [
    'a wrong flag of a network that nobody uses',
    `${web}networks: {n: {internal: maybe}}\n`,
    ['4:26 | wrong-type | network n: internal: "maybe" is not true or false | write true or false'],
  ],
];

describe('files', () => {
  for (const [name, text, wanted, more] of files)
    test(name, async () => expect(await told(text, more)).toEqual(wanted));
});

/** What the YAML parser says in its own terms is said in plain ones. */
const yaml: readonly (readonly [string, string])[] = [
  ['services:\n  a\n    image: x\n', 'this line has no ":" | write KEY: value, or indent what is below it as text'],
  ['services:\n  a:\n    image: a: b\n', 'one line has two ": " | quote a value that holds ": "'],
  ['services:\n  a:\n    image: @x\n', 'a value cannot begin with @ or ` | quote it'],
  ['services:\n  a:\n    command: *\n', 'a value cannot begin with *: that is an alias | quote it: "*"'],
  [
    'services:\n  a:\n    image: x\n   command: y\n',
    'this line is not in line with its neighbours | line the key up with its neighbours',
  ],
  [
    'services:\n  a:\n    environment:\n      A: b\n      - C=d\n',
    'a list item stands among the keys of a mapping | write all as KEY: value, or all as items',
  ],
];

describe('YAML that is none', () => {
  for (const [text, wanted] of yaml)
    test(wanted, async () =>
      expect((await told(text)).map((line) => line.replace(/.*not valid YAML: /, ''))).toEqual([wanted]),
    );
});
