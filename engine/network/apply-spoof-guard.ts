/** Gives the guard against forged addresses to the kernel. */
import type { LaunchOp } from '../launcher/ops.ts';
import type { NetworkContext } from './create-networks.ts';
import type { Records } from './endpoints.ts';
import { NETLINK_NETFILTER } from './nft.ts';
import { guardBatches, guardOf } from './spoof-guard.ts';

/** ENOENT, EPROTONOSUPPORT, EOPNOTSUPP, EAFNOSUPPORT: no nf_tables, or none for bridges. The doctor tells; containers run all the same. */
const WITHOUT_NF_TABLES = [2, 93, 95, 97];

/** The table is what the records ask for, whatever it was. */
export const applySpoofGuard = async (
  { instance, run }: Pick<NetworkContext, 'instance' | 'run'>,
  records: Records,
): Promise<void> => void (await run(guardOps(instance, records)));

const guardOps = (instance: string, records: Records): readonly LaunchOp[] => [
  { op: 'netlink-open', slot: 0, protocol: NETLINK_NETFILTER },
  ...guardBatches(instance, guardOf(records)).map(
    (message): LaunchOp => ({ op: 'netlink', slot: 0, message, ignore: WITHOUT_NF_TABLES }),
  ),
];
