/** Down leaves the host as it was, also where its settings were not the usual ones. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { describeChanges, readHostFacts } from '../../helpers/host-facts.ts';
import { useStack } from '../../helpers/tcompose.ts';

const stack = useStack({
  files: {
    'compose.yaml': `
name: guest
services:
  web:
    image: busybox
    command: [httpd, -f, -p, "80"]
    ports: ["8080:80", "127.0.0.1:8443:443/udp"]
    volumes: [data:/data, /scratch, ./bind:/bind]
    tmpfs: [/run]
    networks: [one, two]
  sidecar:
    image: busybox
    command: [sleep, "1000"]
    init: true
    mem_limit: 64m
    cpus: 0.5
    pids_limit: 50
    depends_on: [web]
networks: { one: , two: { internal: true } }
volumes: { data: }
`,
  },
});

const FORWARDING = '/proc/sys/net/ipv4/ip_forward';
const usual = readFileSync(FORWARDING, 'utf8');
afterAll(() => writeFileSync(FORWARDING, usual));

for (const forwarding of ['0', '1']) {
  test(`interfaces, addresses, routes, rules, mounts, cgroups, processes and sysctls with ip_forward ${forwarding}`, async () => {
    writeFileSync(FORWARDING, forwarding);
    const before = await readHostFacts();
    await stack.must('up', '-d');
    expect(describeChanges(before, await readHostFacts()).length, 'it did something').toBeGreaterThan(10);
    await stack.must('down', '-t', '0');
    expect.soft(describeChanges(before, await readHostFacts())).toEqual([]);
    expect(readFileSync(FORWARDING, 'utf8').trim()).toBe(forwarding);
  });
}

test('down keeps the named volume, down -v does not', async () => {
  expect((await stack.must('volume', 'ls', '-q')).split('\n')).toContain('guest_data');
  await stack.must('up', '-d');
  await stack.must('down', '-v', '-t', '0');
  expect((await stack.must('volume', 'ls', '-q')).split('\n')).not.toContain('guest_data');
});
