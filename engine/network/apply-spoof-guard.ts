/** Gives the guard against forged addresses to the kernel. */
import type { LaunchOp } from '../launcher/ops.ts';
import type { NetworkContext } from './create-networks.ts';
import type { Records } from './endpoints.ts';
import { askForTable, FAMILY, NETLINK_NETFILTER } from './nft.ts';
import { guardBatches, guardOf, guardTable, type SpoofGuard } from './spoof-guard.ts';

/** ENOENT, EPROTONOSUPPORT, EOPNOTSUPP, EAFNOSUPPORT: no nf_tables, or none for bridges. The doctor tells; containers run all the same. */
const WITHOUT_NF_TABLES = [2, 93, 95, 97];

/** The table is what the records ask for, whatever it was. */
export const applySpoofGuard = async (
  { instance, run }: Pick<NetworkContext, 'instance' | 'run'>,
  records: Records,
): Promise<void> => void (await run(transactions(instance, guardOf(records), WITHOUT_NF_TABLES)));

/** Somebody may have deleted it alone, with `nft flush ruleset` say. A kernel that cannot have it lacks nothing. */
export async function isGuardThere(
  { instance, run }: Pick<NetworkContext, 'instance' | 'run'>,
  records: Records,
): Promise<boolean> {
  if (guardOf(records).ports.length === 0) return true;
  const open: LaunchOp = { op: 'netlink-open', slot: 0, protocol: NETLINK_NETFILTER };
  const asking = (message: Uint8Array) =>
    run([open, { op: 'netlink', slot: 0, message }]).then(
      () => undefined,
      (error: Error & { errno?: number }) => error.errno ?? 0,
    );
  if ((await asking(askForTable(FAMILY.BRIDGE, guardTable(instance)))) !== ENOENT) return true;
  // Not there: is it that it cannot be?
  const trial = run([{ op: 'unshare', flags: CLONE_NEWNET }, ...spoofGuardTrial()]);
  return !(await trial.then(
    () => true,
    () => false,
  ));
}

const ENOENT = 2;
const CLONE_NEWNET = 0x40000000;

/** For the doctor: fails where the kernel cannot. */
export const spoofGuardTrial = (): readonly LaunchOp[] => {
  const port = { link: 'trial', macs: ['02:00:00:00:00:01'], addresses: ['192.0.2.1'], isRouter: false, behind: [] };
  return transactions('0000', { ports: [port], subnets: ['192.0.2.0/24'] });
};

const transactions = (instance: string, guard: SpoofGuard, ignore?: readonly number[]): readonly LaunchOp[] => [
  { op: 'netlink-open', slot: 0, protocol: NETLINK_NETFILTER },
  ...guardBatches(instance, guard).map(
    (message): LaunchOp => ({ op: 'netlink', slot: 0, message, ...(ignore && { ignore }) }),
  ),
];
