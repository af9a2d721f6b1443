/** What a network may ask for: name, families, driver options. */
import type { DesiredNetwork } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import { isNetworkName } from './network-records.ts';

const OPTION = 'com.docker.network.';
const MTU_OPTION = `${OPTION}driver.mtu`;
const KNOWN_OPTIONS = [MTU_OPTION, `${OPTION}bridge.enable_icc`, `${OPTION}bridge.enable_ip_masquerade`];

export const askedMtu = ({ driverOpts }: DesiredNetwork): number | undefined =>
  driverOpts[MTU_OPTION] === undefined ? undefined : Number(driverOpts[MTU_OPTION]);

export function checkNetwork({ name, driverOpts, enableIpv4, enableIpv6 }: DesiredNetwork): void {
  const refuse = (what: string, help: string): never => {
    throw new TcomposeError(what, { code: 'network-unusable', address: `network/${name}`, help });
  };
  if (!isNetworkName(name)) {
    refuse(
      `the network's name "${name}" cannot be used`,
      'use letters, digits, "_", "." and "-", at most 200, a letter or digit first',
    );
  }
  if (!enableIpv4 && !enableIpv6)
    refuse(`the network ${name} has neither IPv4 nor IPv6`, 'set enable_ipv4 or enable_ipv6 to true');
  const unknown = Object.keys(driverOpts).find(
    (option) => option.startsWith(OPTION) && !KNOWN_OPTIONS.includes(option),
  );
  if (unknown !== undefined)
    refuse(
      `the network ${name} asks for the option ${unknown}, which tcompose does not have`,
      `remove it; known ones: ${KNOWN_OPTIONS.join(', ')}`,
    );
  const mtu = driverOpts[MTU_OPTION];
  // RFC 8200 5: IPv6 needs 1280; RFC 791: IPv4 needs 68.
  if (
    mtu !== undefined &&
    !(/^\d{2,5}$/.test(mtu) && Number(mtu) >= (enableIpv6 ? 1280 : 68) && Number(mtu) <= 65535)
  ) {
    refuse(`the network ${name} asks for an MTU of ${mtu}`, `choose a number from ${enableIpv6 ? 1280 : 68} to 65535`);
  }
}
