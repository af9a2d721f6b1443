/** A picture for a terminal: services as boxes in the order of their needs, with what comes in and what they use below each. */
import { type Graph, type GraphChange, type GraphNode, tame, titled, widthOf } from './model.ts';

/** Colours a whole line's part; the text stays as wide as it was. */
export type Tint = (change: GraphChange | 'ill' | 'off', text: string) => string;

const TITLES: Readonly<Record<Graph['of'], string>> = {
  live: 'as it lives',
  file: 'as the files want it; nothing of it lives',
  plan: 'what up would change: + create  ~ change in place  -/+ make anew  - remove',
};

/** `columns`: of the terminal; lines are cut there, never broken. */
export function asciiOf(
  graph: Graph,
  { columns = 80, tint = (_: unknown, text: string) => text }: { readonly columns?: number; readonly tint?: Tint } = {},
): string {
  const byId = new Map(graph.nodes.map((node) => [node.id, node]));
  const cut = (text: string): string => shortened(text, columns);
  const lines: string[] = [cut(`${tame(graph.project)}: ${TITLES[graph.of]}`), ''];
  for (const node of graph.nodes.filter(({ kind }) => kind === 'service'))
    lines.push(...service(graph, node, byId, columns, tint), '');
  const rest = graph.nodes.filter(({ kind }) => kind === 'network' || kind === 'volume');
  const width = Math.max(0, ...rest.map((node) => widthOf(titled(node))));
  for (const node of rest) {
    const users = graph.edges.filter(({ to }) => to === node.id).map(({ from }) => byId.get(from)?.label ?? '');
    const mark = node.kind === 'network' ? `( ${pad(titled(node), width)} )` : `[ ${pad(titled(node), width)} ]`;
    const detail = [node.kind, ...node.details].join(', ');
    const text = cut(
      `${mark}  ${detail}${users.length > 0 ? ` <- ${[...new Set(users)].join(', ')}` : ', used by nobody'}`,
    );
    lines.push(node.change ? tint(node.change, text) : text);
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

function service(
  graph: Graph,
  node: GraphNode,
  byId: ReadonlyMap<string, GraphNode>,
  columns: number,
  tint: Tint,
): readonly string[] {
  const mood = node.change ?? (node.mood === 'ill' || node.mood === 'off' ? node.mood : undefined);
  const color = (text: string) => (mood === undefined ? text : tint(mood, text));
  const texts = [titled(node), ...node.details].map((text) => shortened(text, columns - 4));
  const width = Math.max(...texts.map(widthOf));
  const rule = `+${'-'.repeat(width + 2)}+`;
  const ports = graph.edges.filter(({ kind, to }) => kind === 'publish' && to === node.id);
  const incoming = ports.map(({ from, label, change }) => {
    const port = byId.get(from);
    const text = shortened(`  ${port ? titled({ ...port, ...(change && { change }) }) : from} --> ${label}`, columns);
    return change ? tint(change, text) : text;
  });
  const outgoing = graph.edges.filter(({ from, kind }) => from === node.id && kind !== 'publish');
  const below = outgoing.map(({ kind, to, label, change }, index) => {
    const name = titled({ label: byId.get(to)?.label ?? to, ...(change && { change }) });
    const said =
      kind === 'needs' && label
        ? ` (${label})`
        : kind === 'link' && label
          ? ` as ${label}`
          : kind === 'volume'
            ? ` at ${label}`
            : '';
    const text = shortened(
      `  ${index === outgoing.length - 1 ? '`' : '|'}-- ${kind.padEnd(7)} ${name}${said}`,
      columns,
    );
    return change ? tint(change, text) : text;
  });
  return [...incoming, color(rule), ...texts.map((text) => color(`| ${pad(text, width)} |`)), color(rule), ...below];
}

const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)));

function shortened(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  const kept: string[] = [];
  let width = 0;
  for (const char of text) {
    width += widthOf(char);
    if (width > columns - 3) break;
    kept.push(char);
  }
  return `${kept.join('')}...`;
}
