/** `tcompose volume diff`: what differs between two volumes. */
import type { VolumeChange } from '../../model/volume-facts.ts';
import { command } from '../command.ts';
import { formatFlag } from '../flags.ts';
import { jsonLines } from '../ui/json.ts';

const SIGNS: Readonly<Record<VolumeChange['kind'], string>> = { added: 'A', removed: 'D', changed: 'C' };

/** A name may hold anything, also what steers terminals: JSON's escapes, where there is something to escape. */
const shown = (path: string): string => (/[\p{Cc}\p{Cf}"\\]/u.test(path) ? JSON.stringify(path) : path);

export const volumeDiff = command({
  usage: 'VOLUME OTHER',
  flags: { format: formatFlag },
  takes: [2, 2],
  notes:
    'A: only in OTHER, D: only in VOLUME, C: in both and not alike. Files of equal size and time are taken to be alike; of others the content is read.',
  run: async (cli, flags, [from, to]) => {
    const operation = await import('../../operations/volumes-copies.ts');
    const changes = await cli.read((context) => operation.diffVolumes(context, from!, to!));
    if (flags.format === 'json')
      cli.out.data(jsonLines(changes.map(({ path, kind, what }) => ({ Path: path, Kind: kind, What: what }))));
    else
      cli.out.data(
        changes
          .map(({ path, kind, what }) => `${SIGNS[kind]} ${shown(path)}${what.length ? ` (${what.join(', ')})` : ''}\n`)
          .join(''),
      );
    return 0;
  },
});
