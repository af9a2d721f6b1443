/**
 * Places for a drawing, by columns: ports, services by how far they stand from those that nobody needs, networks and volumes. Within
 * a column each box is near those it has to do with (barycentres, a few sweeps), so that few lines cross. Pixels.
 */
import { depths, type Graph, type GraphEdge, type GraphNode, titled, widthOf } from './model.ts';

export interface Box {
  readonly node: GraphNode;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
export interface Wire {
  readonly edge: GraphEdge;
  readonly path: string;
  /** Where its label begins. */
  readonly at: { readonly x: number; readonly y: number };
}
export interface Layout {
  readonly boxes: readonly Box[];
  readonly wires: readonly Wire[];
  readonly width: number;
  readonly height: number;
}

/** From the top of a box to its first line, and between the others. */
export const TITLE = 19;
export const LINE = 14;
const CHARACTER = 7.3;
const MARGIN = 16;
const HEAD = 52;
const GAP_Y = 14;
/** Room for lines; labels may ask for more. */
const GAP_X = 96;
const LABEL = 6.5;

export function layout(graph: Graph): Layout {
  const columns = arranged(columnsOf(graph), graph.edges);
  const heights = heightsOf(graph);
  const heightOfNode = ({ id }: GraphNode) => heights.get(id)!;
  const heightOf = (column: readonly GraphNode[]) =>
    column.reduce((sum, node) => sum + heightOfNode(node) + GAP_Y, -GAP_Y);
  const boxes = new Map<string, Box>();
  const tallest = Math.max(0, ...columns.map(heightOf));
  let x = MARGIN;
  for (const column of columns) {
    const width = Math.max(...column.map(widthOfNode));
    let y = HEAD + (tallest - heightOf(column)) / 2;
    for (const node of column) {
      boxes.set(node.id, { node, x, y: Math.round(y), width, height: heightOfNode(node) });
      y += heightOfNode(node) + GAP_Y;
    }
    x += width + gapAfter(column, graph.edges);
  }
  const wires = wiresOf(graph.edges, boxes);
  const right = Math.max(
    x - GAP_X,
    ...wires.map(({ reach }) => reach),
    24 + MARGIN + widthOf(graph.project) * CHARACTER + 220,
  );
  return { boxes: [...boxes.values()], wires, width: Math.ceil(right + MARGIN), height: HEAD + tallest + MARGIN };
}

/** What leaves the column has its label beside it. */
function gapAfter(column: readonly GraphNode[], edges: readonly GraphEdge[]): number {
  const ids = new Set(column.map(({ id }) => id));
  const labels = edges.filter(({ from }) => ids.has(from)).map(({ label }) => widthOf(label) * LABEL);
  return Math.ceil(Math.max(GAP_X, ...labels.map((width) => width + 44)));
}

function columnsOf(graph: Graph): readonly (readonly GraphNode[])[] {
  const depth = depths(graph);
  const of = (kind: GraphNode['kind']) => graph.nodes.filter((node) => node.kind === kind);
  const services = of('service');
  const deepest = Math.max(-1, ...services.map(({ id }) => depth.get(id) ?? 0));
  const layers = Array.from({ length: deepest + 1 }, (_, i) => services.filter(({ id }) => depth.get(id) === i));
  return [of('port'), ...layers, [...of('network'), ...of('volume')]].filter((column) => column.length > 0);
}

const SWEEPS = 4;

function arranged(
  columns: readonly (readonly GraphNode[])[],
  edges: readonly GraphEdge[],
): readonly (readonly GraphNode[])[] {
  const near = new Map<string, string[]>();
  for (const { from, to } of edges) {
    near.set(from, [...(near.get(from) ?? []), to]);
    near.set(to, [...(near.get(to) ?? []), from]);
  }
  let now = columns.map((column) => [...column]);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    // A place is a share of the column: columns differ in length.
    const place = new Map(now.flatMap((column) => column.map(({ id }, i) => [id, (i + 0.5) / column.length] as const)));
    now = now.map((column) => {
      const wish = new Map(
        column.map(({ id }) => [
          id,
          mean((near.get(id) ?? []).flatMap((other) => place.get(other) ?? [])) ?? place.get(id)!,
        ]),
      );
      // Stable: equal wishes keep their order, which is that of the names.
      return column.sort((a, b) => wish.get(a.id)! - wish.get(b.id)!);
    });
  }
  return now;
}

const mean = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;

const widthOfNode = (node: GraphNode): number =>
  Math.ceil(
    24 + Math.max(widthOf(titled(node)) * CHARACTER, ...node.details.map((line) => widthOf(line) * CHARACTER * 0.89)),
  );
/** Its own lines, and room at its sides for the lines that end there: a label each must find a place. */
function heightsOf({ nodes, edges }: Graph): ReadonlyMap<string, number> {
  const sides = new Map<string, { leaving: number; coming: number }>(
    nodes.map(({ id }) => [id, { leaving: 1, coming: 1 }]),
  );
  for (const { from, to, label } of edges) {
    const [a, b] = [sides.get(from), sides.get(to)];
    if (a) a.leaving += label === '' ? 0.5 : 1;
    if (b) b.coming += 0.5;
  }
  return new Map(
    nodes.map(({ id, details }) => {
      const { leaving, coming } = sides.get(id)!;
      return [id, Math.ceil(Math.max(TITLE + 9 + details.length * LINE, LINE * leaving, LINE * coming))];
    }),
  );
}

function wiresOf(
  edges: readonly GraphEdge[],
  boxes: ReadonlyMap<string, Box>,
): readonly (Wire & { readonly reach: number })[] {
  const leaving = new Map<string, GraphEdge[]>();
  const coming = new Map<string, GraphEdge[]>();
  for (const edge of edges) {
    leaving.set(edge.from, [...(leaving.get(edge.from) ?? []), edge]);
    coming.set(edge.to, [...(coming.get(edge.to) ?? []), edge]);
  }
  // Along a side of the box, each line has a place of its own, a labelled one more room; in the order of where they go, so that few cross.
  const middle = (id: string) => {
    const box = boxes.get(id);
    return box === undefined ? 0 : box.y + box.height / 2;
  };
  for (const all of leaving.values()) all.sort((a, b) => middle(a.to) - middle(b.to));
  for (const all of coming.values()) all.sort((a, b) => middle(a.from) - middle(b.from));
  const room = ({ label }: GraphEdge, side: 'leaving' | 'coming') => (side === 'leaving' && label !== '' ? 2 : 1);
  const along = ({ y, height }: Box, all: readonly GraphEdge[], edge: GraphEdge, side: 'leaving' | 'coming') => {
    const total = all.reduce((sum, one) => sum + room(one, side), 1);
    const before = all.slice(0, all.indexOf(edge) + 1).reduce((sum, one) => sum + room(one, side), 0);
    return Math.round(y + (height * before) / total);
  };
  return edges.flatMap((edge) => {
    const [from, to] = [boxes.get(edge.from), boxes.get(edge.to)];
    if (from === undefined || to === undefined) return [];
    const a = { x: from.x + from.width, y: along(from, leaving.get(edge.from)!, edge, 'leaving') };
    const b = { x: to.x, y: along(to, coming.get(edge.to)!, edge, 'coming') };
    const isBack = b.x <= a.x;
    const end = isBack ? { x: to.x + to.width, y: b.y } : b;
    const bend = isBack ? 48 : Math.max(36, (b.x - a.x) / 2);
    const second = isBack ? end.x + bend : end.x - bend;
    const path = `M${a.x} ${a.y}C${a.x + bend} ${a.y} ${second} ${end.y} ${end.x} ${end.y}`;
    const half = (widthOf(edge.label) * LABEL) / 2;
    const at = {
      x: Math.round(isBack ? Math.max(a.x, end.x) + 40 - half : a.x + 12),
      y: a.y - 3,
    };
    return [{ edge, path, at, reach: isBack ? Math.max(a.x, end.x) + bend + half : end.x }];
  });
}
