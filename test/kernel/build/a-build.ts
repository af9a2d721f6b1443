/** Builds for tests: a Dockerfile and a context as texts, what was told on the way, and what the image shows when it runs. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BuildEvent, BuildRequest, Built } from '../../../src/model/build.ts';
import type { Engine, ImageInfo } from '../../../src/model/engine.ts';
import type { Instance } from '../../helpers/instance.ts';
import { aContainer, outputOf } from '../container/a-container.ts';

export const REQUEST: BuildRequest = {
  context: { kind: 'empty' },
  dockerfile: { path: 'Dockerfile' },
  args: {},
  labels: {},
  tags: [],
  contexts: {},
  noCache: false,
  noCacheFilter: [],
  pull: false,
  network: 'none',
  extraHosts: [],
  secrets: [],
  ssh: [],
  ulimits: {},
  privileged: false,
};

export interface Told {
  readonly events: readonly BuildEvent[];
  /** All that steps printed. */
  readonly output: string;
  /** Titles of steps that ended so. */
  titles(state: 'cached' | 'done' | 'failed' | 'canceled'): readonly string[];
}

export interface BuildOutcome extends Told {
  readonly built: Built;
  readonly image: ImageInfo;
}

/** Titles without those that are about no instruction. */
function told(events: readonly BuildEvent[]): Told {
  const output = events.flatMap((event) => (event.type === 'output' ? [Buffer.from(event.bytes).toString()] : []));
  return {
    events,
    output: output.join(''),
    titles: (state) =>
      events.flatMap((event) =>
        event.type === 'step' && event.state === state && !/^\[internal\]|^exporting/.test(event.step.title)
          ? [event.step.title.replace(/^\[.*?\] /, '')]
          : [],
      ),
  };
}

/** A folder of the host with these files: text, or text and mode. */
export function aContext(
  instance: Instance,
  files: Readonly<Record<string, string | readonly [string, number]>>,
): string {
  const folder = mkdtempSync(join(dirname(instance.root), 'context-'));
  for (const [name, file] of Object.entries(files)) {
    const [text, mode] = typeof file === 'string' ? [file, 0o644] : file;
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), mode);
  }
  return folder;
}

/** Throws as the engine does; what was told until then is in `seen`. */
export async function build(
  engine: Engine,
  text: string,
  more: Partial<BuildRequest> = {},
  seen: BuildEvent[] = [],
): Promise<BuildOutcome> {
  const onEvent = (event: BuildEvent) => {
    seen.push(event);
    return more.onEvent?.(event);
  };
  const built = await engine.images.build({ ...REQUEST, dockerfile: { text }, ...more, onEvent });
  return { built, image: built.image, ...told(seen) };
}

export async function failedBuild(
  engine: Engine,
  text: string,
  more: Partial<BuildRequest> = {},
): Promise<Told & { readonly error: Error }> {
  const seen: BuildEvent[] = [];
  const error = await build(engine, text, more, seen).then(
    () => new Error('it was built'),
    (reason: Error) => reason,
  );
  return { error, ...told(seen) };
}

let count = 0;

/** What a shell in a container of the image prints. */
export const shown = (engine: Engine, image: ImageInfo, command: string): Promise<string> =>
  outputOf(engine, aContainer(image.id, `shown-${++count}`, { argv: ['sh', '-c', command], user: '0' }));

export const cleanUp = (folders: readonly string[]): void => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
};
