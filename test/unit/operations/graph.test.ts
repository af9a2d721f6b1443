/** Pictures stay well-formed whatever things are called, and big ones stay readable. */
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { asciiOf } from '../../../src/operations/graph/ascii.ts';
import { dotOf } from '../../../src/operations/graph/dot.ts';
import { layout } from '../../../src/operations/graph/layout.ts';
import { mermaidOf } from '../../../src/operations/graph/mermaid.ts';
import {
  depths,
  type Graph,
  type GraphEdge,
  type GraphNode,
  tame,
  widthOf,
} from '../../../src/operations/graph/model.ts';
import { svgOf } from '../../../src/operations/graph/svg.ts';

const HOSTILE = [
  '</text><script>alert(1)</script>',
  `"];n9[label="x`,
  'a\\',
  '\\"quoted\\N\\G',
  '&amp;&#x41;]]>',
  'end',
  '"]:::x; click n0 "javascript:alert(1)"',
  '`**bold**`',
  '- list',
  '1. list',
  'line\nbreak\r\u2028x',
  '\u202egnp.exe',
  '\u0000\u001b[31mred\u0007',
  '\ud800lone',
  '日本語の名前',
  '💥',
  '%%{init: {}}%%',
  "it's",
  '<!--',
  'x'.repeat(300),
];
const random = (seed: number) => () => {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
  return seed / 2 ** 32;
};

function hostileGraph(seed: number): Graph {
  const next = random(seed);
  const pick = <T>(all: readonly T[]): T => all[Math.floor(next() * all.length)]!;
  // As build.ts makes texts: cut and without control characters.
  const text = () => tame(pick(HOSTILE) + pick(HOSTILE));
  const changes = [undefined, 'create', 'update', 'recreate', 'remove'] as const;
  const nodes = Array.from({ length: 2 + Math.floor(next() * 9) }, (_, i): GraphNode => {
    const change = pick(changes);
    return {
      id: `${i} ${pick(HOSTILE)}`,
      kind: pick(['port', 'service', 'network', 'volume'] as const),
      label: text(),
      details: next() < 0.5 ? [] : [text(), text()],
      ...(change && { change }),
    };
  });
  const edges = Array.from({ length: 12 }, (): GraphEdge => {
    const change = pick(changes);
    return {
      from: pick(nodes).id,
      to: pick(nodes).id,
      kind: pick(['publish', 'needs', 'link', 'network', 'volume'] as const),
      label: next() < 0.5 ? '' : text(),
      ...(change && { change }),
    };
  });
  return { project: pick(HOSTILE), of: pick(['live', 'file', 'plan'] as const), nodes, edges };
}
const graphs = Array.from({ length: 200 }, (_, seed) => hostileGraph(seed + 1));

/** Elements that are closed in order, attributes in quotes, nothing unescaped (XML 1.0, 2.1). Returns the names of elements. */
function xmlElements(text: string): readonly string[] {
  const open: string[] = [];
  const names: string[] = [];
  let rest = text;
  while (rest !== '') {
    const tag = /^<(\/?)([a-zA-Z]+)((?: [a-zA-Z-]+="[^"<&]*")*)(\/?)>/.exec(rest);
    if (tag) {
      const [all, closing, name = '', , alone] = tag;
      if (closing) expect(open.pop()).toBe(name);
      else names.push(name);
      if (!closing && !alone) open.push(name);
      rest = rest.slice(all.length);
    } else {
      const words = /^(?:[^<&]|&#\d+;)+/.exec(rest);
      if (words === null) throw new Error(`not XML: ${rest.slice(0, 80)}`);
      rest = rest.slice(words[0].length);
    }
  }
  expect(open).toEqual([]);
  expect(text).not.toMatch(
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udfff](?<![\ud800-\udbff][\udc00-\udfff])(?![\udc00-\udfff])/,
  );
  return names;
}

describe('with hostile names', () => {
  test('SVG is XML with the elements that were meant, and loads nothing', () => {
    const known = new Set(['svg', 'title', 'style', 'defs', 'marker', 'path', 'rect', 'text', 'tspan', 'g']);
    for (const graph of graphs) {
      const text = svgOf(graph);
      expect([...new Set(xmlElements(text))].filter((name) => !known.has(name))).toEqual([]);
      expect(text).not.toMatch(/\b(href|src)=|url\((?!#tip\))|@import|@font-face/);
    }
  });

  test('dot has one statement a node and an edge, every text in quotes', () => {
    const STRING = String.raw`"(?:[^"\\\n]|\\.)*"`;
    const attributes = String.raw`\[label=${STRING}(?:, \w+=(?:\w+|"[^"\\]*"))*\]`;
    const line = new RegExp(String.raw`^  n\d+ (?:-> n\d+ )?${attributes};$`);
    for (const graph of graphs) {
      const lines = dotOf(graph).split('\n');
      expect(lines[0]).toMatch(new RegExp(`^digraph ${STRING} \\{$`));
      const statements = lines.slice(4, -2);
      expect(statements).toHaveLength(graph.nodes.length + graph.edges.length);
      for (const statement of statements) expect(statement).toMatch(line);
    }
  });

  test('Graphviz draws it as many nodes and edges as there are', (ctx) => {
    if (spawnSync('dot', ['-V']).error !== undefined) ctx.skip('needs graphviz (dot)');
    for (const graph of graphs.slice(0, 12)) {
      const drawn = execFileSync('dot', ['-Tsvg'], {
        input: dotOf(graph),
        encoding: 'utf8',
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      expect(drawn.match(/class="node"/g) ?? []).toHaveLength(graph.nodes.length);
      expect(drawn.match(/class="edge"/g) ?? []).toHaveLength(graph.edges.length);
      expect(drawn).not.toMatch(/<script/);
    }
  });

  test('Mermaid has one line a node and an edge, and only harmless characters in texts', () => {
    const TEXT = String.raw`"(?:[\p{L}\p{N} .,:/@()_-]|#\d+;|<br/>)*"`;
    const node = new RegExp(
      String.raw`^  n\d+(?:>${TEXT}\]|\[${TEXT}\]|\(\[${TEXT}\]\)|\[\(${TEXT}\)\])(?::::\w+)?$`,
      'u',
    );
    const edge = new RegExp(String.raw`^  n\d+ (?:==>|-->|-\.->|---|-\.-)(?:\|${TEXT}\|)? n\d+$`, 'u');
    for (const graph of graphs) {
      const lines = mermaidOf(graph).split('\n');
      const { nodes, edges } = graph;
      for (const one of lines.slice(1, 1 + nodes.length)) expect(one).toMatch(node);
      for (const one of lines.slice(1 + nodes.length, 1 + nodes.length + edges.length)) expect(one).toMatch(edge);
      for (const one of lines.slice(1 + nodes.length + edges.length, -1))
        expect(one).toMatch(/^ {2}(classDef|linkStyle) \w+ [\w:#,-]+$/);
    }
  });

  test('text fits 80 columns and has no control characters', () => {
    for (const graph of graphs) {
      const text = asciiOf(graph);
      expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      for (const line of text.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(80);
    }
  });
});

describe('a large project', () => {
  const services = Array.from(
    { length: 50 },
    (_, i): GraphNode => ({ id: `service s${i}`, kind: 'service', label: `s${i}`, details: ['image', 'running'] }),
  );
  const nodes = [...services, { id: 'network n', kind: 'network' as const, label: 'n', details: [] }];
  const edges = services.flatMap(({ id }, i): GraphEdge[] => [
    { from: id, to: 'network n', kind: 'network', label: '' },
    ...(i < 10 ? [] : [{ from: id, to: `service s${i % 10}`, kind: 'needs' as const, label: 'healthy' }]),
  ]);
  const { boxes, width, height } = layout({ project: 'big', of: 'live', nodes, edges });

  test('of fifty services has no boxes over each other, and all within the picture', () => {
    for (const a of boxes) {
      expect(a.x >= 0 && a.y >= 0 && a.x + a.width <= width && a.y + a.height <= height).toBe(true);
      for (const b of boxes.filter((one) => one !== a)) {
        const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
        expect(apart, `${a.node.id} and ${b.node.id}`).toBe(true);
      }
    }
  });

  test('has no label upon another one: each line leaves its box at a place of its own', () => {
    const busy = [
      ...services,
      ...Array.from({ length: 12 }, (_, i) => ({
        id: `volume v${i}`,
        kind: 'volume' as const,
        label: `v${i}`,
        details: ['on the host'],
      })),
    ];
    const lines = busy
      .slice(50)
      .flatMap(({ id }, i): GraphEdge[] =>
        services
          .slice(0, 20)
          .map((one) => ({ from: one.id, to: id, kind: 'volume', label: `/a/rather/long/path/${i}` })),
      );
    const { wires } = layout({ project: 'big', of: 'live', nodes: busy, edges: lines });
    const extent = ({ at, edge }: (typeof wires)[number]) => ({
      x: at.x,
      right: at.x + edge.label.length * 6.3,
      y: at.y,
    });
    const all = wires.map(extent);
    for (const [i, a] of all.entries())
      for (const b of all.slice(i + 1))
        expect(a.right <= b.x || b.right <= a.x || Math.abs(a.y - b.y) >= 11, JSON.stringify([a, b])).toBe(true);
  });

  test('puts who needs others to the left of them', () => {
    const xOf = (id: string) => boxes.find(({ node }) => node.id === id)!.x;
    for (const { from, to } of edges) expect(xOf(from)).toBeLessThan(xOf(to));
  });

  test('with a circle of links ends', () => {
    const circle = services
      .slice(0, 3)
      .map(({ id }, i): GraphEdge => ({ from: id, to: services[(i + 1) % 3]!.id, kind: 'link', label: '' }));
    expect(depths({ nodes, edges: circle }).size).toBe(50);
  });
});
