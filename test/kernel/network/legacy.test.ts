/** A host whose iptables still is the one of before nftables: the same rules, another program and another format of its output. */
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useEngine } from '../container/use-engine.ts';
import { aNetwork, aPort, aServer, askFrom, command, HOST, inside, onHost, outside, start } from './stage.ts';

const LEGACY = '/usr/sbin/xtables-legacy-multi';
const shims = mkdtempSync(join(tmpdir(), 'tcompose-legacy-'));
const path = process.env['PATH'];
const stage = useEngine();

beforeAll(async () => {
  for (const name of ['iptables', 'ip6tables'].flatMap((program) =>
    ['-save', '-restore', ''].map((suffix) => program + suffix),
  )) {
    symlinkSync(LEGACY, join(shims, name));
  }
  process.env['PATH'] = `${shims}:${path}`;
});
afterAll(async () => {
  expect(await command('iptables-save')).not.toContain('tcompose');
  process.env['PATH'] = path;
  rmSync(shims, { recursive: true });
});

test.skipIf(!existsSync(LEGACY))('ports, isolation, damage and repair are the same', async () => {
  await stage.engine.networks.create([aNetwork('front', { enableIpv6: true }), aNetwork('back')]);
  const ports = [aPort('8080'), aPort('127.0.0.1:8081')];
  await start(stage, [aServer(stage, 'web', ['front'], { ports }), aServer(stage, 'db', ['back'])]);
  const db = await inside(stage.engine, 'db');
  const answers = async () =>
    (
      await Promise.all([
        askFrom(outside, `${HOST}:8080`),
        askFrom(outside, '[2001:db8:1::2]:8080'),
        askFrom(onHost, '127.0.0.1:8081'),
        askFrom(db, `${HOST}:8080`),
        askFrom(db, (await stage.engine.containers.find('web'))!.endpoints[0]!.ipv4!),
      ])
    ).map((answer) => answer.split(' ')[0]);
  const damage = async () =>
    (await stage.engine.snapshot()).containers.flatMap((container) => container.damage.map(({ kind }) => kind));

  expect(await command('iptables', '--version')).toContain('legacy');
  expect(await answers()).toEqual(['web', 'web', 'web', 'web', '-']);
  expect(await damage()).toEqual([]);
  await command('iptables', '-t', 'nat', '-F');
  expect(await damage()).toEqual(['firewall']);
  await stage.engine.networks.repair(['front', 'back']);
  expect(await damage()).toEqual([]);
  expect(await answers()).toEqual(['web', 'web', 'web', 'web', '-']);
});
