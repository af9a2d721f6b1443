/** The quick YAML reader may refuse anything, but what it accepts it reads exactly as the full parser does. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the very syntax under test
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeFindings } from '../../../src/load/findings.ts';
import { parseYamlFully } from '../../../src/load/full-yaml.ts';
import { quickYaml } from '../../../src/load/quick-yaml.ts';
import type { SpecNode } from '../../../src/load/tree.ts';
import { configFiles } from '../../bench/config-files.mjs';

/** Values and where they begin; ends differ for collections, and nothing depends on them. */
function outline(node: SpecNode): unknown {
  const at = node.mark.start;
  if (node.kind === 'scalar') return node.value === null ? [null] : [at, node.value, node.raw];
  if (node.kind === 'list') return node.items.map(outline);
  return [...node.entries].map(([key, entry]) => [key, entry.key.start, entry.key.end, outline(entry.value)]);
}

/** As it is and with the line ends of Windows. */
function compare(text: string): boolean {
  const isQuick = compareLines(text);
  expect(compareLines(text.replaceAll('\n', '\r\n')), JSON.stringify(text)).toBe(isQuick);
  return isQuick;
}

function compareLines(text: string): boolean {
  const source = { file: 'compose.yaml', text };
  const found = makeFindings();
  const quick = quickYaml(source, found);
  if (quick === undefined) expect(found.sorted()).toEqual([]);
  if (quick === undefined) return false;
  const findings = makeFindings();
  const full = parseYamlFully(source, findings);
  expect(findings.sorted(), JSON.stringify(text)).toEqual(found.sorted());
  expect(full.map(outline), JSON.stringify(text)).toEqual([outline(quick)]);
  return true;
}

const tokens = fc.constantFrom(
  ...[
    'a',
    'b: ',
    'key:',
    'key: v',
    '- ',
    '- x',
    '-',
    ': ',
    ' ',
    '  ',
    '    ',
    '\n',
    '\n',
    '\n  ',
    '\n    ',
    '\n- ',
    '\n  - ',
  ],
  ...[
    '"q"',
    "'s'",
    '"a\\n"',
    "'it''s'",
    '[',
    ']',
    '{',
    '}',
    ', ',
    '[a, b]',
    '{a: b}',
    '# c',
    ' # c',
    '#',
    '|',
    '|-',
    '|+',
    '> ',
  ],
  ...[
    '&a ',
    '*a',
    '!reset ',
    '<<: ',
    '? ',
    '1',
    '0440',
    '1.5',
    'true',
    'null',
    '~',
    '---',
    '...',
    '%',
    '\t',
    '"',
    "'",
    '\\',
    'é',
  ],
  ...[
    'x: |\n    line\n\n    more\n',
    'l: [1, "2", c d]',
    'm: {a: 1, "b": x}',
    'http://x:80/y',
    'a:b',
    '22:22',
    '@',
    '`',
    '10:20:30',
  ],
);

test('a soup of YAML tokens is read as by the full parser, or not at all', () => {
  fc.assert(
    fc.property(fc.array(tokens, { maxLength: 14 }), (parts) => {
      compare(parts.join(''));
    }),
    { seed: 20260, numRuns: 6000, interruptAfterTimeLimit: 4000 },
  );
});

const word = fc.constantFrom('web', 'image', 'x-y', 'a.b', '"quoted"', "'single'", 'with space', 'port', '<<');
const value = fc.constantFrom(
  ...[
    'nginx:1.27',
    '"8080:80"',
    "'it''s'",
    '80',
    '0440',
    'true',
    '',
    '"a # b"',
    'a #b',
    'a # comment',
    '[a, "b", 3]',
    '{a: 1, b: [x]}',
  ],
  ...[
    '[]',
    '{}',
    '-1',
    '~',
    '"tab\\t"',
    '"over \\\n@@two"',
    '|\n@@one\n@@  two\n',
    '|-\n@@one\n\n@@two',
    '>\n@@one\n@@two\n',
    '>-\n@@one\n@@two',
    '>\n@@one\n@@ two\n',
    '>-\n@@one\n\n@@two\n\n',
    '[a,\n@@b]',
    '${A:-b}',
    'a, b',
    '*',
    '1e3',
    '.5',
    '-',
    '>x',
  ],
  ...['&n', '&n', '*n', '*n', '&n v', '&n [a, b]', '&m {a: 1}', '*m', '[*n, *m]', '{a: *n, b: }', '&n # c', '*n # c'],
);
const lines = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.boolean(), word, value), {
  minLength: 1,
  maxLength: 8,
});

test('documents that look like Compose files are read as by the full parser, and most of them quickly', () => {
  let quick = 0;
  let all = 0;
  fc.assert(
    fc.property(lines, (parts) => {
      const text = parts
        .map(([depth, dash, key, content]) => {
          const indent = '  '.repeat(depth);
          return `${indent}${dash ? '- ' : ''}${key}: ${content.replaceAll('@@', `${indent}      `)}`;
        })
        .join('\n');
      all += 1;
      if (compare(`${text}\n`)) quick += 1;
    }),
    { seed: 20261, numRuns: 4000, interruptAfterTimeLimit: 4000 },
  );
  expect(quick).toBeGreaterThan(all / 20);
});

test('anchors, aliases and merge keys are read quickly', () => {
  expect(
    compare(`x-a: &a
  image: nginx
  labels: &labels {a: "1", b: }
x-b: &b
- one
- &two two
x-c: &c
  <<: *a
  command: *b # again
services:
  web:
    <<: [*c, *a]
    labels: {<<: x}
  db: *c
`),
  ).toBe(false);
  expect(
    compare(`x-a: &a
  image: nginx
  labels: &labels {a: "1", b: }
x-b: &b
- one
- &two two
- *two
x-c: &c
  <<: *a
  command: *b # again
services:
  web:
    hostname: h
    <<: [*c, *a]
    labels: *labels
    command: [*two, x]
  db: *c
`),
  ).toBe(true);
});

test('an ordinary file is read by the quick reader', () => {
  const text = `# a shop
---
name: shop
services:
  web:
    image: "nginx:1.27" # newest
    command: ["nginx", '-g', "daemon off;"]
    ports:
    - 8080:80
    - target: 443
      published: "8443"
    environment: {A: 1, B: "two"}
    healthcheck:
      test: |
        curl -f http://localhost \\
          || exit 1
      interval: 30s
    entrypoint: >-
      sh -c
      'exec "$$@"'

volumes:
  data:
`;
  expect(compare(text)).toBe(true);
});

test.each(Object.entries(configFiles(5)))('what the bench reads, %s, is read by the quick reader', (_, text) => {
  expect(compare(text)).toBe(true);
});
