/** `tcompose commit`: what a container has written becomes an image. */
import { command } from '../command.ts';
import { count, given, list, text, toggle } from '../flags.ts';

export const commit = command({
  usage: 'SERVICE [REPOSITORY[:TAG]]',
  flags: {
    author: text('a', 'NAME', 'who made it'),
    change: list('c', 'INSTRUCTION', 'a Dockerfile instruction to apply: CMD ["nginx"]'),
    message: text('m', 'TEXT', 'what was changed'),
    pause: toggle('p', 'freeze the container meanwhile (default; --pause=false)', { byDefault: true }),
    index: count('', 'N', 'which container of the service'),
  },
  takes: [1, 2],
  dryRun: 'refused',
  run: async (cli, flags, [service, ref]) => {
    const target = await cli.target([service!]);
    const operation = await import('../../operations/commit.ts');
    const { container, image } = await cli.read((context) =>
      operation.commit(context, target, {
        service: service!,
        changes: flags.change,
        pause: flags.pause,
        ...given({ ref, message: flags.message, author: flags.author, index: flags.index }),
      }),
    );
    const style = cli.terminal.progress;
    if (style === 'json') cli.out.note(`${JSON.stringify({ id: container, text: 'Committed', image: image.id })}\n`);
    else if (style !== 'quiet') cli.out.note(` ${container} Commit ${container} Committed as ${image.id}\n`);
    return 0;
  },
});
