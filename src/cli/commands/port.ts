/** `tcompose port`: the host address that a port of a service is published at. */
import { usageError } from '../args.ts';
import { command } from '../command.ts';
import { count, given, text } from '../flags.ts';

export const port = command({
  usage: 'SERVICE PORT',
  flags: {
    protocol: text('', 'PROTOCOL', 'tcp (default), udp or sctp', { choices: ['tcp', 'udp', 'sctp'] }),
    index: count('', 'N', 'which container of the service'),
  },
  takes: [2, 2],
  run: async (cli, flags, [service, word]) => {
    const [, digits, protocol] = /^(\d+)(?:\/(tcp|udp|sctp))?$/.exec(word!) ?? [];
    const number = Number(digits);
    if (!digits || number < 1 || number > 65535)
      throw usageError(`"${word}" is not a port`, 'give a number: 80, or 53/udp');
    const target = await cli.target([service!]);
    const operation = await import('../../operations/port.ts');
    const options = {
      service: service!,
      port: number,
      ...given({ protocol: protocol ?? flags.protocol, index: flags.index }),
    };
    cli.out.data(`${await cli.read((context) => operation.port(context, target, options))}\n`);
    return 0;
  },
});
