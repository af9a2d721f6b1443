/** `tcompose system prune`: all that nobody needs goes, after it was said what that is. */
import { usageError } from '../args.ts';
import { command } from '../command.ts';
import { familiar } from '../familiar.ts';
import { list, toggle } from '../flags.ts';
import { confirm } from '../ui/consent.ts';

export const systemPrune = command({
  usage: '',
  flags: {
    all: toggle('a', 'also images that have a name, where no container uses them'),
    filter: list('', 'KEY=VALUE', 'only some: until=24h, label=KEY[=VALUE], label!=KEY[=VALUE]'),
    force: toggle('f', 'do not ask'),
    volumes: toggle('', 'anonymous volumes that no container uses, too, and the data in them'),
  },
  takes: [0, 0],
  dryRun: 'refused',
  run: async (cli, flags) => {
    const operation = await import('../../operations/system-prune.ts');
    const { sizeWords } = await import('../../operations/words.ts');
    const { all, volumes, filter: filters } = flags;
    if (volumes && filters.some((one) => one.startsWith('until=')))
      throw usageError('until does not go with --volumes', 'volumes do not know when they were last used');
    const options = { all, volumes, filters };
    const plan = await cli.read((context) => operation.planSystemPrune(context, options));
    const part = (what: string, names: readonly string[]) =>
      `  - ${what}\n${names.map((name) => `      ${familiar(name)}\n`).join('')}`;
    const warning = [
      'WARNING! This will remove:\n',
      part('all stopped containers', plan.containers),
      part('all networks not used by at least one container', plan.networks),
      volumes ? part('all anonymous volumes not used by at least one container', plan.volumes) : '',
      part(all ? 'all images without at least one container associated to them' : 'all dangling images', plan.images),
      part('unused build cache', []),
    ].join('');
    if (!flags.force && !(await confirm(cli, `${warning}\nAre you sure you want to continue? [y/N] `))) return 0;
    const done = await cli.change('prune', (context) => operation.systemPrune(context, options, plan));
    const say = (title: string, lines: readonly string[]) =>
      lines.length === 0 ? '' : `Deleted ${title}:\n${lines.map((line) => `${line}\n`).join('')}\n`;
    const gone = [
      ...done.untagged.map((name) => `untagged: ${familiar(name)}`),
      ...done.deleted.map((id) => `deleted: ${id}`),
    ];
    cli.out.data(
      `${say('Containers', done.containers)}${say('Networks', done.networks)}${say('Volumes', done.volumes)}${say('Images', gone)}Total reclaimed space: ${sizeWords(done.bytes)}\n`,
    );
    return 0;
  },
});
