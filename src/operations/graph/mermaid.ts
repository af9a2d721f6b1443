/** A picture in Mermaid's language (flowchart). Whatever is no plain letter, digit or harmless sign is written by its number. */
import { type Graph, type GraphChange, type GraphEdge, type GraphNode, titled } from './model.ts';

/** `#35;` is Mermaid's way to write a character by number (mermaid.js.org, "entity codes"). What would begin a list is written so, too. */
const escaped = (text: string): string =>
  text.replace(/[^\p{L}\p{N} .,:/@()_-]|^-|\.(?= )/gu, (char) => `#${char.codePointAt(0)};`);
const quoted = (lines: readonly string[]): string => `"${lines.map(escaped).join('<br/>')}"`;

const SHAPES: Readonly<Record<GraphNode['kind'], readonly [string, string]>> = {
  port: ['>', ']'],
  service: ['[', ']'],
  network: ['([', '])'],
  volume: ['[(', ')]'],
};
const ARROWS: Readonly<Record<GraphEdge['kind'], string>> = {
  publish: '==>',
  needs: '-->',
  link: '-.->',
  network: '---',
  volume: '-.-',
};
const CLASSES: Readonly<Record<GraphChange | 'ill' | 'off', string>> = {
  create: 'stroke:#1a7f37,stroke-width:2px,color:#1a7f37',
  update: 'stroke:#9a6700,stroke-width:2px,color:#9a6700',
  recreate: 'stroke:#bc4c00,stroke-width:3px,color:#bc4c00',
  remove: 'stroke:#cf222e,stroke-width:2px,color:#cf222e,stroke-dasharray:4',
  ill: 'stroke:#cf222e',
  off: 'stroke-dasharray:4',
};

export function mermaidOf({ nodes, edges }: Graph): string {
  const ids = new Map(nodes.map(({ id }, index) => [id, `n${index}`]));
  const classOf = ({ change, mood }: GraphNode) => change ?? (mood === 'ill' || mood === 'off' ? mood : undefined);
  const nodeLines = nodes.map((node) => {
    const [open, close] = SHAPES[node.kind];
    const name = classOf(node);
    return `  ${ids.get(node.id)}${open}${quoted([titled(node), ...node.details])}${close}${name ? `:::${name}` : ''}`;
  });
  const edgeLines = edges.map(({ from, to, kind, label }) => {
    const text = label === '' ? '' : `|${quoted([label])}|`;
    return `  ${ids.get(from)} ${ARROWS[kind]}${text} ${ids.get(to)}`;
  });
  const linkStyles = edges.flatMap(({ change }, index) =>
    change === undefined ? [] : [`  linkStyle ${index} stroke:${/stroke:(#\w+)/.exec(CLASSES[change])![1]}`],
  );
  const used = new Set(nodes.flatMap((node) => classOf(node) ?? []));
  const classes = Object.entries(CLASSES).filter(([name]) => used.has(name as GraphChange));
  return [
    'flowchart LR',
    ...nodeLines,
    ...edgeLines,
    ...classes.map(([name, style]) => `  classDef ${name} ${style}`),
    ...linkStyles,
    '',
  ].join('\n');
}
