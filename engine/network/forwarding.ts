/**
 * Forwarding between interfaces: turned on with the first network of the host, put back as it was with the last.
 *
 * What it was is written into the aliases of the bridges themselves (`was: forward4=0 policy4=ACCEPT`): it is there as long as it is
 * needed, and every instance on this host finds it; and into RUN/forwarding, for the day on which somebody deletes the bridges by hand
 * (RUN is gone after a reboot, as is what it tells of). A host that did not forward becomes a router for all its interfaces by this, so
 * the default for what nobody asked for becomes DROP, as Docker does it.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { TcomposeError } from '../../src/model/errors.ts';
import { writeWhole } from '../state/files.ts';
import { forwardingMemo, type Paths } from '../state/paths.ts';
import { applyFirewall } from './apply-firewall.ts';
import { type FirewallFacts, FORWARDING, isForwarding } from './facts.ts';
import { isOwned } from './names.ts';

const FAMILIES = [4, 6] as const;
type Family = (typeof FAMILIES)[number];

/** What the host was like before; undefined: it was as it is. */
export interface Before {
  readonly forward4?: '0';
  readonly forward6?: '0';
  readonly policy4?: 'ACCEPT';
  readonly policy6?: 'ACCEPT';
  /** Interfaces that listened to routers (accept_ra), which the kernel gives up on a router unless told otherwise. */
  readonly accept_ra?: string;
}

/** What is known of the time before: from the bridges, and from what was written down. */
export function rememberedBefore(paths: Paths, aliases: ReadonlyMap<string, string>): Before {
  const known = [...aliases].filter(([, alias]) => isOwned(alias)).map(([, alias]) => parseBefore(alias));
  return Object.assign({}, parseBefore(read(forwardingMemo(paths))), ...known);
}

/** What the kernel is to remember before anything is changed. `off`: families that are not forwarded; `firewall` as it is then. */
export function forwardingBefore(
  remembered: Before,
  off: readonly Family[],
  firewall: FirewallFacts | undefined,
): Before {
  const before: Record<string, string> = { ...remembered };
  for (const family of off) {
    before[`forward${family}`] = '0';
    if (firewall && forwardPolicy(firewall, family) === 'ACCEPT') before[`policy${family}`] = 'ACCEPT';
  }
  const listening = off.includes(6)
    ? interfacesWith('accept_ra', '1').filter((name) => !['all', 'default', 'lo'].includes(name))
    : [];
  if (listening.length > 0) before['accept_ra'] = listening.join(',');
  return before;
}

export async function turnForwardingOn(paths: Paths, before: Before, families: readonly Family[]): Promise<void> {
  const memo = formatBefore(before);
  if (memo !== '' && read(forwardingMemo(paths)) !== memo)
    await writeWhole(forwardingMemo(paths), memo, { durable: false });
  for (const family of families.filter((each) => !isForwarding(each))) {
    if (before[`policy${family}`]) await setForwardPolicy(family, 'DROP');
    if (family === 6)
      for (const name of (before.accept_ra ?? '').split(',').filter(Boolean)) write(acceptRa(name), '2');
    write(FORWARDING[family], '1');
  }
}

export async function turnForwardingBack(paths: Paths, before: Before): Promise<void> {
  for (const family of FAMILIES) {
    if (before[`forward${family}`]) write(FORWARDING[family], '0');
    if (before[`policy${family}`]) await setForwardPolicy(family, 'ACCEPT');
  }
  for (const name of (before.accept_ra ?? '').split(',').filter(Boolean))
    if (read(acceptRa(name)) === '2') write(acceptRa(name), '1');
  rmSync(forwardingMemo(paths), { force: true });
}

export const formatBefore = (before: Before): string =>
  Object.keys(before).length === 0
    ? ''
    : `was: ${Object.entries(before)
        .map(([key, value]) => `${key}=${value}`)
        .join(' ')}`;

export function parseBefore(alias: string): Before {
  const [, found] = /was: (.*)$/.exec(alias) ?? [];
  return Object.fromEntries(
    (found ?? '')
      .split(' ')
      .map((word) => word.split('='))
      .filter(([key, value]) => key && /^[\w@.,:-]+$/.test(value ?? '')),
  ) as Before;
}

const forwardPolicy = (firewall: FirewallFacts, family: Family): string => {
  const text = family === 4 ? firewall.ipv4 : firewall.ipv6;
  const filter = /^\*filter$([\s\S]*?)^COMMIT$/m.exec(text)?.[1] ?? '';
  // Without the table nobody has said anything: the kernel accepts.
  return /^:FORWARD (\w+)/m.exec(filter)?.[1] ?? 'ACCEPT';
};

const setForwardPolicy = (family: Family, policy: string): Promise<void> =>
  applyFirewall(family, `*filter\n:FORWARD ${policy} [0:0]\nCOMMIT\n`);

const acceptRa = (name: string): string => `/proc/sys/net/ipv6/conf/${name}/accept_ra`;

function interfacesWith(key: string, value: string): readonly string[] {
  try {
    return readdirSync('/proc/sys/net/ipv6/conf').filter(
      (name) => read(`/proc/sys/net/ipv6/conf/${name}/${key}`) === value,
    );
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

function write(path: string, value: string): void {
  try {
    writeFileSync(path, value);
  } catch (cause) {
    // An interface that has gone has no settings to put back.
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT' && path.includes('accept_ra')) return;
    throw new TcomposeError(`${path} cannot be written`, {
      code: 'sysctl-unwritable',
      help: `as root, see whether it can be:\n    echo ${value} > ${path}`,
      cause,
    });
  }
}
