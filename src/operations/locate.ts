/** Which line of the file an error of the engine is about: the engine knows containers and ports, not files. */
import { TcomposeError } from '../model/errors.ts';
import type { Step } from '../model/plan.ts';
import type { SourceRange } from '../model/source.ts';
import type { Origin } from '../plan/desire.ts';
import { limitPlace } from './limit-places.ts';

/** Error code → the part of the service that asked for it. Others point at the service. */
const FIELD_OF: Readonly<Record<string, string>> = {
  'hostname-too-long': 'hostname',
  'port-in-use': 'ports',
  'bad-mount': 'volumes',
  'bind-source-missing': 'volumes',
  'mount-source-missing': 'volumes',
  'volume-missing': 'volumes',
  'volume-mount-failed': 'volumes',
  'bad-volume-options': 'driver_opts',
  'address-unusable': 'networks',
  'network-missing': 'networks',
  'parent-unusable': 'driver_opts',
  'network-donor-stopped': 'network_mode',
  'subnet-unusable': 'ipam',
  'capability-missing': 'cap_add',
  'capability-unknown': 'cap_add',
  'group-unknown': 'group_add',
  'user-unknown': 'user',
  'image-missing': 'image',
  'log-driver-unsupported': 'logging',
  'log-option-invalid': 'logging',
  'log-server-missing': 'logging',
  'seccomp-profile-invalid': 'security_opt',
  'signal-unknown': 'stop_signal',
  'sysctl-refused': 'sysctls',
  'sysctl-unwritable': 'sysctls',
  'ulimit-unknown': 'ulimits',
  'healthcheck-missing': 'healthcheck',
  'name-in-use': 'container_name',
};

/** `step`: what failed with it, when a plan was being applied; the engine may speak of a part of that (`mount/…`). */
export function located(error: Error, origin: Origin | undefined, step?: Step): Error {
  if (!(error instanceof TcomposeError) || error.at || !origin) return error;
  const field = FIELD_OF[error.code];
  const addresses = [error.address, step && addressOf(step)].flatMap((address) => address ?? []);
  const found = addresses.map((address) => ({ address, at: place(origin, address, error, field) }));
  const { address, at } = found.find(({ at }) => at) ?? {};
  if (!address || !at) return error;
  return new TcomposeError(error.message, {
    code: error.code,
    address,
    at,
    exitCode: error.exitCode,
    ...(error.help === undefined ? {} : { help: error.help }),
    ...(error.cause === undefined ? {} : { cause: error.cause }),
  });
}

function addressOf({ action, id }: Step): string {
  return `${action.kind.slice(0, action.kind.indexOf('.'))}/${id.split(' ')[1]}`;
}

/** A port or a path named by the message picks its own line out of the list. */
function place(
  origin: Origin,
  address: string,
  error: TcomposeError,
  field: string | undefined,
): SourceRange | undefined {
  if (error.code === 'limit-impossible') {
    return origin.at(address, limitPlace(error.message, (path) => origin.value(address, path)) ?? []);
  }
  if (field === undefined) return origin.at(address, []);
  if (field === 'driver_opts' && error.code === 'parent-unusable')
    return origin.at(address, [field, 'parent']) ?? origin.at(address, []);
  if (field === 'logging') return origin.at(address, [field, ...loggingPart(error)]);
  const list = origin.value(address, [field]);
  const index = Array.isArray(list) ? list.findIndex((item) => isNamed(item, error.message)) : -1;
  return origin.at(address, index < 0 ? [field] : [field, index]);
}

/** The option that the message begins with, or has in quotes; else the driver. */
function loggingPart({ code, message }: TcomposeError): readonly string[] {
  if (code !== 'log-option-invalid') return code === 'log-driver-unsupported' ? ['driver'] : [];
  const [, unknown] = /has no option "([^"]*)"/.exec(message) ?? [];
  const [, known] = /^(?:the )?([a-z][a-z-]*) (?:cannot|needs|is)/.exec(message) ?? [];
  return ['options', unknown ?? known ?? ''];
}

function isNamed(
  item: { readonly published?: string; readonly source?: string } | string | null,
  message: string,
): boolean {
  if (item === null || typeof item === 'string') return false;
  if (item.published) return new RegExp(`\\b${item.published}\\b`).test(message);
  return item.source !== undefined && message.includes(item.source);
}
