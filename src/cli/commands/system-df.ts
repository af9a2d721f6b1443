/** `tcompose system df`: what images, containers, volumes and what builds have made take on the disk. */
import { command } from '../command.ts';
import { templateFlag, toggle } from '../flags.ts';
import { renderRows } from '../ui/rows.ts';

export const systemDf = command({
  usage: '',
  flags: { format: templateFlag, verbose: toggle('v', 'each image, container and volume') },
  takes: [0, 0],
  run: async (cli, flags) => {
    const operation = await import('../../operations/disk-usage.ts');
    const usage = await cli.read((context) => operation.diskUsage(context));
    const isTable = flags.format === undefined || flags.format === 'table';
    if (!flags.verbose) {
      const table = 'table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}';
      cli.out.data(await renderRows(isTable ? table : flags.format!, usage.rows, { TotalCount: 'TOTAL' }));
      return 0;
    }
    const { images, containers, volumes, cache } = usage;
    if (flags.format === 'json') {
      cli.out.data(
        `${JSON.stringify({ Images: images, Containers: containers, Volumes: volumes, BuildCache: cache })}\n`,
      );
      return 0;
    }
    const { sizeWords } = await import('../../operations/words.ts');
    const parts = [
      [
        'Images',
        images,
        IMAGES,
        { ID: 'IMAGE ID', CreatedSince: 'CREATED', SharedSize: 'SHARED SIZE', UniqueSize: 'UNIQUE SIZE' },
      ],
      [
        'Containers',
        containers,
        CONTAINERS,
        { ID: 'CONTAINER ID', LocalVolumes: 'LOCAL VOLUMES', RunningFor: 'CREATED' },
      ],
      ['Local Volumes', volumes, VOLUMES, { Name: 'VOLUME NAME' }],
    ] as const;
    for (const [title, rows, table, headers] of parts)
      cli.out.data(`${title} space usage:\n\n${await renderRows(isTable ? table : flags.format!, rows, headers)}\n`);
    cli.out.data(`Build cache usage: ${sizeWords(cache.bytes)} in ${cache.entries} entries\n`);
    return 0;
  },
});

const IMAGES =
  'table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}';
const CONTAINERS =
  'table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}';
const VOLUMES = 'table {{.Name}}\t{{.Links}}\t{{.Size}}';
