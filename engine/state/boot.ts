/** RUN belongs to one boot of the machine: what it holds from an earlier one describes processes that are gone. */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, readText, writeWhole } from './files.ts';
import type { Paths } from './paths.ts';

let known: string | undefined;
/** Of this life of the machine, which is longer than that of any process. */
export const currentBoot = (): string => {
  known ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return known;
};
const bootFile = (paths: Paths) => join(paths.run, 'boot');

/** False: nothing in RUN counts. */
export const isThisBoot = (paths: Paths): boolean => readText(bootFile(paths))?.trim() === currentBoot();

/** Before anything is written to RUN. */
export async function openRun(paths: Paths): Promise<void> {
  if (isThisBoot(paths)) return;
  makeFolder(paths.run);
  await Promise.all(
    ['containers', 'contents', 'dns'].map((name) => rm(join(paths.run, name), { recursive: true, force: true })),
  );
  makeFolder(join(paths.run, 'containers'));
  await writeWhole(bootFile(paths), `${currentBoot()}\n`, { durable: false });
}
