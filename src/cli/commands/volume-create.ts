/** `tcompose volume create`. */
import { usageError } from '../args.ts';
import { command } from '../command.ts';
import { given, list, text } from '../flags.ts';

export const volumeCreate = command({
  usage: '[VOLUME]',
  flags: {
    driver: text('d', 'DRIVER', 'who keeps it: local, which is the default'),
    opt: list('o', 'KEY=VALUE', 'what to mount as it: type=tmpfs, device=tmpfs, o=size=100m (repeat for each)'),
    label: list('', 'KEY=VALUE', 'a label (repeat for several)'),
  },
  takes: [0, 1],
  dryRun: 'refused',
  notes: 'Without a name it gets a random one and counts as anonymous. One that is there stays as it is.',
  run: async (cli, flags, [name]) => {
    const operation = await import('../../operations/volumes-life.ts');
    const driverOpts = pairs(flags.opt, true);
    const options = { driverOpts, labels: pairs(flags.label, false), ...given({ name, driver: flags.driver }) };
    cli.out.data(`${await cli.change('create', (context) => operation.createVolume(context, options))}\n`);
    return 0;
  },
});

/** The first `=` ends the key. A label may have no value. */
function pairs(words: readonly string[], mustHaveValue: boolean): Readonly<Record<string, string>> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      if (at === 0 || word === '' || (at < 0 && mustHaveValue)) throw usageError(`"${word}" is not KEY=VALUE`, '');
      return at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}
