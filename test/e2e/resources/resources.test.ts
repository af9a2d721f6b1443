/** pause, unpause, top, stats and limits through the command line, as a user of docker compose knows them. */
import { describe, expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { useStack } from '../../helpers/tcompose.ts';
import { containers, identities, nothingToChange } from '../checks.ts';

const FILE = `
name: still
services:
  web:
    image: busybox
    command: sh -c 'trap "exit 3" TERM; while :; do sleep 0.05; done'
    mem_limit: 64m
    cpus: 0.5
    network_mode: none
  db:
    image: busybox
    command: sleep 1000
    init: true
    network_mode: none
  job:
    image: busybox
    command: "true"
    network_mode: none
`;

const stack = useStack({ files: { 'compose.yaml': FILE } });

describe('pause and unpause', () => {
  test('a paused container is shown as such, and up leaves it, saying so', async () => {
    await stack.must('up', '-d');
    const before = await identities(stack);
    expect((await stack.run('pause', 'web')).stderr).toContain('Container still-web-1  Paused');
    expect((await containers(stack))['web']).toMatchObject({ State: 'paused' });
    expect(await stack.must('ps')).toMatch(/still-web-1 .* Up .*\(Paused\)/);
    await nothingToChange(stack);
    const up = await stack.run('up', '-d');
    expect(up).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('container still-web-1 is paused and stays so'),
    });
    expect(await identities(stack)).toEqual(before);
  });

  test('what is so already is refused in Docker’s words, the rest is done', async () => {
    expect(await stack.run('pause')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('container still-web-1 is already paused'),
    });
    expect((await containers(stack))['db']).toMatchObject({ State: 'paused' });
    await stack.must('unpause', 'db');
    expect(await stack.run('unpause', 'db')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('container still-db-1 is not paused'),
    });
    expect((await stack.run('pause', 'job')).code).toBe(0);
  });

  test('an exec in it is refused, a stop thaws it so that its program hears the signal', async () => {
    expect(await stack.run('exec', '-T', 'web', 'true')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is paused, unpause the container before exec'),
    });
    await stack.must('stop', 'web');
    expect((await containers(stack))['web']).toMatchObject({ State: 'exited', ExitCode: 3 });
    await stack.must('start', 'web');
  });
});

test('top lists the processes of running containers under the titles of ps', async () => {
  const [title, ...lines] = (await stack.must('top')).trimEnd().split('\n');
  expect(title).toMatch(/^SERVICE {2}# {3}UID +PID +PPID +C +STIME +TTY +TIME +CMD$/);
  expect(lines.filter((line) => line.startsWith('db '))).toHaveLength(2);
  expect(lines.find((line) => line.endsWith('sleep 1000'))).toMatch(/^db +1 +root +\d+ +\d+ +0 +\S+ +\? +00:00:00/);
  expect(await stack.must('top', 'job')).toBe('');
});

describe('stats', () => {
  test('one page of a table, wide as Docker’s', async () => {
    const [title, ...lines] = (await stack.must('stats', '--no-stream')).trimEnd().split('\n');
    expect(title).toMatch(/^CONTAINER ID {3}NAME +CPU % +MEM USAGE \/ LIMIT {3}MEM % +NET I\/O +BLOCK I\/O +PIDS$/);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(
      /^[0-9a-f]{12} {3}still-web-1 +[\d.]+% +[\d.]+[KM]iB \/ 64MiB +[\d.]+% +0B \/ 0B +\S+ \/ \S+ +\d+$/,
    );
  });

  test('JSON has Docker’s keys; what does not run is there with -a, with nothing', async () => {
    const rows = (await stack.must('stats', '--no-stream', '-a', '--no-trunc', '--format', 'json'))
      .trimEnd()
      .split('\n');
    const job = rows.map((line) => JSON.parse(line)).find(({ Name }) => Name === 'still-job-1');
    expect(job).toMatchObject({ CPUPerc: '0.00%', MemUsage: '0B / 0B', NetIO: '0B / 0B', PIDs: '0' });
    expect(Object.keys(job)).toEqual('BlockIO CPUPerc Container ID MemPerc MemUsage Name NetIO PIDs'.split(' '));
    expect(job.ID).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('limits', () => {
  test('what cannot be is refused before anything is touched', async () => {
    await stack.write(
      'bad.yaml',
      'name: bad\nservices:\n  a:\n    image: busybox\n    cpu_shares: 1\n    cpuset: "0"\nnetworks: {default: {}}\n',
    );
    expect(await stack.run('-f', 'bad.yaml', 'up', '-d')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cpu_shares 1 is out of range'),
    });
    expect(await stack.must('network', 'ls')).not.toContain('bad_default');
  });

  test('what the host does without is said once, by name', async () => {
    const limits = 'oom_kill_disable: true\n    mem_swappiness: 5';
    await stack.write(
      'odd.yaml',
      `name: odd\nservices:\n  a:\n    image: busybox\n    command: sleep 1000\n    network_mode: none\n    ${limits}\n`,
    );
    const { code, stderr } = await stack.run('-f', 'odd.yaml', 'up', '-d');
    expect(code).toBe(0);
    // One of both, whatever the version: with 1 the killer is off for a container without a limit.
    expect(stderr.match(/container odd-a-1: (oom_kill_disable|mem_swappiness) /g)?.length).toBeGreaterThan(0);
    expect(stderr.match(/container odd-a-1: oom_kill_disable /g)).toHaveLength(1);
  });

  test('a process killed for want of memory is told of while the container runs on', async () => {
    const hog = `sh -c 'dd if=/dev/zero of=/dev/null bs=200M count=1; sleep 1000'`;
    await stack.write(
      'hog.yaml',
      `name: hog\nservices:\n  a:\n    image: busybox\n    command: ${hog}\n    network_mode: none\n    mem_limit: 32m\n    memswap_limit: 32m\n`,
    );
    await stack.must('-f', 'hog.yaml', 'up', '-d');
    await eventually(async () => expect(await stack.must('-f', 'hog.yaml', 'logs', 'a')).toContain('Killed'));
    expect(await stack.must('-f', 'hog.yaml', 'ps')).toMatch(/hog-a-1 .* Up /);
  });
});
