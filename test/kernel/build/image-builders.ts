/**
 * What other builders make of a Dockerfile: dockerd's two, and buildah. Only for recording: TCOMPOSE_RECORD_WITH names a docker client
 * whose daemon keeps its layers in folders of this host (overlay2); buildah(1) is used where it is installed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../../../engine/host.ts';
import { docker } from './a-docker.ts';
import { treeLines } from './a-tree.ts';

export interface Wish {
  readonly args?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly target?: string;
}

/** What can be compared: the files, and the configuration without times and ids. */
export interface BuiltElsewhere {
  readonly tree: readonly string[];
  readonly config: Readonly<Record<string, unknown>>;
}

/** Of the work folder, the Dockerfile beside the context, and what the command line says. */
export interface Task {
  readonly host: Host;
  readonly scratch: string;
  readonly context: string;
  readonly dockerfile: string;
  readonly wish: Wish;
}

const FIELDS = ['Env', 'Entrypoint', 'Cmd', 'User', 'WorkingDir', 'ExposedPorts', 'Volumes', 'Labels', 'StopSignal'];
const MORE = ['Healthcheck', 'Shell', 'OnBuild'];

/** Empty values and absent ones are the same. */
export function comparable(config: Readonly<Record<string, unknown>>, author: unknown): Record<string, unknown> {
  const isEmpty = (value: unknown) =>
    value === null ||
    value === undefined ||
    value === '' ||
    (typeof value === 'object' && Object.keys(value as object).length === 0);
  const entries = [...[...FIELDS, ...MORE].map((key) => [key, config[key]] as const), ['Author', author] as const];
  return Object.fromEntries(entries.filter(([, value]) => !isEmpty(value)).map(([key, value]) => [key, sorted(value)]));
}

const sorted = (value: unknown): unknown =>
  value && typeof value === 'object' && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

function call(argv: readonly string[], env: NodeJS.ProcessEnv = {}): { ok: boolean; out: string; last: string } {
  const { status, stdout, stderr } = spawnSync(argv[0]!, argv.slice(1), {
    env: { ...process.env, ...env },
    maxBuffer: 1 << 28,
  });
  const said = (stderr.toString() + stdout.toString()).trim().split('\n');
  return {
    ok: status === 0,
    out: stdout.toString().trim(),
    last: (said.at(-1) ?? '').replaceAll(/[0-9a-f]{12,64}/g, 'X'),
  };
}

const flagsOf = ({ args = {}, labels = {}, target }: Wish): readonly string[] => [
  ...Object.entries(args).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]),
  ...Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]),
  ...(target ? ['--target', target] : []),
];

export async function byDocker(task: Task, builder: 'legacy' | 'buildkit'): Promise<BuiltElsewhere | string> {
  const env = { DOCKER_BUILDKIT: builder === 'legacy' ? '0' : '1' };
  const network = builder === 'legacy' ? ['--network', 'none'] : [];
  const words = [docker!, 'build', '--no-cache', '-q', '-t', 'tried', ...network, ...flagsOf(task.wish)];
  const built = call([...words, '-f', task.dockerfile, task.context], env);
  if (!built.ok) return built.last;
  const [image] = JSON.parse(call([docker!, 'image', 'inspect', 'tried']).out);
  const { UpperDir, LowerDir } = image.GraphDriver.Data as { UpperDir: string; LowerDir?: string };
  const tree = await treeLines(task.host, [UpperDir, ...(LowerDir?.split(':') ?? [])], task.scratch);
  return { tree, config: comparable(image.Config, image.Author) };
}

/** What its chroot leaves of its own mounts. */
const MOUNT_POINTS = /^\/(?:etc\/(?:hosts|hostname|resolv\.conf) f755|run d755) /;

export const hasBuildah = (): boolean => existsSync('/usr/bin/buildah');

const buildah = (store: string, ...words: readonly string[]) =>
  call([
    'buildah',
    '--root',
    join(store, 'root'),
    '--runroot',
    join(store, 'run'),
    '--storage-driver',
    'vfs',
    ...words,
  ]);

/** The base image in a store of its own. */
export function prepareBuildah(store: string, tar: string): void {
  mkdirSync(store, { recursive: true });
  const from = buildah(store, 'from', 'scratch');
  if (!from.ok) throw new Error(from.last);
  for (const words of [
    ['add', from.out, tar, '/'],
    ['commit', from.out, 'localhost/basis'],
    ['rm', from.out],
  ]) {
    const done = buildah(store, ...words);
    if (!done.ok) throw new Error(done.last);
  }
}

export async function byBuildah(task: Task, store: string): Promise<BuiltElsewhere | string> {
  const words = [
    'bud',
    '--no-cache',
    '-q',
    '--format',
    'docker',
    '--isolation',
    'chroot',
    '--network',
    'host',
    '-t',
    'tried',
  ];
  const built = buildah(store, ...words, ...flagsOf(task.wish), '-f', task.dockerfile, task.context);
  if (!built.ok) return built.last;
  const { Docker } = JSON.parse(buildah(store, 'inspect', '--type', 'image', 'tried').out);
  // What is to be done on the way from an image (ONBUILD) is done then, too, and fails without a context.
  const from = buildah(store, 'from', 'localhost/tried').out;
  if (from === '') return 'no container can be made of it';
  const folder = buildah(store, 'mount', from).out;
  try {
    const tree = await treeLines(task.host, [folder], task.scratch);
    const { 'io.buildah.version': _, ...Labels } = Docker.config.Labels ?? {};
    return {
      tree: tree.filter((line) => !MOUNT_POINTS.test(line)),
      config: comparable({ ...Docker.config, Labels }, Docker.author),
    };
  } finally {
    buildah(store, 'rm', from);
    buildah(store, 'rmi', 'tried');
  }
}
