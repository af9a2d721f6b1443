/** The host is started anew: what was meant to run comes back, in order, with its networks and rules; nothing else does. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { scratchFolder } from '../../helpers/instance.ts';
import { killAll } from '../../helpers/kill-all.ts';
import { runProgram } from '../../helpers/run-program.ts';
import { useStack } from '../../helpers/tcompose.ts';
import { containers, identities, nothingToChange, pageEventually, plannedSteps } from '../checks.ts';

const sleeper = (policy: string, more = '') =>
  `{ image: busybox, command: [sleep, "1000"], stop_signal: KILL, restart: "${policy}"${more} }`;
const stack = useStack({
  files: {
    'compose.yaml': `
name: boot
services:
  db: ${sleeper('unless-stopped', ', healthcheck: { test: [CMD, "true"], interval: 300ms }')}
  web:
    image: busybox
    command: [httpd, -f, -p, "80", -h, /page]
    stop_signal: KILL
    restart: always
    ports: ["8080:80"]
    volumes: [page:/page]
    depends_on: { db: { condition: service_healthy } }
    post_start: [{ command: [sh, -c, "echo started >> /page/index.html"] }]
  stopped: ${sleeper('unless-stopped')}
  stopped-always: ${sleeper('always')}
  once: ${sleeper('no')}
  failing: ${sleeper('on-failure:3')}
  job: { image: busybox, command: ["true"], restart: on-failure }
volumes: { page: }
`,
    'other/compose.yaml': `services: { lonely: ${sleeper('unless-stopped', ', network_mode: none')} }`,
  },
});

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const must = async (...argv: [string, ...string[]]): Promise<string> => {
  const { code, stdout, stderr } = await runProgram(argv);
  if (code !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
  return stdout;
};

/** As the machine has it before anything of ours is there. */
const fresh = { rules: '', rules6: '', forwarding: '' };
let folder = '';
beforeAll(async () => {
  folder = mkdtempSync(join(scratchFolder(), 'boot-'));
  fresh.rules = await must('iptables-save');
  fresh.rules6 = await must('ip6tables-save');
  fresh.forwarding = readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8');
});
// Before the stack's own end, in the last life of the machine: in the first one nothing of this counts any more.
afterAll(async () => {
  for (const project of ['boot', 'other']) await stack.must('-p', project, 'down', '-v');
  for (; boots > 0; boots--) await must('umount', BOOT_ID);
  rmSync(folder, { recursive: true, force: true });
});

let boots = 0;
/** Only what a disk keeps is there afterwards. `how`: SIGTERM for all before the power goes, or the power at once. */
async function reboot(how: 'a power cut' | 'a shutdown'): Promise<void> {
  const { run } = stack.instance;
  const states = readdirSync(join(run, 'containers')).map((id) =>
    readFileSync(join(run, 'containers', id, 'state'), 'utf8'),
  );
  const pidsOf = (key: string) => states.map((text) => Number(new RegExp(`^${key} (\\d+)`, 'm').exec(text)?.[1] ?? 0));
  // Keepers come before their servers, having started them.
  const servers = (await runProgram(['pgrep', '-f', `dnsmasq.*${run}`])).stdout.split('\n').filter(Boolean).map(Number);
  const [supervisors, programs] = [pidsOf('supervisor').filter(Boolean), pidsOf('pid').filter(Boolean)];
  if (how === 'a shutdown') {
    for (const pid of supervisors) process.kill(pid, 'SIGTERM');
    await eventually(async () => expect(supervisors.filter(isThere)).toEqual([]), 10_000);
  }
  // Who is killed takes others along: a program ends with its supervisor, before its turn here.
  killAll([...supervisors, ...servers, ...programs]);
  await eventually(async () => expect([...supervisors, ...programs].filter(isThere)).toEqual([]), 10_000);
  for (const { ifname } of JSON.parse(await must('ip', '-j', 'link')) as { ifname: string }[])
    if (ifname.startsWith('tcb') || ifname.startsWith('tcv')) await runProgram(['ip', 'link', 'del', ifname]);
  await runProgram(['iptables-restore'], { input: fresh.rules });
  await runProgram(['ip6tables-restore'], { input: fresh.rules6 });
  writeFileSync('/proc/sys/net/ipv4/ip_forward', fresh.forwarding);
  await runProgram([
    'find',
    '/sys/fs/cgroup',
    '-depth',
    '-type',
    'd',
    '-path',
    '*tcompose-*',
    '-exec',
    'rmdir',
    '{}',
    ';',
  ]);
  rmSync(run, { recursive: true, force: true });
  const id = join(folder, `${++boots}`);
  writeFileSync(id, `00000000-0000-4000-8000-00000000000${boots}\n`);
  await must('mount', '--bind', id, BOOT_ID);
}
function isThere(pid: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2)[0] !== 'Z';
  } catch {
    return false;
  }
}

const running = async () =>
  Object.values(await containers(stack))
    .filter(({ State }) => State === 'running')
    .map(({ Service }) => Service)
    .sort();
const BACK = ['db', 'failing', 'stopped-always', 'web'];

test.each(['a power cut', 'a shutdown'] as const)(
  'after %s what was meant to run comes back: by policy, in order, reachable; a second restore does nothing',
  async (how) => {
    await stack.must('up', '-d');
    await stack.must('--project-directory', 'other', '-f', 'other/compose.yaml', '-p', 'other', 'up', '-d');
    await stack.must('stop', 'stopped', 'stopped-always');
    const pages = await pageEventually('http://127.0.0.1:8080/');
    await reboot(how);
    expect(await running()).toEqual([]);
    const { code, stderr } = await stack.run('--progress', 'plain', 'system', 'restore');
    expect({ code, warnings: stderr.split('\n').filter((line) => line.startsWith('warning')) }).toEqual({
      code: 0,
      warnings: [],
    });
    expect(await running()).toEqual(BACK);
    expect((await containers(stack))['db']?.Health, 'web was started when its database was healthy').toBe('healthy');
    expect(await pageEventually('http://127.0.0.1:8080/'), 'no hooks').toBe(pages);
    expect(await stack.must('-p', 'other', 'ps', '--format', 'json')).toContain('"State":"running"');
    const before = await identities(stack);
    expect((await stack.run('--progress', 'plain', 'system', 'restore')).stderr).toBe('nothing to restore\n');
    expect(await identities(stack)).toEqual(before);
    await stack.must('up', '-d');
    await nothingToChange(stack);
  },
);

test('what ran when the host went down says so, and what is stopped after the boot stays so', async () => {
  await reboot('a power cut');
  const [row] = (await stack.must('ps', '-a', '--format', 'json', 'web')).trim().split('\n');
  expect((JSON.parse(row!) as { Status: string }).Status).toBe('Exited (255) with the host');
  expect(await plannedSteps(stack)).toContainEqual({
    id: 'container.start boot-db-1',
    because: 'it ran when the host went down',
  });
  await stack.must('system', 'restore');
  await stack.must('stop', 'web', 'db');
  await stack.must('system', 'restore');
  expect(await running()).not.toContain('web');
});
