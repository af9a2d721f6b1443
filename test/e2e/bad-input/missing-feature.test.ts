/** A kernel or host that lacks something: said by name before anything is half done, or done without. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { describeChanges, readHostFacts } from '../../helpers/host-facts.ts';
import { runProgram } from '../../helpers/run-program.ts';
import { TCOMPOSE, TOP, useStack } from '../../helpers/tcompose.ts';
import { containers, fails } from '../checks.ts';

const stack = useStack({
  files: {
    'compose.yaml':
      'name: poor\nservices:\n  web:\n    image: busybox\n    command: [httpd, -f, -p, "80"]\n    ports: ["8080:80"]\n    volumes: [data:/data:ro]\nvolumes: { data: }\n',
  },
});
/** The numbers are the same on every architecture: system calls of the last years. */
const SYSCALLS = { openat2: 437, mount_setattr: 442, clone3: 435, close_range: 436, pidfd_open: 434 };
/** Without these there is no safe way to do the work: openat2 for paths, clone3 for groups, mount_setattr for read-only binds. */
const NEEDED = ['openat2', 'mount_setattr', 'clone3'];

afterEach(async () => {
  await stack.must('down', '-v', '-t', '0');
  expect(describeChanges(stack.instance.before, await readHostFacts())).toEqual([]);
});

async function upWithout(number: number) {
  const program = join(stack.folder, 'without-syscall');
  if (!existsSync(program)) execFileSync('cc', ['-O2', '-o', program, join(TOP, 'test/helpers/without-syscall.c')]);
  return await runProgram([program, String(number), TCOMPOSE, 'up', '-d'], {
    cwd: stack.folder,
    env: stack.instance.env,
  });
}

test.for(Object.entries(SYSCALLS))('a kernel without %s', async ([name, number]) => {
  const result = await upWithout(number);
  if (result.code === 0) return expect((await containers(stack))['web']!.State).toBe('running');
  expect(NEEDED, `can be done without ${name}`).toContain(name);
  fails(result, { code: 1, says: [/kernel|Linux/i] });
  expect(Object.values(await containers(stack)).filter(({ State }) => State === 'running')).toEqual([]);
});

/** A folder with everything that PATH has, but for some programs. */
async function pathWithout(missing: RegExp): Promise<string> {
  const folder = await mkdtemp(join(stack.folder, 'path-'));
  for (const place of ['/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']) {
    for (const name of await readdir(place).catch(() => [])) {
      if (!missing.test(name)) await symlink(join(place, name), join(folder, name)).catch(() => undefined);
    }
  }
  await symlink(process.execPath, join(folder, 'node')).catch(() => undefined);
  return folder;
}

test.for(['iptables', 'dnsmasq'])('a host without %s', async (program) => {
  const PATH = await pathWithout(program === 'iptables' ? /^(xtables|ip6?tables)/ : /^dnsmasq/);
  const result = await stack.runWith({ env: { ...stack.instance.env, PATH } }, 'up', '-d');
  if (result.code === 0) return expect((await containers(stack))['web']!.State).toBe('running');
  fails(result, { code: 1, says: [new RegExp(program), /apt-get install|system doctor/] });
  expect(Object.values(await containers(stack)).filter(({ State }) => State === 'running')).toEqual([]);
});
