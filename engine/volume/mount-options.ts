/** Driver options of a local volume (type, o, device), as the arguments of mount(8). */
import type { DesiredVolume } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';

const KNOWN = new Set(['type', 'o', 'device']);

const bad = (volume: DesiredVolume, what: string, help: string): TcomposeError =>
  new TcomposeError(`volume ${volume.name}: ${what}`, {
    code: 'bad-volume-options',
    address: `volume/${volume.name}`,
    help,
  });

const optionsOf = (volume: DesiredVolume): readonly string[] =>
  (volume.driverOpts['o'] ?? '').split(',').filter((part) => part !== '');

export const isBind = (volume: DesiredVolume): boolean =>
  optionsOf(volume).some((option) => option === 'bind' || option === 'rbind');

/** Whether something has to be mounted on its folder before use. */
export const needsMount = (volume: DesiredVolume): boolean => Object.keys(volume.driverOpts).length > 0;

/** As Docker checks them: type and device belong together, `o` needs both. mount(8) must not take them for options of its own. */
export const checkDriverOptions = (volume: DesiredVolume): void => {
  const { driverOpts } = volume;
  const unknown = Object.keys(driverOpts).find((key) => !KNOWN.has(key));
  if (unknown !== undefined)
    throw bad(volume, `the driver option ${JSON.stringify(unknown)} is unknown`, 'use type, o and device');
  if (!needsMount(volume)) return;
  const { type, device } = driverOpts;
  if (type === undefined || device === undefined || type === '' || device === '')
    throw bad(volume, 'the driver options type and device belong together', 'give both');
  if (!/^[a-z0-9][a-z0-9._-]*$/i.test(type))
    throw bad(volume, `the type ${JSON.stringify(type)} is not valid`, 'write tmpfs, none, nfs or another file system');
  if (/^-|\0/.test(device) || /\0/.test(driverOpts['o'] ?? ''))
    throw bad(
      volume,
      `the device ${JSON.stringify(device)} is not valid`,
      'write a path or what the file system calls its device',
    );
  if (isBind(volume) && !device.startsWith('/'))
    throw bad(volume, `the device ${JSON.stringify(device)} is not an absolute path`, 'write an absolute path');
};

/** `onto`: the volume's folder. */
export const mountArguments = (volume: DesiredVolume, onto: string): readonly string[] => {
  const options = optionsOf(volume);
  const { type = '', device = '' } = volume.driverOpts;
  return ['-t', type, ...(options.length > 0 ? ['-o', options.join(',')] : []), '--', device, onto];
};
