/**
 * Whether ufw or firewalld rules over this host, by what they leave in files: asking them by their own programs takes half a second.
 *
 * ufw writes into its file whether it is enabled (ufw(8)). firewalld runs as a unit of systemd, whose control group is there as long
 * as it does; its permanent zones are files (firewalld.zone(5)).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostFirewall } from '../../src/model/live.ts';

/** `root`: the host's, for tests. */
export function readHostFirewalls(root = '/'): readonly HostFirewall[] {
  return [
    ...(/^\s*ENABLED\s*=\s*["']?yes/im.test(read(join(root, 'etc/ufw/ufw.conf')))
      ? [{ name: 'ufw', knowsBridges: true } as const]
      : []),
    ...(UNIT_FOLDERS.some((folder) => existsSync(join(root, folder, 'firewalld.service')))
      ? [{ name: 'firewalld', knowsBridges: knowsBridges(join(root, 'etc/firewalld')) } as const]
      : []),
  ];
}

const UNIT_FOLDERS = ['', 'unified', 'systemd'].map((tree) => join('sys/fs/cgroup', tree, 'system.slice'));

/** Some zone has them by the beginning of their names, as the doctor advises; or what is in no zone is trusted. */
function knowsBridges(folder: string): boolean {
  if (/^\s*DefaultZone\s*=\s*trusted\s*$/m.test(read(join(folder, 'firewalld.conf')))) return true;
  const zones = join(folder, 'zones');
  return namesIn(zones).some((name) => /<interface\s+name="tcb[^"]*\+"/.test(read(join(zones, name))));
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.xml'));
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
