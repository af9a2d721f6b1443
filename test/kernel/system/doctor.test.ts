/** The doctor finds what is there, names what is missing with what mends it, and leaves nothing behind itself. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseCgroupFacts } from '../../../engine/container/resources/cgroup-facts.ts';
import { tryPrograms } from '../../../engine/system/try-programs.ts';
import { nothingIsLeft } from '../../helpers/instance.ts';
import { useEngine } from '../container/use-engine.ts';

const stage = useEngine({ withoutImage: true });

test('on this host everything that is needed works, and trying it left nothing', async () => {
  const findings = await stage.engine.system.doctor();
  expect(findings.filter(({ level }) => level === 'error')).toEqual([]);
  const topics = findings.map(({ topic }) => topic);
  for (const topic of [
    'kernel',
    'cgroups',
    'namespaces',
    'overlay',
    'bridge',
    'anti-spoofing',
    'seccomp',
    'iptables',
    'dnsmasq',
    'disk',
    'memory',
  ]) {
    expect(topics).toContain(topic);
  }
  await nothingIsLeft(stage.instance);
});

test('a program that is missing is named with the command that installs it', async () => {
  const path = process.env['PATH'];
  process.env['PATH'] = '/nowhere';
  try {
    const findings = await tryPrograms();
    const dnsmasq = findings.find(({ topic }) => topic === 'dnsmasq');
    expect(dnsmasq).toMatchObject({ level: 'error', help: expect.stringContaining('apt-get install dnsmasq-base') });
  } finally {
    process.env['PATH'] = path;
  }
});

test('what carries this instance’s name and belongs to nothing is found, and removed', async () => {
  await stage.engine.system.doctor();
  const { id } = JSON.parse(readFileSync(join(stage.instance.root, 'instance.json'), 'utf8')) as { id: string };
  const stray = 'ab'.repeat(32);
  const { hierarchies, unified } = parseCgroupFacts(readFileSync('/proc/self/mountinfo', 'utf8'));
  const point = unified ?? hierarchies['memory']!;
  mkdirSync(`${point}/tcompose-${id}/${stray}`, { recursive: true });
  mkdirSync(join(stage.instance.root, 'containers', stray, 'upper'), { recursive: true });
  writeFileSync(join(stage.instance.root, 'containers', stray, 'upper/file'), '');
  execFileSync('ip', ['link', 'add', `tcb${id}deadbeef`, 'type', 'bridge']);
  const leftovers = await stage.engine.system.leftovers();
  expect(leftovers.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual(
    [
      `cgroup ${point}/tcompose-${id}`,
      `cgroup ${point}/tcompose-${id}/${stray}`,
      `file ${join(stage.instance.root, 'containers', stray)}`,
      `interface tcb${id}deadbeef`,
    ].sort(),
  );
  await stage.engine.system.fix(leftovers);
  expect(await stage.engine.system.leftovers()).toEqual([]);
});

test('another instance’s things are none of ours', async () => {
  execFileSync('ip', ['link', 'add', 'tcb0000deadbeef', 'type', 'bridge']);
  try {
    expect(await stage.engine.system.leftovers()).toEqual([]);
  } finally {
    execFileSync('ip', ['link', 'del', 'tcb0000deadbeef']);
  }
});
