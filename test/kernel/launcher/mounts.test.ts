/** Operations on mounts: what a container finds where, and that neither a link in its image nor one in a volume leads out. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LaunchOp } from '../../../engine/launcher/ops.ts';
import { LAUNCHERS, MS, O, openWorkshop, probe, type Workshop } from './probe-container.ts';
import { failure, runInside, type Surroundings } from './run-inside.ts';

const RDONLY = 1;

describe.each(LAUNCHERS)('mounts %s', (_which, binary) => {
  let workshop: Workshop;
  beforeAll(() => {
    workshop = openWorkshop(binary());
  });
  afterAll(() => workshop.close());

  const runIn = (inside: readonly LaunchOp[], options?: Surroundings) => runInside(workshop, inside, options);
  const source = () => {
    const folder = join(workshop.folder, `source-${Math.random()}`);
    mkdirSync(join(folder, 'sub'), { recursive: true });
    writeFileSync(join(folder, 'file'), 'content\n');
    return folder;
  };
  const bind = (from: string, inside: string, more: object = {}): LaunchOp => ({
    op: 'bind-in',
    root: 0,
    source: from,
    inside,
    recursive: true,
    attributes: 0,
    propagation: 0,
    ...more,
  });
  const at = (path: string) => (root: string) => mkdirSync(join(root, path), { recursive: true });

  test('a bind is what its source is; read-only is read-only from the first moment', async () => {
    const from = source();
    const { output } = await runIn(
      [probe(['cat', '/data/file'], ['write', '/data/new', 'x'], ['write', '/ro/new2', 'x'])],
      {
        prepare: (root) => ['data', 'ro'].forEach((path) => void mkdirSync(join(root, path))),
        outside: [bind(from, '/data'), bind(from, '/ro', { attributes: RDONLY })],
      },
    );
    expect(output).toBe('content\nwrite /data/new: ok\nwrite /ro/new2: Read-only file system\n');
    expect(existsSync(join(from, 'new'))).toBe(true);
  });

  test('read-only reaches mounts below, when the whole tree is bound', async () => {
    const from = source();
    const { output } = await runIn([probe(['write', '/data/sub/f', 'x'])], {
      prepare: at('data'),
      outside: [
        { op: 'mount', source: 'tmpfs', path: join(from, 'sub'), type: 'tmpfs', flags: 0 },
        bind(from, '/data', { attributes: RDONLY }),
      ],
    });
    expect(output).toBe('write /data/sub/f: Read-only file system\n');
  });

  test('a target that is a symbolic link out is mounted inside, or not at all', async () => {
    const from = source();
    const outside = source();
    const { output } = await runIn([probe(['cat', '/target/file'], ['cat', `${outside}/file`])], {
      prepare: (root) => {
        mkdirSync(join(root, outside), { recursive: true });
        symlinkSync(`../../../../../../../..${outside}`, join(root, 'target'));
      },
      outside: [bind(from, '/target')],
    });
    expect(output).toBe('content\ncontent\n');
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(outside);
    const nowhere = runIn([probe()], {
      prepare: (root) => symlinkSync(workshop.folder, join(root, 'out')),
      outside: [bind(from, '/out')],
    });
    expect(await failure(nowhere)).toBe('bind-in ENOENT');
  });

  test('a source beneath a slot stays beneath it', async () => {
    const volume = source();
    symlinkSync('/etc', join(volume, 'leak'));
    const opened = { op: 'open', slot: 2, path: volume, flags: O.PATH | O.DIRECTORY } as const;
    const of = (sourceInside: string) => bind('', '/data', { sourceRoot: 2, sourceInside });
    const { output } = await runIn([probe(['cat', '/data'])], {
      prepare: (root) => writeFileSync(join(root, 'data'), ''),
      outside: [opened, of('file')],
    });
    expect(output).toBe('content\n');
    expect(await failure(runIn([probe()], { prepare: at('data'), outside: [opened, of('leak')] }))).toBe(
      'bind-in ENOENT',
    );
  });

  test('a folder onto a file is refused, and optional means without', async () => {
    const from = source();
    const prepare = (root: string) => writeFileSync(join(root, 'data'), '');
    expect(await failure(runIn([probe()], { prepare, outside: [bind(from, '/data')] }))).toBe('bind-in ENOTDIR');
    const { output } = await runIn([probe(['echo', 'fine'])], {
      prepare,
      outside: [bind(from, '/data', { optional: true })],
    });
    expect(output).toBe('fine\n');
  });

  test('masked paths are empty, read-only ones cannot be written, absent ones do not matter', async () => {
    const { output } = await runIn(
      [
        probe(
          ['cat', '/secret/file'],
          ['cat', '/secret-file'],
          ['write', '/secret/x', 'x'],
          ['write', '/proc/sys/kernel/hostname', 'x'],
        ),
      ],
      {
        prepare: (root) => {
          mkdirSync(join(root, 'secret'));
          writeFileSync(join(root, 'secret/file'), 'hidden');
          writeFileSync(join(root, 'secret-file'), 'hidden');
        },
        outside: [
          ...['/secret', '/secret-file', '/absent', '/secret-file/absent'].map(
            (inside) => ({ op: 'mask-in', root: 0, inside }) as const,
          ),
          { op: 'readonly-in', root: 0, inside: '/proc/sys' },
          { op: 'readonly-in', root: 0, inside: '/absent' },
        ],
      },
    );
    expect(output).not.toContain('hidden');
    expect(output).toContain('/secret/file: No such file or directory');
    expect(output).toContain('write /secret/x: Read-only file system');
    expect(output).toContain('write /proc/sys/kernel/hostname: Read-only file system');
  });

  test('the root may be made read-only after the pivot, and the host’s mounts are gone', async () => {
    const { output } = await runIn([
      { op: 'remount-root', attributes: RDONLY },
      probe(['write', '/x', 'x'], ['cat', '/proc/self/mountinfo']),
    ]);
    expect(output).toContain('write /x: Read-only file system');
    expect(
      output
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.split(' ')[4]),
    ).toEqual(['/', '/proc']);
  });

  test('overlay and tmpfs, with their options; what is unmounted is gone', async () => {
    const layers = join(workshop.folder, `layers-${Math.random()}`);
    const [lower, scratch] = [source(), join(layers, 'scratch')];
    mkdirSync(scratch, { recursive: true });
    const { output } = await runIn(
      [probe(['cat', '/mnt/file'], ['write', '/mnt/new', 'x'], ['stat', '/tmpfs'], ['stat', '/gone/x'])],
      {
        prepare: (root) => ['mnt', 'tmpfs', 'gone'].forEach((path) => void mkdirSync(join(root, path))),
        outside: [
          {
            op: 'mount-in',
            root: 0,
            source: 'tmpfs',
            inside: '/tmpfs',
            type: 'tmpfs',
            flags: MS.NOSUID,
            data: 'mode=1777',
          },
          { op: 'mount', source: 'tmpfs', path: scratch, type: 'tmpfs', flags: 0 },
          { op: 'mkdir', path: `${scratch}/upper`, mode: 0o755 },
          { op: 'mkdir', path: `${scratch}/work`, mode: 0o755 },
          {
            op: 'mount-in',
            root: 0,
            source: 'overlay',
            inside: '/mnt',
            type: 'overlay',
            flags: 0,
            data: `lowerdir=${lower},upperdir=${scratch}/upper,workdir=${scratch}/work`,
          },
          { op: 'mount', source: 'tmpfs', path: layers, type: 'tmpfs', flags: 0 },
          { op: 'umount', path: layers, flags: 0 },
        ],
      },
    );
    expect(output).toContain('content\nwrite /mnt/new: ok\n/tmpfs: 41777 ');
    expect(existsSync(join(lower, 'new'))).toBe(false);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(layers);
  });
});
