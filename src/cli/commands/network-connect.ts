/** `tcompose network connect`: a container gets one network more, its process untouched. */
import { TcomposeError } from '../../model/errors.ts';
import { command } from '../command.ts';
import { list, text } from '../flags.ts';

export const networkConnect = command({
  usage: 'NETWORK CONTAINER',
  flags: {
    alias: list('', 'NAME', 'a name more that others on the network find it by (repeat for several)'),
    ip: text('', 'ADDRESS', 'its IPv4 address there'),
    ip6: text('', 'ADDRESS', 'its IPv6 address there'),
    link: list('', 'CONTAINER[:ALIAS]', 'a name that it alone finds another container by'),
    'link-local-ip': list('', 'ADDRESS', 'a link-local address more (repeat for several)'),
    'driver-opt': list('', 'KEY=VALUE', 'com.docker.network.endpoint.ifname names the interface'),
    'gw-priority': text('', 'NUMBER', 'above 0: this network leads outside from now on'),
  },
  takes: [2, 2],
  dryRun: 'simulated',
  notes:
    'The files say nothing of it: the next `tcompose plan` names the difference, and `tcompose up` puts it back. NETWORK may be written as the files have it.',
  run: async (cli, flags, [network = '', container = '']) => {
    const operation = await import('../../operations/network-connect.ts');
    const options = {
      aliases: flags.alias,
      links: flags.link,
      linkLocalIps: flags['link-local-ip'],
      first: priority(flags['gw-priority']) > 0,
      ...(flags.ip === undefined ? {} : { ipv4: flags.ip }),
      ...(flags.ip6 === undefined ? {} : { ipv6: flags.ip6 }),
      ...driverOptions(flags['driver-opt']),
    };
    await cli.change('connect', (context) => operation.connect(context, { network, container }, options));
    return 0;
  },
});

const IFNAME = 'com.docker.network.endpoint.ifname';

function driverOptions(options: readonly string[]): { readonly interfaceName?: string } {
  const other = options.find((option) => !option.startsWith(`${IFNAME}=`));
  if (other !== undefined) throw badFlag(`--driver-opt ${other} is not known`, `possible: ${IFNAME}=NAME`);
  const name = options.at(-1)?.slice(IFNAME.length + 1);
  return name === undefined ? {} : { interfaceName: name };
}

function priority(text = '0'): number {
  if (/^-?\d+$/.test(text)) return Number(text);
  throw badFlag(`--gw-priority ${text} is no whole number`, 'above 0: this network leads outside');
}

const badFlag = (message: string, help: string) => new TcomposeError(message, { code: 'usage', help, exitCode: 2 });
