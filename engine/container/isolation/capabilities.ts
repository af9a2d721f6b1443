/** Linux capabilities: names, numbers, and which of them a container holds. */
import { TcomposeError } from '../../../src/model/errors.ts';
import { CAPABILITIES } from '../../../src/model/linux-names.ts';

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
  CAPABILITIES.filter((_, bit) => (mask >> BigInt(bit)) & 1n).map((name) => `CAP_${name}`);

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
  const number = CAPABILITIES.indexOf(name.toUpperCase().replace(/^CAP_/, ''));
  if (number >= 0) return number;
  throw new TcomposeError(`there is no capability ${name}`, {
    code: 'capability-unknown',
    help: 'see capabilities(7) for the names',
  });
}
