/** A bridge network of which nothing was said but its name. */
import type { DesiredNetwork } from './desired.ts';

export const plainNetwork = (name: string, labels: DesiredNetwork['labels'] = {}): DesiredNetwork => ({
  name,
  external: false,
  driver: 'bridge',
  internal: false,
  enableIpv4: true,
  enableIpv6: false,
  ipam: [],
  driverOpts: {},
  labels,
});
