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

/** Docker takes an empty type where a bind needs none. */
const typeOf = (volume: DesiredVolume): string | undefined =>
  volume.driverOpts['type'] === '' && isBind(volume) ? 'none' : volume.driverOpts['type'];

/** Whether something has to be mounted on its folder before use. */
export const needsMount = (volume: DesiredVolume): boolean => Object.keys(volume.driverOpts).length > 0;

/** As Docker checks them: type and device belong together, `o` needs both. mount(8) must not take them for options of its own. */
export const checkDriverOptions = (volume: DesiredVolume): void => {
  const { driverOpts } = volume;
  const unknown = Object.keys(driverOpts).find((key) => !KNOWN.has(key));
  if (unknown === 'size')
    throw bad(
      volume,
      'the driver option "size" needs project quotas',
      'leave it out, or use type: tmpfs with o: size=…',
    );
  if (unknown !== undefined)
    throw bad(volume, `the driver option ${JSON.stringify(unknown)} is unknown`, 'use type, o and device');
  if (!needsMount(volume)) return;
  const { device } = driverOpts;
  const type = typeOf(volume);
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

/**
 * The host that is to be looked up before it is mounted: the kernel takes addresses only. Docker does so for `addr=` of NFS and CIFS
 * (volume/local/local_unix.go); of CIFS, where that is not given, it is the one that the device names.
 */
export const hostToResolve = (volume: DesiredVolume): string | undefined => {
  const { type = '', device = '' } = volume.driverOpts;
  if (!/^(?:nfs4?|cifs)$/.test(type)) return undefined;
  const given = optionsOf(volume).find((option) => option.startsWith('addr='));
  const host = given?.slice('addr='.length) ?? (type === 'cifs' ? /^\/\/([^/:]+)/.exec(device)?.[1] : undefined);
  return host === undefined || host === '' ? undefined : host;
};

/**
 * `onto`: the volume's folder. `address`: of hostToResolve. File systems over a network are mounted without their helper programs
 * (mount.nfs reads another language: it wants the host in the device), as Docker does with mount(2).
 */
export const mountArguments = (volume: DesiredVolume, onto: string, address?: string): readonly string[] => {
  const { device = '' } = volume.driverOpts;
  const type = typeOf(volume) ?? '';
  const given = optionsOf(volume);
  const options =
    address === undefined ? given : [...given.filter((one) => !one.startsWith('addr=')), `addr=${address}`];
  const internal = /^(?:nfs4?|cifs)$/.test(type) ? ['-i'] : [];
  return [...internal, '-t', type, ...(options.length > 0 ? ['-o', options.join(',')] : []), '--', device, onto];
};

/** Passwords of CIFS do not belong into messages. */
export const withoutPasswords = (text: string): string =>
  text.replace(/((?:pass|password|password2)=)[^,\s]*/g, '$1(hidden)');
