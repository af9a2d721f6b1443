/** `tcompose image build`: an image of a Dockerfile, with the flags of `docker build`. */
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { PlannedBuild } from '../../model/build.ts';
import { epochOf } from '../../operations/build-request.ts';
import type { Context } from '../../operations/context.ts';
import { usageError } from '../args.ts';
import { type Cli, command } from '../command.ts';
import { type FlagValues, list, text, toggle } from '../flags.ts';
import { printFindings } from './build-check.ts';
import { sayNoEffect } from './build-no-effect.ts';
import { isKept, outputsOf, writeOutputs } from './build-output.ts';
import * as words from './build-words.ts';

const FLAGS = {
  tag: list('t', 'NAME[:TAG]', 'a name for the image (repeat for several)'),
  file: text('f', 'FILE', 'the Dockerfile; default: Dockerfile in the context; - is standard input'),
  'build-arg': list('', 'KEY=VALUE', 'a value for an ARG (KEY alone: as it is here)'),
  'build-context': list('', 'NAME=PLACE', 'one more context: a folder, an address, docker-image://NAME'),
  target: text('', 'STAGE', 'the stage to build; default: the last'),
  label: list('', 'KEY=VALUE', 'a label of the image'),
  'no-cache': toggle('', 'build every step again'),
  'no-cache-filter': list('', 'STAGE', 'build every step of this stage again'),
  pull: toggle('', 'ask the registry for base images even when they are here'),
  platform: text('', 'OS/ARCH', 'for another platform than this host (DOCKER_DEFAULT_PLATFORM)'),
  secret: list('', 'id=NAME,src=FILE', 'for RUN --mount=type=secret; or id=NAME,env=VARIABLE'),
  ssh: list('', 'ID=PATH', 'an agent or key for RUN --mount=type=ssh: default, or ID=PATH'),
  network: text('', 'NAME', 'of RUN: default, none, host, or the name of a network'),
  'add-host': list('', 'HOST:ADDRESS', 'a name that RUN knows'),
  'shm-size': text('', 'SIZE', 'size of /dev/shm'),
  ulimit: list('', 'NAME=SOFT[:HARD]', 'a limit of processes'),
  'cgroup-parent': text('', 'PATH', 'where the control group of RUN is'),
  allow: list('', 'WHAT', 'security.insecure: RUN may do what root may'),
  iidfile: text('', 'FILE', 'write the id of the image to a file'),
  'metadata-file': text('', 'FILE', 'write what was built to a file, as JSON'),
  quiet: toggle('q', 'print only the id of the image'),
  check: toggle('', 'only look for mistakes in the Dockerfile'),
  output: list('o', 'WHAT', 'where the result goes: type=local|tar|oci|docker,dest=PLACE; a FOLDER alone: its files'),
  push: toggle('', 'push it afterwards, by all of its names'),
  load: toggle('', 'keep it in the store (always so)', { hidden: true }),
  attest: list('', 'WHAT', 'no effect', { hidden: true }),
  provenance: text('', 'WHAT', 'no effect', { hidden: true }),
  sbom: text('', 'WHAT', 'no effect', { hidden: true }),
  annotation: list('', 'KEY=VALUE', 'no effect', { hidden: true }),
  builder: text('', 'NAME', 'no effect', { hidden: true }),
  'cache-from': list('', 'WHAT', 'no effect', { hidden: true }),
  'cache-to': list('', 'WHAT', 'no effect', { hidden: true }),
  memory: text('m', 'SIZE', 'no effect', { hidden: true }),
  'memory-swap': text('', 'SIZE', 'no effect', { hidden: true }),
  'cpu-shares': text('c', 'N', 'no effect', { hidden: true }),
  'cpu-period': text('', 'N', 'no effect', { hidden: true }),
  'cpu-quota': text('', 'N', 'no effect', { hidden: true }),
  'cpuset-cpus': text('', 'CPUS', 'no effect', { hidden: true }),
  'cpuset-mems': text('', 'NODES', 'no effect', { hidden: true }),
  isolation: text('', 'WHAT', 'no effect', { hidden: true }),
  'security-opt': list('', 'WHAT', 'no effect', { hidden: true }),
  rm: toggle('', 'always so', { hidden: true, byDefault: true }),
  'force-rm': toggle('', 'always so', { hidden: true }),
  compress: toggle('', 'no effect', { hidden: true }),
  'disable-content-trust': toggle('', 'no effect', { hidden: true }),
} as const;

type BuildFlags = FlagValues<typeof FLAGS>;

const NO_EFFECT = [
  ...['attest', 'provenance', 'sbom', 'annotation', 'builder', 'cache-from', 'cache-to', 'memory', 'memory-swap'],
  ...['cpu-shares', 'cpu-period', 'cpu-quota', 'cpuset-cpus', 'cpuset-mems', 'isolation', 'security-opt'],
];

export const imageBuild = command({
  usage: 'FOLDER|ADDRESS|-',
  flags: FLAGS,
  takes: [1, 1],
  dryRun: 'simulated',
  run: async (cli, flags, [place]) => {
    const outputs = outputsOf(flags.output, cli.terminal.stdout);
    sayNoEffect(cli, flags, NO_EFFECT);
    const operation = await import('../../operations/build.ts');
    const source = await sourceOf(cli, flags, place!);
    try {
      const { build: wanted, contents } = requestOf(cli, flags, source);
      const build = { ...wanted, tags: isKept(outputs) ? wanted.tags : [] };
      if (flags.check)
        return await cli.read(async (context) => printFindings(cli, await operation.checkBuilds(context, [build])));
      const make = async (context: Context) => {
        const made = await operation.buildImage(context, build, contents);
        if (made !== undefined && !cli.globals['dry-run'])
          await writeOutputs(cli, context.engine, made, { tags: build.tags, outputs });
        if (flags.push || outputs.some(({ type }) => type === 'registry'))
          await (await import('../../operations/push.ts')).pushImages(context, build.tags);
        return made;
      };
      const made = await cli.change('build', make, { quiet: flags.quiet });
      if (made === undefined || cli.globals['dry-run']) return 0;
      await writeDown(flags, made.image.id, build.tags);
      if (flags.quiet && !outputs.some(({ dest }) => dest === '-')) cli.out.data(`${made.image.id}\n`);
      return 0;
    } finally {
      await source.remove?.();
    }
  },
});

interface Source extends Pick<PlannedBuild, 'context' | 'dockerfile'> {
  /** A copy of what was piped in. */
  readonly remove?: () => Promise<void>;
}

/** The context and the Dockerfile: `-` stands for either, but not for both. */
async function sourceOf(cli: Cli, { file }: BuildFlags, place: string): Promise<Source> {
  const reads = place === '-' || file === '-';
  if (place === '-' && file === '-') throw usageError('the context and the Dockerfile cannot both be standard input');
  if (reads && cli.terminal.stdin)
    throw usageError('standard input is a terminal', 'pipe a Dockerfile or an archive in, or name a folder');
  if (place !== '-') {
    const context = words.contextFrom(place);
    if (file === '-') {
      const piped = words.readPipe();
      if ('archive' in piped) throw usageError('-f - needs a Dockerfile, and an archive was piped in');
      return { context, dockerfile: { text: piped.text } };
    }
    const isFolder = context.kind === 'folder';
    return { context, dockerfile: { path: file === undefined ? 'Dockerfile' : isFolder ? resolve(file) : file } };
  }
  const piped = words.readPipe();
  if ('text' in piped) {
    if (file !== undefined)
      throw usageError('a Dockerfile was piped in, and -f names another', 'leave out one of the two');
    return { context: { kind: 'empty' }, dockerfile: { text: piped.text } };
  }
  const { mkdtemp, rm, writeFile } = await import('node:fs/promises');
  const folder = await mkdtemp(`${(await import('node:os')).tmpdir()}/tcompose-context-`);
  const remove = () => rm(folder, { recursive: true, force: true });
  const path = `${folder}/${randomBytes(4).toString('hex')}.tar`;
  try {
    await writeFile(path, piped.archive, { mode: 0o600 });
  } catch (error) {
    await remove();
    throw error;
  }
  return { context: { kind: 'archive', path }, dockerfile: { path: file ?? 'Dockerfile' }, remove };
}

function requestOf(cli: Cli, flags: BuildFlags, { context, dockerfile }: Source) {
  const args = words.argsOf(flags['build-arg'], cli.env);
  const platform = flags.platform ?? (cli.env['DOCKER_DEFAULT_PLATFORM'] || undefined);
  if (platform?.includes(','))
    throw usageError('an image is built for one platform at a time', 'build one after the other');
  const epoch = epochOf(args, { environment: cli.env });
  const contents = new Map<string, Uint8Array>();
  const secrets = flags.secret.map(words.secretOf).map(({ id, source }) => {
    if (!('content' in source)) return { id, source };
    contents.set(id, source.content);
    return { id, source: { digest: id } };
  });
  const agent = cli.env['SSH_AUTH_SOCK'];
  const build: PlannedBuild = {
    context,
    dockerfile,
    ...(flags.target ? { target: flags.target } : {}),
    args,
    labels: words.labelsOf(flags.label),
    tags: flags.tag,
    contexts: words.contextsOf(flags['build-context']),
    noCache: flags['no-cache'],
    noCacheFilter: flags['no-cache-filter'].flatMap((word) => word.split(',')),
    pull: flags.pull,
    ...(platform ? { platform } : {}),
    network: flags.network || 'default',
    extraHosts: flags['add-host'].map(words.hostOf),
    secrets,
    ssh: Object.entries(words.sshOf(flags.ssh)).map(([id, path]) => ({
      id,
      ...((path ?? agent) ? { path: (path ?? agent)! } : {}),
    })),
    ...(flags['shm-size'] ? { shmSize: words.bytesOf('--shm-size', flags['shm-size']) } : {}),
    ulimits: words.ulimitsOf(flags.ulimit),
    privileged: flags.allow.includes('security.insecure'),
    ...(flags['cgroup-parent'] ? { cgroupParent: flags['cgroup-parent'] } : {}),
    ...(epoch === undefined ? {} : { sourceDateEpoch: epoch }),
  };
  return { build, contents };
}

/** The keys of Docker's metadata file. */
async function writeDown(flags: BuildFlags, id: string, tags: readonly string[]): Promise<void> {
  const { writeFile } = await import('node:fs/promises');
  if (flags.iidfile) await writeFile(flags.iidfile, id);
  if (!flags['metadata-file']) return;
  const facts = {
    'containerimage.config.digest': id,
    // Without a registry an image is its configuration, as with Docker's own driver.
    'containerimage.digest': id,
    ...(tags.length > 0 && { 'image.name': tags.join(',') }),
  };
  await writeFile(flags['metadata-file'], `${JSON.stringify(facts, undefined, 2)}\n`);
}
