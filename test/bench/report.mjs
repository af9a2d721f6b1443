// Measurements → the table that is printed, and which targets were missed.

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const ms = (value) => (value === undefined ? '–' : `${value.toFixed(value < 10 ? 1 : 0)} ms`);
const times = (value, unit) => (value === undefined ? '–' : `${(value / unit).toFixed(1)}×`);

export function rows(results, { count, rounds }) {
  const middle = (tool, what) => (results[tool]?.[what]?.length ? median(results[tool][what]) : undefined);
  const floorUp = middle('floor', 'up');
  const node = middle('node', 'up');
  const header = ['', 'up -d', '÷ floor', 'nothing to do', '÷ node', 'ps', 'down', 'memory a container'];
  const body = Object.keys(results)
    .filter((tool) => tool !== 'node')
    .map((tool) => {
      const memory = middle(tool, 'memoryKib');
      return [
        tool,
        ms(middle(tool, 'up')),
        times(middle(tool, 'up'), floorUp),
        ms(middle(tool, 'again')),
        times(middle(tool, 'again'), node),
        ms(middle(tool, 'ps')),
        ms(middle(tool, 'down')),
        memory === undefined ? '–' : `${(memory / 1024 / count).toFixed(2)} MiB`,
      ];
    });
  const table = [header, ...body];
  const widths = header.map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const lines = table.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
  );
  return [`${count} services with a published port each, median of ${rounds}; node -e 0: ${ms(node)}`, ...lines].join(
    '\n',
  );
}

/** up ≤ 8 × floor + 2 × node; nothing to do ≤ 4 × node; ≤ 2 MiB a container. */
export function targets(results, count) {
  const own = results.tcompose;
  if (!own) return ['tcompose was not measured'];
  const [floorUp, node] = [median(results.floor.up), median(results.node.up)];
  const limit = 8 * floorUp + 2 * node;
  return [
    [`up -d: ${ms(median(own.up))}, at most 8 × floor + 2 × node = ${ms(limit)}`, median(own.up) <= limit],
    [`nothing to do: ${ms(median(own.again))}, at most 4 × node = ${ms(4 * node)}`, median(own.again) <= 4 * node],
    [
      `memory: ${(median(own.memoryKib) / 1024 / count).toFixed(2)} MiB a container, at most 2`,
      median(own.memoryKib) / 1024 / count <= 2,
    ],
  ]
    .filter(([, reached]) => !reached)
    .map(([text]) => text);
}
