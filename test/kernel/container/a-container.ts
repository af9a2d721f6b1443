/** Containers of the kernel tests: busybox, and nothing set that the test does not set. */
import { createReadStream } from 'node:fs';
import { createEngine } from '../../../engine/index.ts';
import { UNSET } from '../../../engine/library/describe.ts';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import type { Engine, ExecRequest } from '../../../src/model/engine.ts';
import { buildLauncher } from '../../helpers/build-probe.ts';
import type { Instance } from '../../helpers/instance.ts';
import { busyboxTar } from '../../helpers/small-image.ts';

export const openEngine = ({ root, run }: Instance): Engine =>
  createEngine({ paths: { root, run }, launcher: buildLauncher() });

/** Id of the image. */
export async function importBusybox(engine: Engine, changes: readonly string[] = []): Promise<string> {
  const { id } = await engine.images.import(createReadStream(await busyboxTar()), 'busybox', { changes });
  return id;
}

export const aContainer = (
  imageId: string,
  name: string,
  changes: Partial<DesiredContainer> = {},
): DesiredContainer => ({
  ...UNSET,
  name,
  labels: { 'com.docker.compose.project': 'test' },
  image: { ref: 'busybox', id: imageId },
  argv: ['sleep', '1000'],
  env: {},
  user: '',
  workingDir: '',
  mounts: [],
  networkMode: { kind: 'none' },
  attachments: [],
  ports: [],
  stop: { signal: 'SIGTERM', graceMs: 0 },
  ...changes,
});

/** Throws the first failure: most tests expect none. */
export async function runContainers(engine: Engine, containers: readonly DesiredContainer[]): Promise<void> {
  const made = await engine.containers.create(containers.map((container) => ({ container })));
  for (const error of made.failed.values()) throw error;
  const started = await engine.containers.start(containers.map(({ name }) => name));
  for (const error of started.failed.values()) throw error;
}

/** What a container of this description prints until it ends. */
export async function outputOf(engine: Engine, container: DesiredContainer): Promise<string> {
  await runContainers(engine, [container]);
  await ended(engine, container.name);
  const lines: string[] = [];
  for await (const { text } of engine.containers.logs(container.name, { follow: false })) lines.push(text.toString());
  await engine.containers.remove([container.name], { anonymousVolumes: true });
  return lines.join('\n');
}

/** Its exit code. */
export const execIn = (
  engine: Engine,
  name: string,
  argv: readonly string[],
  changes: Partial<ExecRequest> = {},
): Promise<number> =>
  engine.containers.exec(name, {
    argv,
    tty: false,
    interactive: false,
    detach: false,
    env: {},
    privileged: false,
    ...changes,
  });

/** The exit code. */
export async function ended(engine: Engine, name: string): Promise<number> {
  for await (const change of engine.containers.watch(name, new AbortController().signal)) {
    if (change.status === 'exited') return change.exitCode;
  }
  return -1;
}
