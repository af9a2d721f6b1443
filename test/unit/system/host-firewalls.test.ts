/** Firewalls of the host are known by their files. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { readHostFirewalls } from '../../../engine/system/host-firewalls.ts';

const made: string[] = [];
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
});
function host(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'host-'));
  made.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}
const RUNS = { 'sys/fs/cgroup/system.slice/firewalld.service/cgroup.procs': '' };

test('ufw is active when its file says that it is enabled', () => {
  const found = (text: string) => readHostFirewalls(host({ 'etc/ufw/ufw.conf': text })).map(({ name }) => name);
  expect(found('# comment ENABLED=yes\nENABLED=yes\nLOGLEVEL=low\n')).toEqual(['ufw']);
  expect(found('ENABLED=no\n')).toEqual([]);
  expect(readHostFirewalls(host({}))).toEqual([]);
});

test('firewalld is active while its unit has a control group, and knows bridges that a zone of its has', () => {
  const zone = (name: string) => `<zone target="ACCEPT">\n  <interface name="${name}"/>\n</zone>\n`;
  const knows = (files: Readonly<Record<string, string>>) =>
    readHostFirewalls(host({ ...RUNS, ...files }))[0]?.knowsBridges;
  expect(knows({})).toBe(false);
  expect(knows({ 'etc/firewalld/zones/home.xml': zone('eth0') })).toBe(false);
  expect(knows({ 'etc/firewalld/zones/trusted.xml': zone('tcb+') })).toBe(true);
  expect(knows({ 'etc/firewalld/firewalld.conf': '# c\nDefaultZone=trusted\n' })).toBe(true);
  expect(readHostFirewalls(host({ 'etc/firewalld/zones/trusted.xml': zone('tcb+') }))).toEqual([]);
});
