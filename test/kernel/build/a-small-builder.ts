/** FROM, COPY, ADD and WORKDIR without anything around them: as much of a build as it takes to try what is copied. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { CopyServices, SourceTree } from '../../../engine/build/copy/contract.ts';
import { gather } from '../../../engine/build/copy/gather.ts';
import { ignoreFileNames, parseIgnoreFile } from '../../../engine/build/ignore-file.ts';
import type { Instruction } from '../../../engine/build/instruction.ts';
import { parseDockerfile } from '../../../engine/build/parse.ts';
import { CLONE, MS, O_CLOEXEC, O_DIRECTORY, O_PATH } from '../../../engine/container/linux.ts';
import type { LaunchOp } from '../../../engine/launcher/ops.ts';
import { overlayOps } from '../../../engine/launcher/overlay.ts';

const NAMES: Readonly<Record<string, number>> = { app: 1000, grp: 2000 };

export function ownerOf(chown: string | undefined) {
  if (chown === undefined) return undefined;
  const [user = '', group] = chown.split(':');
  const uid = NAMES[user] ?? Number(user);
  return { uid, gid: group === undefined ? (user === 'app' ? 1001 : uid) : (NAMES[group] ?? Number(group)) };
}

export function overlayReach(
  scratch: string,
  layers: readonly string[],
): { upper: string; reach: readonly LaunchOp[] } {
  const at = join(scratch, `step-${layers.length}-${Math.random().toString(36).slice(2)}`);
  const [upper, work, on, empty] = ['upper', 'work', 'on', 'empty'].map((name) => join(at, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const folder of [upper, work, on, empty]) mkdirSync(folder, { recursive: true, mode: 0o755 });
  const reach: readonly LaunchOp[] = [
    { op: 'unshare', flags: CLONE.NEWNS },
    { op: 'mount', source: 'none', path: '/', type: '', flags: MS.REC | MS.PRIVATE },
    ...overlayOps({ layers: [...layers, empty], writable: { upper, work }, on, flags: 0 }),
    { op: 'open', slot: 0, path: on, flags: O_PATH | O_DIRECTORY | O_CLOEXEC },
  ];
  return { upper, reach };
}

const readOr = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** Layers of the last stage, topmost first. */
export async function buildSmall(services: CopyServices, context: string, base: string): Promise<readonly string[]> {
  const { dockerfile } = parseDockerfile(readFileSync(join(context, 'Dockerfile'), 'utf8'), 'Dockerfile');
  const { rules } = parseIgnoreFile(
    ignoreFileNames('Dockerfile')
      .map((name) => readOr(join(context, name)))
      .find(Boolean) ?? '',
  );
  const stages = new Map<string, readonly string[]>();
  let layers: readonly string[] = [];
  for (const [index, stage] of dockerfile.stages.entries()) {
    layers = stage.from.image === 'base' ? [base] : [];
    let folder = '/';
    for (const instruction of stage.instructions as readonly Instruction[]) {
      if (instruction.kind === 'WORKDIR') folder = posix.resolve(folder, instruction.value);
      if (instruction.kind !== 'COPY' && instruction.kind !== 'ADD') continue;
      const { from: name } = instruction.flags;
      const from: SourceTree =
        name === undefined
          ? { kind: 'folder', path: context, ignore: rules }
          : { kind: 'layers', layers: stages.get(name)!, key: stages.get(name)!.join(':') };
      const target = instruction.target.startsWith('/')
        ? instruction.target
        : posix.join(folder, instruction.target === '.' ? './' : instruction.target);
      const job = await gather(services, { body: instruction, from, target });
      const { upper, reach } = overlayReach(services.scratch, layers);
      await job.put({ reach }, ownerOf(instruction.flags['chown']));
      layers = [upper, ...layers];
    }
    stages.set(String(index), layers);
    if (stage.from.name !== undefined) stages.set(stage.from.name, layers);
  }
  return layers;
}
