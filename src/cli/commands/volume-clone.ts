/** `tcompose volume clone` and `volume snapshot`: what is in a volume, as another volume. */
import { command } from '../command.ts';
import { toggle } from '../flags.ts';
import { copyView } from '../ui/copy-view.ts';

const flags = { pause: toggle('', 'freeze the running containers that mount it meanwhile') };
const notes =
  'Blocks are shared where the file system can (XFS, Btrfs); else they are copied. Without --pause a running container goes on writing, and the copy ' +
  'is as after a power cut. The copy is a plain volume of this host and of no project. A volume that is there is filled only when it is empty.';

export const volumeClone = command({
  usage: 'VOLUME NEW',
  flags,
  takes: [2, 2],
  dryRun: 'refused',
  notes,
  run: async (cli, { pause }, [from, to]) => {
    const operation = await import('../../operations/volumes-copies.ts');
    const view = copyView(cli, from!);
    await cli.change('clone', (context) =>
      operation.cloneVolume(context, from!, to!, { pause, ...view }).finally(view.end),
    );
    cli.out.data(`${to}\n`);
    return 0;
  },
});

export const volumeSnapshot = command({
  usage: 'VOLUME [NAME]',
  flags,
  takes: [1, 2],
  dryRun: 'refused',
  notes: `${notes} Without a name it is called VOLUME-20260131T150405Z.`,
  run: async (cli, { pause }, [volume, name]) => {
    const operation = await import('../../operations/volumes-copies.ts');
    const view = copyView(cli, volume!);
    const made = await cli.change('snapshot', (context) =>
      operation.snapshotVolume(context, volume!, name, { pause, ...view }).finally(view.end),
    );
    cli.out.data(`${made.name}\n`);
    return 0;
  },
});
