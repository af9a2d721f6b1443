/** COPY and ADD one by one, against folders that a test describes: what is read, and what comes of it. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { CopyJob, CopyRequest, CopyServices } from '../../../engine/build/copy/contract.ts';
import { gather } from '../../../engine/build/copy/gather.ts';
import { parseIgnoreFile } from '../../../engine/build/ignore-file.ts';
import { parseDockerfile } from '../../../engine/build/parse.ts';
import { type Host, openHost } from '../../../engine/host.ts';
import { buildLauncher } from '../../helpers/build-probe.ts';
import { type Instance, makeInstance, nothingIsLeft, removeInstance } from '../../helpers/instance.ts';
import { overlayReach } from './a-small-builder.ts';
import { makeTree, type TreeSpec, treeLines } from './a-tree.ts';

const launcher = buildLauncher();

export interface CopyStage {
  readonly host: Host;
  /** A folder for the test's own. */
  readonly work: string;
  /** Of the build that is on. */
  readonly services: CopyServices;
  /** What follows is another build. */
  again(): void;
  body(line: string): CopyRequest['body'];
  job(line: string, folder: string, ignore?: string): Promise<CopyJob>;
  /** Lines of the layer that an instruction makes on nothing. */
  made(line: string, folder: string): Promise<readonly string[]>;
  tree(name: string, spec: TreeSpec): Promise<string>;
  bytesRead(): number;
}

export function useCopyStage(): CopyStage {
  let instance: Instance;
  let host: Host;
  let work: string;
  let services: CopyServices;
  let read = 0;
  const again = () => {
    read = 0;
    const scratch = join(work, `scratch-${Math.random().toString(36).slice(2)}`);
    mkdirSync(scratch);
    const onProgress = (what: string, bytes: number) => {
      if (what === 'reading files') read = bytes;
    };
    services = { host, scratch, secrets: [], ssh: [], signal: new AbortController().signal, onProgress };
  };
  beforeAll(async () => {
    instance = await makeInstance();
    host = openHost({ paths: instance, launcher });
    await host.instance();
    work = join(dirname(instance.root), 'work');
    mkdirSync(work);
  });
  beforeEach(again);
  afterAll(async () => {
    await host.close();
    await nothingIsLeft(instance);
    await removeInstance(instance);
  });
  const body = (line: string) => {
    const { dockerfile } = parseDockerfile(`FROM scratch\n${line}\n`, 'Dockerfile');
    return dockerfile.stages[0]!.instructions[0] as CopyRequest['body'];
  };
  const job = (line: string, folder: string, ignore = '') => {
    const from = { kind: 'folder', path: folder, ignore: parseIgnoreFile(ignore).rules } as const;
    return gather(services, { body: body(line), from, target: body(line).target });
  };
  return {
    get host() {
      return host;
    },
    get work() {
      return work;
    },
    get services() {
      return services;
    },
    again,
    body,
    job,
    async made(line, folder) {
      const { upper, reach } = overlayReach(services.scratch, []);
      await (await job(line, folder)).put({ reach }, undefined);
      return (await treeLines(host, [upper], services.scratch)).filter((text) => !text.startsWith('/ '));
    },
    async tree(name, spec) {
      const folder = join(work, name);
      await makeTree(launcher, folder, spec);
      return folder;
    },
    bytesRead: () => read,
  };
}
