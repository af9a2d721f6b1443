/**
 * The driver options of networks without a bridge, as Docker names them (docs.docker.com/engine/network/drivers/macvlan and …/ipvlan):
 * containers are on an interface of the host's, the parent, each with a link of its own upon it.
 */
import type { DesiredNetwork } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import { isInterfaceName } from './names.ts';

export const isBridge = ({ driver }: Pick<DesiredNetwork, 'driver'>): boolean => driver === 'bridge';

export interface ParentOptions {
  readonly kind: 'macvlan' | 'ipvlan';
  /** Absent: one that leads nowhere is made. */
  readonly parent?: string;
  readonly mode: string;
  /** As linux/if_link.h numbers them: MACVLAN_MODE_…, IPVLAN_MODE_…. */
  readonly modeNumber: number;
  /** IPVLAN_F_… */
  readonly flagNumber: number;
  /** Packets are routed: there is no neighbour to ask for, and no gateway. */
  readonly isRouted: boolean;
  /** Whoever is on it has the hardware address of the parent. */
  readonly sharesMac: boolean;
  /** One container at a time. */
  readonly isAlone: boolean;
}

const MACVLAN_MODES: Readonly<Record<string, number>> = { private: 1, vepa: 2, bridge: 4, passthru: 8 };
const IPVLAN_MODES: Readonly<Record<string, number>> = { l2: 0, l3: 1, l3s: 2 };
const IPVLAN_FLAGS: Readonly<Record<string, number>> = { bridge: 0, private: 1, vepa: 2 };

/** Throws `network-unusable` with the name of the option that cannot be. */
export function parentOptions({ name, driver, driverOpts }: DesiredNetwork): ParentOptions {
  const kind = driver === 'ipvlan' ? 'ipvlan' : 'macvlan';
  const refuse = (option: string, help: string): never => {
    throw new TcomposeError(`the network ${name} asks for ${option}: ${driverOpts[option]}`, {
      code: 'network-unusable',
      address: `network/${name}`,
      help,
    });
  };
  const oneOf = (option: string, known: Readonly<Record<string, number>>, byDefault: string): string => {
    const value = driverOpts[option] || byDefault;
    if (!Object.hasOwn(known, value)) refuse(option, `possible: ${Object.keys(known).join(', ')}`);
    return value;
  };
  const parent = driverOpts['parent'] || undefined;
  if (parent !== undefined && !isInterfaceName(parent))
    refuse('parent', 'name an interface of this host (see: ip link), not its loopback');
  const common = { kind, ...(parent && { parent }) } as const;
  if (kind === 'macvlan') {
    const mode = oneOf('macvlan_mode', MACVLAN_MODES, 'bridge');
    const isAlone = mode === 'passthru';
    return {
      ...common,
      mode,
      modeNumber: MACVLAN_MODES[mode]!,
      flagNumber: 0,
      isRouted: false,
      sharesMac: isAlone,
      isAlone,
    };
  }
  const mode = oneOf('ipvlan_mode', IPVLAN_MODES, 'l2');
  const flag = oneOf('ipvlan_flag', IPVLAN_FLAGS, 'bridge');
  return {
    ...common,
    mode,
    modeNumber: IPVLAN_MODES[mode]!,
    flagNumber: IPVLAN_FLAGS[flag]!,
    isRouted: mode !== 'l2',
    sharesMac: true,
    isAlone: false,
  };
}

/** `eth0.50` → eth0 and 50; undefined: it is not such a name. */
export function vlanOf(parent: string): { readonly base: string; readonly id: number } | undefined {
  const [, base, digits] = /^(.+)\.(\d{1,4})$/.exec(parent) ?? [];
  const id = Number(digits);
  return base !== undefined && id >= 1 && id <= 4094 ? { base, id } : undefined;
}
