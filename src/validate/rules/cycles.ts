/** Services that wait for each other would wait for ever. */
import { childMap, type Mark } from '../../load/tree.ts';
import type { RuleContext } from '../rules.ts';

export function checkCycles({ services, findings }: RuleContext): void {
  const done = new Set<string>();
  for (const start of services.entries.keys()) {
    const cycle = findCycle(start, services, done);
    if (cycle === undefined) continue;
    const names = cycle.map((step) => step.name);
    const [first] = cycle;
    findings.error(
      'dependency-cycle',
      `services wait for each other: ${[...names, names[0]].join(' → ')}`,
      first!.mark,
      {
        help: 'remove one of the dependencies',
        related: cycle.map((step, index) => ({
          at: step.mark,
          label: `${step.name} depends on ${cycle[(index + 1) % cycle.length]!.name}`,
        })),
      },
    );
  }
}

interface Step {
  readonly name: string;
  /** Where the dependency on the next one is written. */
  readonly mark: Mark;
}

/** Depth first, without recursion: a chain may be a thousand services long. */
function findCycle(start: string, services: RuleContext['services'], done: Set<string>): Step[] | undefined {
  const path: { name: string; mark: Mark; rest: Iterator<[string, { key: Mark }]> }[] = [];
  const onPath = new Set<string>();
  const enter = (name: string, mark: Mark) => {
    const dependencies = childMap(services.entries.get(name)?.value, 'depends_on')?.entries ?? new Map();
    path.push({ name, mark, rest: dependencies.entries() });
    onPath.add(name);
  };
  if (done.has(start)) return undefined;
  enter(start, services.mark);
  while (path.length > 0) {
    const top = path.at(-1)!;
    const next = top.rest.next();
    if (next.done) {
      done.add(top.name);
      onPath.delete(top.name);
      path.pop();
      continue;
    }
    const [name, { key }] = next.value;
    top.mark = key;
    if (onPath.has(name)) {
      for (const step of path) done.add(step.name);
      return path.slice(path.findIndex((step) => step.name === name)).map(({ name, mark }) => ({ name, mark }));
    }
    if (!done.has(name) && services.entries.has(name)) enter(name, key);
  }
  return undefined;
}
