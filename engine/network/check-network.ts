/** What a network may ask for: name, families, driver options. */
import type { DesiredNetwork } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import { isNetworkName } from './network-records.ts';
import { optionsOf } from './options.ts';
import { isBridge, parentOptions } from './parent-options.ts';

export function checkNetwork(network: DesiredNetwork): void {
  const { name, enableIpv4, enableIpv6 } = network;
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
  optionsOf(network);
  if (!isBridge(network)) parentOptions(network);
}
