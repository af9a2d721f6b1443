/** Images small enough to be made anew by every test file: a static busybox and nothing else. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TOP = new URL('../..', import.meta.url).pathname;
const APPLETS =
  'sh ash cat cp mv rm ln ls mkdir echo env id hostname sleep true false kill ps head tail grep sed seq tr wc date dd stty tty nc ' +
  'httpd wget nslookup ping ip mount umount touch stat sync test yes printf sort chmod chown readlink tee uname whoami df';

/**
 * The tar that the example's base image is made from; making it the first time needs the network and a minute. TCOMPOSE_BASE_TAR
 * names it when it was made before: asking costs apt-get a moment, and an emulated processor half a minute.
 */
export function baseTar(): Promise<string> {
  asked ??= findBaseTar();
  return asked;
}

let asked: Promise<string> | undefined;

async function findBaseTar(): Promise<string> {
  const known = process.env['TCOMPOSE_BASE_TAR'];
  if (known && existsSync(known)) return known;
  const { stdout } = await run(join(TOP, 'scripts/make-base-image'), ['--tar']).catch((error) => {
    throw new Error(`make it once outside of the private host: scripts/make-base-image --tar\n${error.stderr}`);
  });
  return stdout.trim();
}

/** A static busybox with its applets, as a root filesystem tar of 2 MB; made once, kept beside the base image. */
export async function busyboxTar(): Promise<string> {
  const base = await baseTar();
  const tar = join(dirname(base), 'busybox-2.tar');
  if (existsSync(tar)) return tar;
  const folder = await mkdtemp(join(dirname(base), 'partial-'));
  await layOutBusybox(join(folder, 'fs'), base);
  await run('tar', [
    '-C',
    join(folder, 'fs'),
    '--owner=0',
    '--group=0',
    '--sort=name',
    '-cf',
    join(folder, 'tar'),
    '.',
  ]);
  await rename(join(folder, 'tar'), tar);
  await rm(folder, { recursive: true });
  return tar;
}

async function layOutBusybox(root: string, base: string): Promise<void> {
  const folders = ['bin', 'etc', 'proc', 'sys', 'dev', 'root', 'var', 'usr/bin'];
  await Promise.all(folders.map((name) => mkdir(join(root, name), { recursive: true })));
  await mkdir(join(root, 'tmp'));
  await chmod(join(root, 'tmp'), 0o1777);
  const { stdout } = await run('tar', ['-xOf', base, './usr/bin/busybox'], { encoding: 'buffer', maxBuffer: 16 << 20 });
  await writeFile(join(root, 'bin/busybox'), stdout, { mode: 0o755 });
  await Promise.all(APPLETS.split(' ').map((applet) => symlink('busybox', join(root, 'bin', applet))));
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000:web:/tmp:/bin/sh\n');
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nweb:x:1000:\n');
}
