/** `tcompose network create`: a network of no project, for those that say `external: true`. */
import { TcomposeError } from '../../model/errors.ts';
import type { NewNetwork } from '../../operations/network-manage.ts';
import { command } from '../command.ts';
import { list, refused, text, toggle } from '../flags.ts';

const flags = {
  driver: text('d', 'DRIVER', 'what makes it: bridge, macvlan or ipvlan'),
  subnet: list('', 'SUBNET', 'a subnet, as 10.5.0.0/24 (repeat for several)'),
  gateway: list('', 'ADDRESS', 'the way out of a subnet; with a bridge its own address (repeat for several)'),
  'ip-range': list('', 'RANGE', 'addresses are chosen from this part of a subnet (repeat for several)'),
  'aux-address': list('', 'NAME=ADDRESS', 'an address that no container is given (repeat for several)'),
  'ipam-driver': text('', 'DRIVER', 'who gives out addresses', { choices: ['default'] }),
  'ipam-opt': list('', 'KEY=VALUE', 'has no effect', { hidden: true }),
  internal: toggle('', 'nothing leads outside'),
  ipv4: toggle('', 'IPv4 addresses (default; --ipv4=false)', { byDefault: true }),
  ipv6: toggle('', 'IPv6 addresses too'),
  opt: list('o', 'KEY=VALUE', 'an option of the driver, as com.docker.network.driver.mtu=1400 (repeat for several)'),
  label: list('', 'KEY=VALUE', 'a label (repeat for several)'),
  attachable: toggle('', 'has no effect', { hidden: true }),
  scope: text('', 'SCOPE', 'where it is', { choices: ['local'], hidden: true }),
  ingress: refused('', '', 'it means something on several hosts only'),
  'config-only': refused('', '', 'networks are not made of others'),
  'config-from': refused('', 'NETWORK', 'networks are not made of others'),
};

export const networkCreate = command({
  usage: 'NETWORK',
  flags,
  takes: [1, 1],
  dryRun: 'simulated',
  notes: 'It belongs to no project: files use it with "external: true", and no `tcompose down` removes it.',
  run: async (cli, given, [name = '']) => {
    const wish: NewNetwork = {
      name,
      driver: driverOf(given.driver),
      internal: given.internal,
      enableIpv4: given.ipv4,
      enableIpv6: given.ipv6,
      ipam: await poolsOf(given),
      driverOpts: pairs('opt', given.opt),
      labels: pairs('label', given.label),
    };
    const operation = await import('../../operations/network-manage.ts');
    const id = await cli.change('network create', (context) => operation.createNetwork(context, wish));
    if (id !== '') cli.out.data(`${id}\n`);
    return 0;
  },
});

function driverOf(driver = 'bridge'): NewNetwork['driver'] & string {
  if (driver === 'bridge' || driver === 'macvlan' || driver === 'ipvlan') return driver;
  throw usage(`--driver ${driver} is not known`, 'possible: bridge, macvlan, ipvlan');
}

interface Pools {
  readonly subnet: readonly string[];
  readonly gateway: readonly string[];
  readonly 'ip-range': readonly string[];
  readonly 'aux-address': readonly string[];
}

/** Which subnet the other flags are about follows from the addresses, as with docker. */
async function poolsOf(given: Pools): Promise<NonNullable<NewNetwork['ipam']>> {
  const { isWithin } = await import('../within.ts');
  const placed = (flag: string, values: readonly string[], addressOf: (value: string) => string) => {
    for (const value of values) {
      if (!given.subnet.some((subnet) => isWithin(addressOf(value), subnet)))
        throw usage(`--${flag} ${value} is in no subnet`, 'give the subnet too: --subnet');
    }
    return (subnet: string) => values.filter((value) => isWithin(addressOf(value), subnet));
  };
  const gateways = placed('gateway', given.gateway, (value) => value);
  const ranges = placed('ip-range', given['ip-range'], (value) => value.split('/')[0]!);
  const others = placed('aux-address', given['aux-address'], (value) => value.split('=')[1] ?? '');
  return given.subnet.map((subnet) => {
    const [gateway] = gateways(subnet);
    const [ipRange] = ranges(subnet);
    const aux = pairs('aux-address', others(subnet));
    return {
      subnet,
      ...(gateway ? { gateway } : {}),
      ...(ipRange ? { ipRange } : {}),
      ...(Object.keys(aux).length > 0 ? { auxAddresses: aux } : {}),
    };
  });
}

function pairs(flag: string, texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const [key = '', value = ''] = text.split(/=(.*)/s);
      if (key === '') throw usage(`--${flag} ${text} has no key`, 'write KEY=VALUE');
      return [key, value];
    }),
  );
}

const usage = (message: string, help: string) => new TcomposeError(message, { code: 'usage', help, exitCode: 2 });
