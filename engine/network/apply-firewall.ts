/** Gives rules to the kernel: one iptables-restore a family, which takes all of a table or nothing. */
import { TcomposeError } from '../../src/model/errors.ts';
import { applySpoofGuard } from './apply-spoof-guard.ts';
import { forgetStaleFlows } from './conntrack.ts';
import type { NetworkContext } from './create-networks.ts';
import type { Records } from './endpoints.ts';
import { readFirewall } from './facts.ts';
import { type Family, firewallOf } from './firewall.ts';
import { parseSaved, restoreText } from './firewall-text.ts';
import { type Runner, runProgram } from './programs.ts';
import { guardOf } from './spoof-guard.ts';

const LOCK_SECONDS = '10';

/** `text`: as iptables-restore reads it. */
export async function applyFirewall(family: Family, text: string, run: Runner = runProgram): Promise<void> {
  const program = family === 4 ? 'iptables-restore' : 'ip6tables-restore';
  const { status, errors } = await run(program, ['--noflush', '--wait', LOCK_SECONDS], text);
  if (status === 0) return;
  const said = errors.trim().split('\n')[0] ?? '';
  const line = Number(/line (\d+) failed/.exec(errors)?.[1] ?? 0);
  const rule = line > 0 ? text.split('\n')[line - 1] : undefined;
  throw new TcomposeError(`the firewall refuses the rules: ${said}${rule === undefined ? '' : ` (${rule})`}`, {
    code: 'firewall-refused',
    help: /lock/.test(said)
      ? 'another program changes the firewall; try again'
      : 'see whether the kernel has what is needed:\n    modprobe -a nf_nat nf_conntrack xt_conntrack xt_addrtype xt_comment xt_MASQUERADE',
  });
}

/**
 * Makes the instance's chains what the records ask for: rules exist for containers with `wanted`, none at all when nothing is wanted.
 *
 * Two commands may do this at once, each with records that the other has changed meanwhile. So the records are read again afterwards:
 * whoever comes last has seen all, since everybody writes them before calling this. What was read of the rules may be stale by then too
 * (another command, or the last breath of one that was killed, changes them); then they are refused, and read again.
 */
export async function syncFirewall(
  context: Pick<NetworkContext, 'instance' | 'run' | 'program'>,
  read: () => Records | Promise<Records>,
): Promise<void> {
  for (let left = ATTEMPTS; ; left--) {
    try {
      return await syncOnce(context, read);
    } catch (error) {
      if (left === 1 || (error as TcomposeError).code !== 'firewall-refused') throw error;
    }
  }
}

const ATTEMPTS = 4;
const UDP_MAP = / -p udp .*-j DNAT /;

async function syncOnce(
  context: Pick<NetworkContext, 'instance' | 'run' | 'program'>,
  read: () => Records | Promise<Records>,
): Promise<void> {
  const { instance, run, program } = context;
  for (let records = await read(); ; ) {
    const families: readonly Family[] = records.networks.some(({ madeFrom }) => madeFrom.enableIpv6) ? [4, 6] : [4];
    const saved = await readFirewall({ ipv6: families.includes(6), ...(program && { program }) });
    const guarding = applySpoofGuard({ instance, run }, records);
    const mapping = Promise.all(
      families.map(async (family) => {
        const current = parseSaved(family === 4 ? saved.ipv4 : saved.ipv6, instance);
        const text = restoreText(firewallOf(records, instance, family), current);
        if (text !== '') await applyFirewall(family, text, program);
        return text.includes('*nat') && [text, saved.ipv4, saved.ipv6].some((rules) => UDP_MAP.test(rules));
      }),
    );
    const [ledElsewhere] = await Promise.all([mapping, guarding]);
    if (ledElsewhere.includes(true)) await forgetStaleFlows(records, run);
    const now = await read();
    if (isSame(records, now, instance)) return;
    records = now;
  }
}

/** No other rules follow from them. */
export const isSame = (a: Records, b: Records, instance: string): boolean =>
  JSON.stringify(guardOf(a)) === JSON.stringify(guardOf(b)) &&
  (isSameSource(a, b) ||
    ([4, 6] as const).every(
      (family) => JSON.stringify(firewallOf(a, instance, family)) === JSON.stringify(firewallOf(b, instance, family)),
    ));

/** What rules are made from. Thousands of them take longer to make than to compare what they come from. */
function isSameSource(a: Records, b: Records): boolean {
  const source = ({ networks, containers }: Records) =>
    JSON.stringify([
      networks,
      containers.map(({ name, wanted, endpoints, publishers, resolverPort, madeFrom, lastStart }) => [
        ...[name, wanted, endpoints, publishers, resolverPort, madeFrom.links, madeFrom.exposed, lastStart?.at],
      ]),
    ]);
  return source(a) === source(b);
}
