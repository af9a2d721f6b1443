/** Top-level networks: options of another driver, which nobody would read. */
import { child, childMap, childText, entriesOf } from '../../load/tree.ts';
import type { RuleContext } from '../rules.ts';
import { isExternal } from './resources.ts';

/** Whose an option is, by how it begins; those that all have are in no list. */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  'com.docker.network.bridge.': ['bridge'],
  'com.docker.network.host_ip': ['bridge'],
  'tcompose.': ['bridge'],
  parent: ['macvlan', 'ipvlan'],
  macvlan_: ['macvlan'],
  ipvlan_: ['ipvlan'],
};

export function checkNetworks({ model, findings }: RuleContext): void {
  for (const [name, network] of entriesOf(child(model, 'networks'))) {
    if (network.kind !== 'map' || isExternal(network)) continue;
    const driver = childText(network, 'driver') || 'bridge';
    for (const [option, , mark] of entriesOf(childMap(network, 'driver_opts'))) {
      const [, owners = [driver]] = Object.entries(OWNERS).find(([beginning]) => option.startsWith(beginning)) ?? [];
      if (owners.includes(driver === 'default' ? 'bridge' : driver)) continue;
      findings.warn('no-effect', `network ${name}: the driver ${driver} has no option ${option}`, mark, {
        help: `remove it, or write driver: ${owners.join(' or ')}`,
      });
    }
  }
}
