/** Five hundred containers at once: all up, all reachable, and gone without a trace. By hand: TCOMPOSE_MANY=500 (see test/README.md). */
import { expect, test } from 'vitest';
import { useStack } from '../helpers/tcompose.ts';

const COUNT = Number(process.env['TCOMPOSE_MANY'] ?? 0);
const stack = useStack({
  files: {
    'compose.yaml': `
name: many
services:
  web:
    image: busybox
    command: [httpd, -f, -p, "80", -h, /etc]
    stop_signal: KILL
    scale: ${COUNT || 1}
networks:
  default: { ipam: { config: [{ subnet: 10.77.0.0/20 }] } }
`,
  },
});

const answers = async (address: string): Promise<boolean> =>
  (await fetch(`http://${address}/hostname`, { signal: AbortSignal.timeout(20_000) })).ok;

test(`${COUNT || 'many'} containers start at once, answer, and are gone`, async (ctx) => {
  if (COUNT === 0) ctx.skip('by hand: TCOMPOSE_MANY=500');
  const up = await stack.run('up', '-d');
  expect(up.code, up.stderr.slice(-2000)).toBe(0);
  const [network] = JSON.parse(await stack.must('network', 'inspect', 'many_default')) as [
    { Containers: Record<string, { IPv4Address: string }> },
  ];
  const addresses = Object.values(network.Containers).map(({ IPv4Address }) => IPv4Address.split('/')[0]!);
  expect(new Set(addresses).size).toBe(COUNT);
  for (let i = 0; i < addresses.length; i += 50) {
    const some = addresses.slice(i, i + 50);
    expect((await Promise.all(some.map(answers))).every(Boolean)).toBe(true);
  }
  const down = await stack.run('down', '-v');
  expect(down.code, down.stderr.slice(-2000)).toBe(0);
  console.log(`${COUNT}: up ${Math.round(up.elapsedMs)} ms, down ${Math.round(down.elapsedMs)} ms`);
}, 1_800_000);
