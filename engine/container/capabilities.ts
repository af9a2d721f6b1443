/** Linux capabilities: names, numbers, and which of them a container holds. */
import { TcomposeError } from '../../src/model/errors.ts';

/** In the kernel's numbering (linux/capability.h). */
const NAMES =
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'.split(
    ' ',
  );

/** Docker's fourteen. */
const DEFAULT =
  'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'.split(
    ' ',
  );

export interface CapabilityChoice {
  readonly privileged: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
}

export const capabilityBit = (name: string): bigint => 1n << BigInt(numberOf(name));

/** The set that becomes bounding, permitted and effective. `every`: all that we have to give, which the kernel may limit. */
export function capabilityMask(choice: CapabilityChoice, every: bigint): bigint {
  if (choice.privileged) return every;
  const [added, addsAll] = parseList(choice.capAdd);
  const [dropped, dropsAll] = parseList(choice.capDrop);
  if ((added & ~every) !== 0n) {
    throw new TcomposeError(`this host cannot give the capability ${namesOf(added & ~every).join(', ')}`, {
      code: 'capability-missing',
      help: 'remove it from cap_add; the kernel does not know it, or we do not have it ourselves',
    });
  }
  if (addsAll) return every & ~dropped;
  const kept = dropsAll ? 0n : DEFAULT.reduce((mask, name) => mask | capabilityBit(name), 0n) & ~dropped;
  return (kept | added) & every;
}

/** Names with the prefix, as inspect and messages print them. */
export const namesOf = (mask: bigint): readonly string[] =>
  NAMES.filter((_, bit) => (mask >> BigInt(bit)) & 1n).map((name) => `CAP_${name}`);

function parseList(names: readonly string[]): [mask: bigint, all: boolean] {
  let mask = 0n;
  let all = false;
  for (const name of names) {
    if (name.toUpperCase() === 'ALL') all = true;
    else mask |= capabilityBit(name);
  }
  return [mask, all];
}

function numberOf(name: string): number {
  const number = NAMES.indexOf(name.toUpperCase().replace(/^CAP_/, ''));
  if (number >= 0) return number;
  throw new TcomposeError(`there is no capability ${name}`, {
    code: 'capability-unknown',
    help: 'see capabilities(7) for the names',
  });
}
