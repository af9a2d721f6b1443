/** Services that wait for each other would wait for ever. */
import { childMap, type Mark } from '../../load/tree.ts';
import type { RuleContext } from '../rules.ts';

interface Edge {
  readonly from: string;
  readonly to: string;
  /** Where the dependency is written. */
  readonly mark: Mark;
}

type Graph = ReadonlyMap<string, readonly Edge[]>;

/** One message for all services that wait for each other, with the shortest circle among them. */
export function checkCycles({ services, findings }: RuleContext): void {
  const graph = new Map<string, Edge[]>();
  for (const [from, { value }] of services.entries) {
    const edges: Edge[] = [];
    for (const [to, { key: mark }] of childMap(value, 'depends_on')?.entries ?? [])
      if (services.entries.has(to)) edges.push({ from, to, mark });
    graph.set(from, edges);
  }
  for (const knot of knotsOf(graph)) {
    const circle = circleIn(knot, graph);
    const others = knot.size - circle.length;
    const names = [...circle.map(({ from }) => from), circle[0]!.from];
    const more = others === 0 ? '' : `, and ${others} more ${others === 1 ? 'is' : 'are'} caught up in it`;
    findings.error('dependency-cycle', `services wait for each other: ${names.join(' → ')}${more}`, circle[0]!.mark, {
      help: 'remove one of the dependencies',
      related: circle.map(({ from, to, mark }) => ({ at: mark, label: `${from} depends on ${to}` })),
    });
  }
}

interface Visit {
  readonly name: string;
  readonly rest: Iterator<Edge>;
}

/** Sets of services of which each waits for each: Tarjan's strong components, without recursion, as a chain may be a thousand services long. */
function knotsOf(graph: Graph): readonly ReadonlySet<string>[] {
  const knots: ReadonlySet<string>[] = [];
  const order = new Map<string, number>();
  /** The earliest service that one leads back to. */
  const low = new Map<string, number>();
  const open: string[] = [];
  const isOpen = new Set<string>();
  const path: Visit[] = [];
  const enter = (name: string) => {
    order.set(name, order.size);
    low.set(name, order.get(name)!);
    open.push(name);
    isOpen.add(name);
    path.push({ name, rest: graph.get(name)!.values() });
  };
  const reach = (name: string, back: number) => low.set(name, Math.min(low.get(name)!, back));
  const leave = (name: string) => {
    path.pop();
    const above = path.at(-1);
    if (above !== undefined) reach(above.name, low.get(name)!);
    if (low.get(name) !== order.get(name)) return;
    const knot = open.splice(open.lastIndexOf(name));
    for (const member of knot) isOpen.delete(member);
    if (knot.length > 1 || graph.get(name)!.some(({ to }) => to === name)) knots.push(new Set(knot));
  };
  for (const start of graph.keys()) {
    if (!order.has(start)) enter(start);
    while (path.length > 0) {
      const { name, rest } = path.at(-1)!;
      const step = rest.next();
      if (step.done) leave(name);
      else if (!order.has(step.value.to)) enter(step.value.to);
      else if (isOpen.has(step.value.to)) reach(name, order.get(step.value.to)!);
    }
  }
  return knots;
}

/** The shortest one through the knot's first service, by widening rings. */
function circleIn(knot: ReadonlySet<string>, graph: Graph): readonly Edge[] {
  const [start] = [...knot];
  const cameBy = new Map<string, Edge>();
  const ring = [start!];
  for (const name of ring) {
    for (const edge of graph.get(name)!) {
      if (!knot.has(edge.to) || cameBy.has(edge.to)) continue;
      cameBy.set(edge.to, edge);
      ring.push(edge.to);
    }
    if (cameBy.has(start!)) break;
  }
  const circle: Edge[] = [];
  let edge = cameBy.get(start!)!;
  for (;;) {
    circle.unshift(edge);
    if (edge.from === start) return circle;
    edge = cameBy.get(edge.from)!;
  }
}
