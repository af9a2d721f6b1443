/** The table that test/helpers/isolation-probe.c makes, and what it must be told of the host to make the same one on every host. */
import { readFileSync, readlinkSync } from 'node:fs';
import type { DesiredContainer, DesiredMount } from '../../../src/model/desired.ts';
import { buildProbe } from '../../helpers/build-probe.ts';

const PROGRAM = '/bin/isolation-probe';
const KINDS = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'];

/** Namespaces, all capabilities, and limits that are inherited. */
export function hostFacts(): readonly string[] {
  const [, capabilities] = /^CapBnd:\t(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))!;
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const limit = (name: string, title: string) => {
    const [, soft, hard] = new RegExp(`^${title} +(\\S+) +(\\S+)`, 'm').exec(limits)!;
    return `${name}=${soft}:${hard}`.replaceAll('unlimited', '-1');
  };
  return [
    ...KINDS.map((kind) => `${kind}=${readlinkSync(`/proc/self/ns/${kind}`).replace(/\D/g, '')}`),
    `caps=${capabilities}`,
    limit('core', 'Max core file size'),
    limit('nofile', 'Max open files'),
    limit('nproc', 'Max processes'),
    limit('memlock', 'Max locked memory'),
  ];
}

export const probeMount = (): DesiredMount => ({
  kind: 'bind',
  source: buildProbe('isolation-probe'),
  target: PROGRAM,
  readOnly: true,
  createHostPath: false,
  propagation: '',
  recursive: true,
});

export const probing = (changes: Partial<DesiredContainer> = {}): Partial<DesiredContainer> => ({
  argv: [PROGRAM, ...hostFacts()],
  mounts: [probeMount()],
  ...changes,
});
