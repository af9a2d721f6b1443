/** What an exec leaves a process with: ids, capabilities, limits, filters; and that the launcher itself cannot be reached. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, copyFileSync, openSync, symlinkSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LaunchOp } from '../../../engine/launcher/ops.ts';
import { CLONE, LAUNCHERS, O, openWorkshop, probe, type Workshop } from './probe-container.ts';
import { failure, runInside, type Surroundings } from './run-inside.ts';

/** An empty program, as a session takes it: length, id, kind. */
const encodeRequest = () => Buffer.from(new Uint32Array([8, 1, 1]).buffer);

const PR_SET_NO_NEW_PRIVS = 38;
const CAP_CHOWN = 1n << 0n;
const CAP_SETPCAP = 1n << 8n;
const CAP_NET_BIND_SERVICE = 1n << 10n;

/** struct sock_filter: code, jt, jf, k. */
const filterOf = (...instructions: readonly (readonly [number, number, number, number])[]) => {
  const bytes = Buffer.alloc(instructions.length * 8);
  for (const [i, [code, jt, jf, k]] of instructions.entries()) {
    bytes.writeUInt16LE(code, i * 8);
    bytes[i * 8 + 2] = jt;
    bytes[i * 8 + 3] = jf;
    bytes.writeUInt32LE(k, i * 8 + 4);
  }
  return bytes;
};

describe.each(LAUNCHERS)('a process %s', (_which, binary) => {
  let workshop: Workshop;
  beforeAll(() => {
    workshop = openWorkshop(binary());
  });
  afterAll(() => workshop.close());

  const runIn = (inside: readonly LaunchOp[], options?: Surroundings) => runInside(workshop, inside, options);
  const status = (output: string, key: string) => new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(output)?.[1];
  const showStatus = probe(['cat', '/proc/self/status']);

  test('ids and groups', async () => {
    const { output } = await runIn([{ op: 'set-ids', uid: 1000, gid: 1001, groups: [5, 6] }, probe(['identity'])]);
    expect(output).toContain('uid=1000 gid=1001 groups=5,6');
  });

  test('capabilities: bounding set cut, some kept over the change of ids, ambient ones over the exec', async () => {
    const { output } = await runIn([
      { op: 'bounding', mask: CAP_CHOWN | CAP_NET_BIND_SERVICE | CAP_SETPCAP },
      { op: 'set-ids', uid: 1000, gid: 1000, groups: [] },
      {
        op: 'capabilities',
        effective: CAP_NET_BIND_SERVICE,
        permitted: CAP_NET_BIND_SERVICE,
        inheritable: CAP_NET_BIND_SERVICE,
        ambient: CAP_NET_BIND_SERVICE,
      },
      showStatus,
    ]);
    expect(BigInt(`0x${status(output, 'CapBnd')}`)).toBe(CAP_CHOWN | CAP_NET_BIND_SERVICE | CAP_SETPCAP);
    for (const set of ['CapPrm', 'CapEff', 'CapInh', 'CapAmb']) {
      expect([set, BigInt(`0x${status(output, set)}`)]).toEqual([set, CAP_NET_BIND_SERVICE]);
    }
  });

  test('limits, and those beyond the host’s clamped to it', async () => {
    const nofile = 7;
    const { output } = await runIn([
      { op: 'rlimit', resource: nofile, soft: 100n, hard: 200n, clamp: false },
      probe(['cat', '/proc/self/limits']),
    ]);
    expect(output).toMatch(/Max open files\s+100\s+200/);
    const beyond: LaunchOp = { op: 'rlimit', resource: nofile, soft: 10n ** 12n, hard: 10n ** 12n, clamp: true };
    expect(await failure(runIn([{ ...beyond, clamp: false }, probe()]))).toBe('rlimit EPERM');
    const { output: clamped } = await runIn([beyond, probe(['cat', '/proc/self/limits'])]);
    const [, soft, hard] = /Max open files\s+(\d+)\s+(\d+)/.exec(clamped)!;
    expect(soft).toBe(hard);
    expect(Number(soft)).toBeGreaterThan(200);
  });

  test('umask, host name, domain name and environment', async () => {
    const { output, container } = await runIn([
      { op: 'hostname', name: 'here' },
      { op: 'domainname', name: 'there' },
      { op: 'umask', mask: 0o27 },
      {
        op: 'exec',
        argv: 'probe cat /proc/sys/kernel/hostname then cat /proc/sys/kernel/domainname then write /tmp/f x then environment'.split(
          ' ',
        ),
        env: ['PATH=/nowhere:/bin', 'B=ä b', 'EMPTY='],
      },
    ]);
    expect(output).toContain('here\nthere\nwrite /tmp/f: ok\nPATH=/nowhere:/bin\nB=ä b\nEMPTY=\n');
    expect(container.state().exitCode).toBe(0);
  });

  test('signals that the supervisor blocks or ignores are as new', async () => {
    const { output } = await runIn([showStatus]);
    for (const set of ['SigBlk', 'SigIgn', 'SigCgt']) expect([set, status(output, set)]).toEqual([set, '0'.repeat(16)]);
  });

  test('the working folder: made when asked, entered by its real name, never one outside', async () => {
    const { output } = await runIn([{ op: 'chdir', inside: '/new/deep', create: true }, probe(['identity'])]);
    expect(output).toContain('cwd=/new/deep');
    expect(await failure(runIn([{ op: 'chdir', inside: '/absent' }, probe()]))).toBe('chdir ENOENT');
    const linked = await runIn([{ op: 'chdir', inside: '/link' }, probe(['identity'])], {
      prepare: (root) => symlinkSync('../../../tmp', join(root, 'link')),
    });
    expect(linked.output).toContain('cwd=/tmp');
    // CVE-2024-21626: a folder by way of a descriptor that leads out.
    const slotFolder = { op: 'open', slot: 1, path: '/', flags: O.PATH | O.DIRECTORY } as const;
    expect(
      await failure(runIn([{ op: 'chdir', inside: '/proc/self/fd/65' }, probe()], { outside: [slotFolder] })),
    ).toBe('chdir ELOOP');
  });

  test('a seccomp filter holds for the program, and exec still works under it', async () => {
    const getppid = arch() === 'arm64' ? 173 : 110;
    const filter = filterOf(
      [0x20, 0, 0, 0],
      [0x15, 0, 1, getppid],
      [0x06, 0, 0, 0x00050000 | 77],
      [0x06, 0, 0, 0x7fff0000],
    );
    const { output } = await runIn([
      { op: 'prctl', option: PR_SET_NO_NEW_PRIVS, arg2: 1n },
      { op: 'seccomp', filter, flags: 0 },
      probe(['syscall', `${getppid}`], ['cat', '/proc/self/status']),
    ]);
    expect(output).toContain(`syscall ${getppid}: -1 File descriptor in bad state`); // errno 77
    expect([status(output, 'Seccomp'), status(output, 'NoNewPrivs')]).toEqual(['2', '1']);
    expect(await failure(runIn([{ op: 'seccomp', filter: Buffer.alloc(7), flags: 0 }, probe()]))).toBe(
      'seccomp EINVAL',
    );
    expect(await failure(runIn([{ op: 'seccomp', filter: Buffer.alloc(8), flags: 0 }, probe()]))).toBe(
      'seccomp EINVAL',
    );
  });

  test('streams are handed to the user who shall open them again', async () => {
    const { output } = await runIn([
      { op: 'own-streams', uid: 1000 },
      { op: 'keyring' },
      { op: 'set-ids', uid: 1000, gid: 1000, groups: [] },
      probe(['write', '/proc/self/fd/2', 'again\n']),
    ]);
    expect(output).toContain('again\n');
    expect(output).toContain('write /proc/self/fd/2: ok');
  });

  describe('a hostile container', () => {
    test('that got hold of the launcher’s binary cannot write to it (CVE-2019-5736)', async () => {
      const binary = join(workshop.folder, 'launcher');
      copyFileSync(workshop.binary, binary);
      const runner = spawn(binary, ['serve'], { stdio: ['pipe', 'pipe', 'inherit'] });
      runner.stdin.write(encodeRequest()); // its answer tells that it runs from where it shall
      await once(runner.stdout, 'data');
      const held = openSync(`/proc/${runner.pid}/exe`, constants.O_RDONLY);
      expect(() => openSync(`/proc/${runner.pid}/exe`, constants.O_WRONLY)).toThrow('ETXTBSY');
      runner.stdin.end();
      await once(runner, 'exit');
      // Nobody runs it any more: only the mount stands in the way now.
      expect(() => openSync(`/proc/self/fd/${held}`, constants.O_WRONLY)).toThrow('EROFS');
      closeSync(held);
      expect(() => closeSync(openSync(binary, constants.O_WRONLY))).not.toThrow();
    });
  });

  test('pids are joined only when their start time agrees', async () => {
    const wrong = workshop.launcher.run([{ op: 'join', pid: process.pid, startTime: '1', flags: CLONE.NEWUTS }]);
    expect(await failure(wrong)).toBe('join ESRCH');
    expect(await failure(workshop.launcher.run([{ op: 'join', pid: 0, startTime: '', flags: CLONE.NEWUTS }]))).toBe(
      'join ESRCH',
    );
  });

  test('namespaces of a path are joined, and nothing else can be', async () => {
    await workshop.launcher.run([{ op: 'join-path', path: `/proc/${process.pid}/ns/uts`, flags: CLONE.NEWUTS }]);
    expect(await failure(workshop.launcher.run([{ op: 'join-path', path: '/dev/null', flags: CLONE.NEWUTS }]))).toBe(
      'join-path EINVAL',
    );
  });
});
