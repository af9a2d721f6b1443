/** A picture as SVG: self-contained, light or dark as the reader's screen is. Widths are counted in characters of a monospaced font. */
import { type Box, LINE, layout, TITLE } from './layout.ts';
import type { Graph, GraphChange } from './model.ts';
import { titled, WORD } from './model.ts';

/** Characters that XML 1.0 does not have (2.2) cannot even be written by number. */
export const xml = (text: string): string =>
  text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '?')
    .replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

interface Palette {
  readonly ink: string;
  readonly soft: string;
  readonly paper: string;
  readonly card: string;
  readonly line: string;
  readonly port: string;
  readonly network: string;
  readonly volume: string;
  readonly changes: Readonly<Record<GraphChange, string>>;
  readonly ill: string;
}
const LIGHT: Palette = {
  ...{ ink: '#1f2328', soft: '#59636e', paper: '#ffffff', card: '#f6f8fa', line: '#8c959f' },
  ...{ port: '#0969da', network: '#8250df', volume: '#9a6700', ill: '#cf222e' },
  changes: { create: '#1a7f37', update: '#9a6700', recreate: '#bc4c00', remove: '#cf222e' },
};
const DARK: Palette = {
  ...{ ink: '#e6edf3', soft: '#9198a1', paper: '#0d1117', card: '#161b22', line: '#6e7681' },
  ...{ port: '#58a6ff', network: '#bc8cff', volume: '#d29922', ill: '#ff7b72' },
  changes: { create: '#3fb950', update: '#d29922', recreate: '#f0883e', remove: '#ff7b72' },
};

/** Colours stand in the rules themselves: many a viewer (librsvg, Inkscape) knows no var(), and would paint all of it black. */
const colours = ({ ink, soft, paper, card, line, port, network, volume, changes, ill }: Palette): string =>
  [
    `.paper { fill: ${paper}; } text { fill: ${ink}; } text.detail, text.edge { fill: ${soft}; } text.edge { stroke: ${paper}; }`,
    `rect.node { fill: ${card}; stroke: ${line}; } path { stroke: ${line}; } path.tip { fill: ${line}; }`,
    `.port rect.node, path.publish { stroke: ${port}; } .network rect.node, path.network { stroke: ${network}; }`,
    `.volume rect.node, path.volume { stroke: ${volume}; } .ill rect.node { stroke: ${ill}; } .off text.name { fill: ${soft}; }`,
    ...Object.entries(changes).map(
      ([change, colour]) =>
        `.${change} rect.node, path.${change} { stroke: ${colour}; } .${change} text.name, text.${change}, tspan.${change} { fill: ${colour}; }`,
    ),
  ].join('\n  ');

const STYLE = `
  svg { color-scheme: light dark; }
  text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
  text.detail, text.edge { font-size: 10.5px; }
  text.name { font-weight: 600; }
  text.edge { paint-order: stroke; stroke-width: 3px; }
  path { fill: none; }
  path.publish { stroke-width: 1.5; } path.link { stroke-dasharray: 5 3; } path.volume { stroke-dasharray: 2 2; } path.tip { stroke: none; }
  .off rect.node { stroke-dasharray: 4 3; }
${(['create', 'update', 'recreate', 'remove'] as const).map((change) => `  .${change} rect.node, path.${change} { stroke-width: 2; }`).join('\n')}
  .remove rect.node, path.remove { stroke-dasharray: 6 3; }
  ${colours(LIGHT)}
  @media (prefers-color-scheme: dark) {
  ${colours(DARK)}
  }
`;

const TITLES: Readonly<Record<Graph['of'], string>> = {
  live: 'as it lives',
  file: 'as the files want it',
  plan: 'what up would change',
};

export function svgOf(graph: Graph): string {
  const { boxes, wires, width, height } = layout(graph);
  const title = `${graph.project}: ${TITLES[graph.of]}`;
  const words = graph.of === 'plan' ? legend(graph) : '';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
<title id="title">${xml(title)}</title>
<style>${STYLE}</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>
<rect class="paper" width="${width}" height="${height}"/>
<text class="name" x="16" y="24">${xml(title)}</text>${words}
${wires.map(({ edge, path }) => `<path class="${edge.kind}${edge.change ? ` ${edge.change}` : ''}" d="${path}"${edge.kind === 'network' || edge.kind === 'volume' ? '' : ' marker-end="url(#tip)"'}/>`).join('\n')}
${boxes.map(drawn).join('\n')}
${wires.flatMap(({ edge, at }) => (edge.label === '' ? [] : [`<text class="edge${edge.change ? ` ${edge.change}` : ''}" x="${at.x}" y="${at.y}">${xml(edge.label)}</text>`])).join('\n')}
</svg>
`;
}

function drawn({ node, x, y, width, height }: Box): string {
  const name = [node.kind, node.change ?? node.mood].filter(Boolean).join(' ');
  const round = node.kind === 'network' ? Math.min(height / 2, 16) : node.kind === 'port' ? 2 : 6;
  const said = node.change === undefined ? '' : `<title>${xml(`${node.label} ${WORD[node.change]}`)}</title>`;
  const lines = node.details.map(
    (line, index) => `<text class="detail" x="${x + 12}" y="${y + TITLE + (index + 1) * LINE}">${xml(line)}</text>`,
  );
  return `<g class="${name}">${said}<rect class="node" x="${x}" y="${y}" width="${width}" height="${height}" rx="${round}"/><text class="name" x="${x + 12}" y="${y + TITLE}">${xml(titled(node))}</text>${lines.join('')}</g>`;
}

function legend({ nodes }: Graph): string {
  const used = (['create', 'update', 'recreate', 'remove'] as const).filter((one) =>
    nodes.some(({ change }) => change === one),
  );
  const count = (change: GraphChange) => nodes.filter((node) => node.change === change).length;
  const words = used.length === 0 ? 'nothing to change' : '';
  const spans = used.map(
    (change) => `<tspan class="${change}" dx="10">${xml(`${count(change)} ${WORD[change]}`)}</tspan>`,
  );
  return `\n<text class="detail" x="16" y="40">${words}${spans.join('')}</text>`;
}
