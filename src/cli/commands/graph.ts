/** `tcompose graph`: draws services, networks, ports, links and volumes as they live, or what a plan would change of them. */
import { TcomposeError } from '../../model/errors.ts';
import { command } from '../command.ts';
import { text, toggle } from '../flags.ts';
import { paint } from '../ui/paint.ts';

export const graph = command({
  usage: '',
  flags: {
    format: text('', 'FORMAT', 'how to draw: ascii (default), dot, mermaid or svg', {
      choices: ['ascii', 'dot', 'mermaid', 'svg'],
    }),
    plan: toggle('', 'colour what `tcompose up` would create, change, make anew or remove'),
    output: text('o', 'FILE', 'write there; default: standard output'),
  },
  takes: [0, 0],
  notes: 'Where nothing of the project lives, what its files want is drawn.',
  run: async (cli, flags) => {
    const target = flags.plan ? await projectTarget(cli) : await cli.target();
    const operation = await import('../../operations/graph.ts');
    const found = await cli.read((context) => operation.graph(context, target, { plan: flags.plan }));
    const isScreen = flags.output === undefined;
    const color = paint(isScreen && cli.terminal.colorsOnStdout);
    const draw = {
      ascii: () => operation.asciiOf(found, { columns: 80, tint: (change, line) => color(HUES[change], line) }),
      dot: () => operation.dotOf(found),
      mermaid: () => operation.mermaidOf(found),
      svg: () => operation.svgOf(found),
    }[(flags.format ?? 'ascii') as 'ascii'];
    if (isScreen) cli.out.data(draw());
    else await written(flags.output!, draw());
    return 0;
  },
});

const HUES = {
  create: 'green',
  update: 'yellow',
  recreate: 'boldYellow',
  remove: 'red',
  ill: 'red',
  off: 'dim',
} as const;

async function projectTarget(cli: Parameters<typeof graph.run>[0]) {
  const project = await cli.project();
  return { name: project.name, project };
}

async function written(file: string, drawing: string): Promise<void> {
  const { writeFile } = await import('node:fs/promises');
  try {
    await writeFile(file, drawing);
  } catch (cause) {
    throw new TcomposeError(`cannot write ${file}: ${(cause as { code?: string }).code}`, {
      code: 'output-failed',
      help: 'name a file in a folder that is there and may be written to',
      cause,
    });
  }
}
