/** The driver options of a bridge network, as Docker names them (docs.docker.com/engine/network/drivers/bridge), read and checked. */
import type { DesiredNetwork } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import { findAddress, isIpv6 } from './addresses.ts';
import { ANY_BRIDGE, ANY_VETH, isInterfaceName } from './names.ts';
import { isBridge } from './parent-options.ts';

const OPTION = 'com.docker.network.';
const ANTI_SPOOFING = 'tcompose.anti_spoofing';

export interface NetworkOptions {
  /** Absent: as the interface that leads outside has it. */
  readonly mtu?: number;
  /** What the bridge is called; absent: a name that tells whose it is. */
  readonly bridge?: string;
  /** Its containers may talk to each other. */
  readonly icc: boolean;
  /** Addresses are hidden behind the host's on the way out. */
  readonly masquerade: boolean;
  /** Behind this one of the host's; absent: that of the interface by which it leaves. */
  readonly source: Readonly<Partial<Record<4 | 6, string>>>;
  /** The bridge has no IPv4 address: somebody else is the gateway. */
  readonly inhibitIpv4: boolean;
  /** No addresses are translated, and no ports of the host lead to it: who has a route reaches the ports that are published. */
  readonly routed: Readonly<Record<4 | 6, boolean>>;
  /** Every port of its containers is open to whoever has a route to them. */
  readonly unprotected: Readonly<Record<4 | 6, boolean>>;
  /** The host has no address on it, so that containers cannot reach the host by it. */
  readonly isolated: Readonly<Record<4 | 6, boolean>>;
  /** Containers cannot speak for others; an option of our own, `tcompose.anti_spoofing`. */
  readonly antiSpoofing: boolean;
  /** What interfaces in containers are called: this and a number. */
  readonly interfacePrefix: string;
}

/** Throws `network-unusable` with the name of the option that cannot be. */
export function optionsOf({ name, driverOpts, internal, enableIpv6 }: DesiredNetwork): NetworkOptions {
  const fullName = (option: string): string => (option === ANTI_SPOOFING ? option : OPTION + option);
  const refuse = (option: string, help: string): never => {
    throw new TcomposeError(`the network ${name} asks for ${fullName(option)}: ${text(option)}`, {
      code: 'network-unusable',
      address: `network/${name}`,
      help,
    });
  };
  const text = (option: string): string | undefined => driverOpts[fullName(option)];
  const boolean = (option: string, byDefault: boolean): boolean => {
    const value = text(option);
    if (value === undefined || value === '') return byDefault;
    // Go's strconv.ParseBool.
    if (/^(1|t|T|true|TRUE|True)$/.test(value)) return true;
    if (/^(0|f|F|false|FALSE|False)$/.test(value)) return false;
    return refuse(option, 'write "true" or "false"');
  };
  const mode = (family: 4 | 6): string => {
    const option = `bridge.gateway_mode_ipv${family}`;
    const value = text(option) || 'nat';
    if (value === 'isolated' && !internal) refuse(option, 'it goes with "internal: true" only');
    if (!['nat', 'nat-unprotected', 'routed', 'isolated'].includes(value))
      refuse(option, 'possible here: nat, nat-unprotected, routed, and isolated with "internal: true"');
    return value;
  };
  const source = (family: 4 | 6): Partial<Record<4 | 6, string>> => {
    const value = text(`host_ipv${family}`);
    if (!value) return {};
    if (findAddress(value)?.family !== family) refuse(`host_ipv${family}`, 'write an address of this host');
    return { [family]: value };
  };
  const mtu = text('driver.mtu');
  // RFC 8200 5: IPv6 needs 1280; RFC 791: IPv4 needs 68.
  const least = enableIpv6 ? 1280 : 68;
  if (mtu && !(/^\d{1,5}$/.test(mtu) && (mtu === '0' || (Number(mtu) >= least && Number(mtu) <= 65535))))
    refuse('driver.mtu', `choose a number from ${least} to 65535`);
  const bridge = text('bridge.name');
  if (bridge && (!isInterfaceName(bridge) || bridge.startsWith(ANY_BRIDGE) || bridge.startsWith(ANY_VETH)))
    refuse('bridge.name', 'use at most 15 letters, digits, "_", "." and "-", and begin with neither tcb nor tcv');
  const interfacePrefix = text('container_iface_prefix') || 'eth';
  if (!/^[a-zA-Z][\w.-]{0,10}$/.test(interfacePrefix)) refuse('container_iface_prefix', 'use at most 11 characters');
  const binding = text('bridge.host_binding_ipv4');
  if (binding && (isIpv6(binding) || findAddress(binding) === undefined))
    refuse('bridge.host_binding_ipv4', 'write an IPv4 address of this host');
  return {
    ...(mtu && mtu !== '0' && { mtu: Number(mtu) }),
    ...(bridge && { bridge }),
    icc: boolean('bridge.enable_icc', true),
    masquerade: boolean('bridge.enable_ip_masquerade', true),
    source: { ...source(4), ...source(6) },
    inhibitIpv4: boolean('bridge.inhibit_ipv4', false),
    routed: { 4: mode(4) === 'routed', 6: mode(6) === 'routed' },
    unprotected: { 4: mode(4) === 'nat-unprotected', 6: mode(6) === 'nat-unprotected' },
    isolated: { 4: mode(4) === 'isolated', 6: mode(6) === 'isolated' },
    antiSpoofing: boolean(ANTI_SPOOFING, true),
    interfacePrefix,
  };
}

/** The host has no address of this family there, though containers have. */
export function isWithoutGateway(network: DesiredNetwork, family: 4 | 6): boolean {
  if (!isBridge(network)) return true;
  const { inhibitIpv4, isolated } = optionsOf(network);
  return isolated[family] || (family === 4 && inhibitIpv4);
}
