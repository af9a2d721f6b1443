/** What cannot become a volume, told before anything is touched. */
import { stat } from 'node:fs/promises';
import type { DesiredVolume } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import { checkDriverOptions, isBind } from './mount-options.ts';
import { checkName } from './volume-records.ts';

export async function volumeProblem(volume: DesiredVolume): Promise<Error | undefined> {
  try {
    checkName(volume.name);
    checkDriverOptions(volume);
  } catch (error) {
    return error as Error;
  }
  return deviceProblem(volume);
}

/** The folder that it stands for. Devices and servers are looked for when they are mounted. */
export async function deviceProblem(volume: DesiredVolume): Promise<Error | undefined> {
  const device = volume.driverOpts['device'] ?? '';
  if (!isBind(volume) || (await isThere(device))) return undefined;
  return new TcomposeError(`the folder ${device} of volume ${volume.name} does not exist`, {
    code: 'bind-source-missing',
    address: `volume/${volume.name}`,
    help: `create it:\n    mkdir -p ${device}`,
  });
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
