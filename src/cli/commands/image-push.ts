/** `tcompose image push`: one image, or all tags of a name, to its registry. */
import { usageError } from '../args.ts';
import { command } from '../command.ts';
import { familiar } from '../familiar.ts';
import { toggle } from '../flags.ts';

export const imagePush = command({
  usage: 'NAME[:TAG]',
  flags: {
    'all-tags': toggle('a', 'all tags that the name has here'),
    quiet: toggle('q', 'print only the name'),
    'disable-content-trust': toggle('', 'nothing is signed in any case', { hidden: true }),
  },
  takes: [1, 1],
  dryRun: 'refused',
  run: async (cli, flags, [name]) => {
    const operation = await import('../../operations/push.ts');
    if (flags['all-tags'] && name!.lastIndexOf(':') > name!.lastIndexOf('/'))
      throw usageError('with --all-tags a name is pushed, not one tag of it', 'leave out the tag');
    const pushed = await cli.change(
      'push',
      async (context) => {
        const refs = flags['all-tags'] ? await operation.tagsOfName(context, name!) : [name!];
        if (refs.length === 0) throw usageError(`no image is called ${name}`, 'see `tcompose image ls`');
        return operation.pushImages(context, refs);
      },
      { quiet: flags.quiet },
    );
    for (const { ref, digest, size } of pushed)
      cli.out.data(flags.quiet ? `${ref}\n` : `${familiar(ref)}: digest: ${digest} size: ${size}\n`);
    return 0;
  },
});
