/** `tcompose image pull`: one image from its registry, whatever the project. */
import { command } from '../command.ts';
import { text, toggle } from '../flags.ts';

export const imagePull = command({
  usage: 'IMAGE[:TAG|@DIGEST]',
  flags: {
    quiet: toggle('q', 'print only the name'),
    platform: text('', 'OS/ARCH', 'the image for another platform than this host (DOCKER_DEFAULT_PLATFORM)'),
  },
  takes: [1, 1],
  dryRun: 'refused',
  run: async (cli, flags, [ref]) => {
    const platform = flags.platform ?? (cli.env['DOCKER_DEFAULT_PLATFORM'] || undefined);
    const operation = await import('../../operations/pull.ts');
    const pulled = await cli.change('pull', (context) => operation.pullImage(context, ref!, platform), {
      quiet: flags.quiet,
    });
    const { name, familiar, digest } = operation.namesOf(pulled.image, ref!);
    const what = pulled.isNew ? 'Downloaded newer image for' : 'Image is up to date for';
    if (!flags.quiet) cli.out.data(`${digest ? `Digest: ${digest}\n` : ''}Status: ${what} ${familiar}\n`);
    cli.out.data(`${name}\n`);
    return 0;
  },
});
