/** A picture in Graphviz' language. Names never become part of the syntax: nodes are numbered, texts are quoted. */
import { type Graph, type GraphChange, type GraphEdge, type GraphNode, tame, titled } from './model.ts';

/** A quoted string; labels know HTML's entities and backslashes of their own (graphviz.org/doc/info/lang.html). */
const quoted = (...lines: readonly string[]): string =>
  `"${lines.map((line) => line.replaceAll('&', '&amp;').replaceAll('\\', '\\\\').replaceAll('"', '\\"')).join('\\n')}"`;

const COLORS: Readonly<Record<GraphChange, string>> = {
  create: '#1a7f37',
  update: '#9a6700',
  recreate: '#bc4c00',
  remove: '#cf222e',
};
const SHAPES: Readonly<Record<GraphNode['kind'], string>> = {
  port: 'cds',
  service: 'box',
  network: 'ellipse',
  volume: 'cylinder',
};
const STYLES: Readonly<Record<GraphEdge['kind'], string>> = {
  publish: 'bold',
  needs: 'solid',
  link: 'dashed',
  network: 'solid',
  volume: 'dotted',
};

export function dotOf({ project, nodes, edges }: Graph): string {
  const ids = new Map(nodes.map(({ id }, index) => [id, `n${index}`]));
  const nodeLines = nodes.map((node) => {
    const paint =
      node.change === undefined ? '' : `, color="${COLORS[node.change]}", fontcolor="${COLORS[node.change]}"`;
    const off =
      node.mood === 'off' ? ', style="rounded,dashed"' : node.mood === 'ill' && !node.change ? ', color="#cf222e"' : '';
    return `  ${ids.get(node.id)} [label=${quoted(titled(node), ...node.details)}, shape=${SHAPES[node.kind]}${paint}${off}];`;
  });
  const edgeLines = edges.map(({ from, to, kind, label, change }) => {
    const paint = change === undefined ? '' : `, color="${COLORS[change]}", fontcolor="${COLORS[change]}"`;
    const head = kind === 'network' || kind === 'volume' ? ', dir=none' : '';
    return `  ${ids.get(from)} -> ${ids.get(to)} [label=${quoted(label)}, style=${STYLES[kind]}${head}${paint}];`;
  });
  return [
    `digraph ${quoted(tame(project))} {`,
    '  rankdir=LR;',
    '  node [fontname="monospace", fontsize=11, style=rounded];',
    '  edge [fontname="monospace", fontsize=9];',
    ...nodeLines,
    ...edgeLines,
    '}',
    '',
  ].join('\n');
}
