// The smallest root filesystem that runs something: busybox of the base image, as a folder and as a tar.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export function makeRootfs(top, work) {
  const [folder, tar] = [join(work, 'rootfs'), join(work, 'rootfs.tar')];
  const base = execFileSync(join(top, 'scripts/make-base-image'), ['--tar'], { encoding: 'utf8' }).trim();
  for (const name of ['bin', 'proc', 'sys', 'dev', 'etc', 'tmp']) mkdirSync(join(folder, name), { recursive: true });
  const busybox = execFileSync('tar', ['-xOf', base, './usr/bin/busybox'], { maxBuffer: 16 << 20 });
  writeFileSync(join(folder, 'bin/busybox'), busybox, { mode: 0o755 });
  execFileSync('tar', ['-C', folder, '-cf', tar, '.']);
  return { folder, tar };
}
