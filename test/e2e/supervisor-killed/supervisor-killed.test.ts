/** A supervisor that is killed is noticed, what it leaves behind is ended by the next command, and nothing is lost silently. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { useStack } from '../../helpers/tcompose.ts';
import { containers, nothingToChange, plannedSteps } from '../checks.ts';

const stack = useStack({
  files: {
    'compose.yaml': `
name: lost
services:
  tools:
    image: busybox
    command: [sh, -c, "cp /bin/busybox /tools/sleep && chmod 4755 /tools/sleep"]
    volumes: [tools:/tools]
  setuid:
    image: busybox
    user: "1000"
    command: [/tools/sleep, "1000"]
    stop_signal: KILL
    restart: unless-stopped
    volumes: [tools:/tools]
    depends_on: { tools: { condition: service_completed_successfully } }
  several:
    image: busybox
    command: [sh, -c, "sleep 1001 & sleep 1002 & wait"]
    stop_signal: KILL
    healthcheck: { test: [CMD, "true"], interval: 1s }
volumes: { tools: }
`,
  },
});

const fieldsOf = (pid: number) => {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
};
const isAlive = (pid: number): boolean => {
  try {
    return fieldsOf(pid)[0] !== 'Z';
  } catch {
    return false;
  }
};

/** The pid of the container's process, whose parent is no more when this resolves. */
async function killSupervisor(service: string): Promise<number> {
  const { Pid } = (await containers(stack))[service]!;
  const supervisor = Number(fieldsOf(Pid)[1]);
  expect(readFileSync(`/proc/${supervisor}/cmdline`, 'latin1')).toContain('supervise');
  process.kill(supervisor, 'SIGKILL');
  await eventually(async () => expect(isAlive(supervisor)).toBe(false), 5_000);
  return Pid;
}
const statusOf = async (service: string) => {
  const line = (await stack.must('ps', '-a', '--format', 'json', service)).trim();
  const { State, Status } = JSON.parse(line) as { State: string; Status: string };
  return `${State}: ${Status}`;
};

test('a container that outlives its supervisor runs on, is told so, and gets a new one by the next up', async () => {
  await stack.must('up', '-d');
  const before = await killSupervisor('setuid');
  expect(isAlive(before), 'a program that changes its user outlives its parent').toBe(true);
  expect(await statusOf('setuid')).toMatch(/^running: Up .* \(supervisor gone\)$/);
  expect(await plannedSteps(stack)).toEqual([
    { id: 'container.stop lost-setuid-1', because: 'the supervisor of lost-setuid-1 is gone' },
    { id: 'container.start lost-setuid-1', because: '' },
  ]);
  await stack.must('up', '-d');
  expect(isAlive(before)).toBe(false);
  expect(await statusOf('setuid')).toMatch(/^running: Up (Less than a second|\d+ seconds?)$/);
  await nothingToChange(stack);
});

test.each(['start', 'restart'])('%s ends what was left and starts it again', async (command) => {
  const before = await killSupervisor('setuid');
  await stack.must(command, 'setuid');
  expect(isAlive(before)).toBe(false);
  await nothingToChange(stack);
});

test.each([['stop'], ['kill']])('%s ends what was left, and that is its end', async (command) => {
  const before = await killSupervisor('setuid');
  await stack.must(command, 'setuid');
  expect(isAlive(before)).toBe(false);
  expect(await statusOf('setuid')).toMatch(/^exited: Exited \(255\) .* ago$/);
  expect((await stack.run('stop', 'setuid')).stderr).toContain('nothing to stop');
  await stack.must('up', '-d');
});

test('a container that ends with its supervisor is told so, and started by the next up', async () => {
  const before = await killSupervisor('several');
  await eventually(async () => expect(isAlive(before)).toBe(false), 5_000);
  expect(await statusOf('several')).toBe('exited: Exited (255) (supervisor gone)');
  expect(await plannedSteps(stack)).toEqual([
    { id: 'container.start lost-several-1', because: 'the supervisor of lost-several-1 is gone' },
  ]);
  const doctor = async () => (await stack.run('system', 'doctor')).stdout;
  expect(await doctor()).toMatch(/! project lost .*: lost-several-1\n(?:.*\n)*.*tcompose -p lost down\n/);
  await stack.must('up', '-d', '--wait');
  expect(await doctor()).not.toContain('project lost');
  await nothingToChange(stack);
});

test('down after a killed supervisor leaves no process', async () => {
  const left = [await killSupervisor('setuid'), await killSupervisor('several')];
  await stack.must('down', '-v');
  expect(left.filter(isAlive)).toEqual([]);
});
