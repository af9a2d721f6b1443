/** `tcompose attach`: what a running container prints and reads, here. */
import { command } from '../command.ts';
import { count, given, text, toggle } from '../flags.ts';

export const attach = command({
  usage: 'SERVICE',
  flags: {
    'detach-keys': text('', 'KEYS', 'keys to leave by, without ending the container; default ctrl-p,ctrl-q'),
    index: count('', 'N', 'which container of the service'),
    'no-stdin': toggle('', 'pass nothing on that is typed here'),
    'sig-proxy': toggle('', 'pass signals on to the container (default)', { byDefault: true }),
  },
  takes: [1, 1],
  dryRun: 'refused',
  run: async (cli, flags, [service]) => {
    const target = await cli.target([service!]);
    const { attachTo } = await import('../../operations/attach-to.ts');
    return cli.read(async (context) => {
      const code = await attachTo(context, target, {
        service: service!,
        stdin: !flags['no-stdin'],
        detachKeys: flags['detach-keys'] ?? 'ctrl-p,ctrl-q',
        proxySignals: flags['sig-proxy'],
        ...given({ index: flags.index }),
      });
      if (code === undefined) cli.out.note('read escape sequence\n');
      return code ?? 0;
    });
  },
});
