/**
 * Values that are well formed, so that a file with them can be read, but that no container can be started with: a warning where a
 * file is looked at, as the reference accepts it there, and an error before anything is touched.
 */
import { isIP } from '../../load/ip.ts';
import { child, childMap, type MapNode, type Mark, type SpecNode } from '../../load/tree.ts';
import { parseDuration, parseSize } from '../../load/units.ts';
import { CAPABILITIES, SIGNALS, ULIMITS } from '../../model/linux-names.ts';
import { nearestOf } from '../did-you-mean.ts';
import type { RuleContext } from '../rules.ts';

/** What is wrong with a text, as `cannot be "…"`'s help; undefined: nothing. */
type Check = (text: string, name: string) => string | undefined;

const SYSCTL = /^(?:net[./]|fs[./]mqueue[./]|kernel[./](?:msg(?:max|mnb|mni)|sem|shm(?:all|max|mni|_rmid_forced))$)/;
const MAC = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i;
const CPUS = /^\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*$/;
const SMALLEST_MEMORY = 6 * 1024 * 1024;

const oneOf =
  (known: readonly string[], advice: string, plain = (text: string) => text): Check =>
  (text) => {
    if (known.includes(plain(text))) return undefined;
    const nearest = nearestOf(plain(text), known);
    return nearest === undefined ? advice : `did you mean "${nearest}"?`;
  };
const matches =
  (pattern: RegExp, advice: string): Check =>
  (text) =>
    pattern.test(text) ? undefined : advice;

const POLICIES = ['no', 'always', 'unless-stopped', 'on-failure'];
const bareName = (prefix: RegExp) => (text: string) => text.trim().toUpperCase().replace(prefix, '');
const isSignal = oneOf(SIGNALS, 'use a name like SIGTERM, or a number from 1 to 64 (signal(7))', bareName(/^SIG/));
const isSynonym = (text: string) =>
  /^(?:SIG)?(?:IOT|CLD|POLL|UNUSED|RTMIN(?:\+\d+)?|RTMAX(?:-\d+)?)$/i.test(text.trim());
const isNumber = (text: string) => /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 64;

/** By the key of a service; each is asked about the value itself or about the members of its list. */
const VALUES: Readonly<Record<string, Check>> = {
  restart: (text) =>
    text === '' || /^on-failure:\d+$/.test(text)
      ? undefined
      : oneOf(POLICIES, `use ${POLICIES.slice(0, 3).join(', ')}, on-failure or on-failure:5`)(text, ''),
  stop_signal: (text) => (isNumber(text) || isSynonym(text) ? undefined : isSignal(text, '')),
  cap_add: oneOf([...CAPABILITIES, 'ALL'], 'see capabilities(7) for the names', bareName(/^CAP_/)),
  cap_drop: oneOf([...CAPABILITIES, 'ALL'], 'see capabilities(7) for the names', bareName(/^CAP_/)),
  dns: (text) => (isIP(text) > 0 ? undefined : 'write the IP address of a name server'),
  working_dir: matches(/^\//, 'write an absolute path'),
  cpuset: matches(CPUS, 'write numbers of CPUs: 0-2,4'),
  mac_address: matches(MAC, 'write it as 02:42:ac:11:00:02'),
  mem_limit: memory,
  cpus: (text) => (Number(text) < 0 ? 'write a number above 0, for example 0.5' : undefined),
};

/** By the key of a service; asked about the names of its entries. */
const NAMES: Readonly<Record<string, Check>> = {
  ulimits: oneOf(ULIMITS, `use one of ${ULIMITS.join(', ')}`),
  sysctls: matches(
    SYSCTL,
    'a container has net.*, fs.mqueue.*, kernel.msg*, kernel.sem and kernel.shm* of its own; set others on the host',
  ),
};

/** With the keys of which a service has one, where the rule can have something to say. */
const MORE: readonly (readonly [(name: string, service: MapNode, refuse: Refuse) => void, readonly string[]])[] = [
  [checkHosts, ['extra_hosts']],
  [checkMemory, ['mem_limit', 'memswap_limit', 'mem_reservation', 'deploy']],
  [checkProbe, ['healthcheck']],
];

export function checkValues({ services, findings, strict, used }: RuleContext): void {
  const severity = strict ? 'error' : 'warn';
  const refuse = (what: string, text: string, mark: Mark, help: string) =>
    findings[severity]('bad-value', `${what} cannot be "${text}"`, mark, { help });
  const values = Object.entries(VALUES).filter(([key]) => used.has(key));
  const names = Object.entries(NAMES).filter(([key]) => used.has(key));
  const more = MORE.filter(([, keys]) => keys.some((key) => used.has(key)));
  services.entries.forEach(({ value: service }, name) => {
    if (service.kind !== 'map') return;
    for (const [key, check] of values) {
      for (const node of scalarsOf(child(service, key))) {
        const text = String(node.value);
        const help = check(text, name);
        if (help !== undefined) refuse(`service ${name}: ${key}`, text, node.mark, help);
      }
    }
    for (const [key, check] of names) {
      childMap(service, key)?.entries.forEach((entry, text) => {
        const help = check(text, name);
        if (help !== undefined) refuse(`service ${name}: a name in ${key}`, text, entry.key, help);
      });
    }
    for (const [rule] of more) rule(name, service, refuse);
  });
}

function scalarsOf(node: SpecNode | undefined): readonly Extract<SpecNode, { kind: 'scalar' }>[] {
  if (node === undefined) return [];
  const all = node.kind === 'list' ? node.items : [node];
  return all.filter((item) => item.kind === 'scalar' && item.value !== null) as Extract<SpecNode, { kind: 'scalar' }>[];
}

/** `name:address` or `name=address`, an IPv6 address perhaps in brackets. */
function checkHosts(name: string, service: MapNode, refuse: Refuse): void {
  for (const node of scalarsOf(child(service, 'extra_hosts'))) {
    const text = String(node.value);
    const address = text.slice(text.search(/[=:]/) + 1).replace(/^\[(.*)\]$/, '$1');
    if (isIP(address) === 0 && address !== 'host-gateway') {
      refuse(
        `service ${name}: extra_hosts`,
        text,
        node.mark,
        'write NAME=ADDRESS, the address an IP address or host-gateway',
      );
    }
  }
}

type Refuse = (what: string, text: string, mark: Mark, help: string) => void;

/** The kernel needs some to run a program at all; Docker's bound. */
function memory(text: string): string | undefined {
  const bytes = parseSize(text) ?? 0;
  return bytes > 0 && bytes < SMALLEST_MEMORY ? 'the least is 6m' : undefined;
}

/** Swap is counted together with memory, so it cannot be less (engine-behaviour: memory). */
function checkMemory(name: string, service: MapNode, refuse: Refuse): void {
  const limits = childMap(childMap(childMap(service, 'deploy'), 'resources'), 'limits');
  const [limit] = [...scalarsOf(child(service, 'mem_limit')), ...scalarsOf(child(limits, 'memory'))];
  const deployed = scalarsOf(child(limits, 'memory'))[0];
  if (deployed !== undefined) {
    const help = memory(String(deployed.value));
    if (help !== undefined)
      refuse(`service ${name}: deploy.resources.limits.memory`, String(deployed.value), deployed.mark, help);
  }
  const bytes = parseSize(String(limit?.value ?? 0)) ?? 0;
  for (const node of scalarsOf(child(service, 'memswap_limit'))) {
    const swap = parseSize(String(node.value)) ?? 0;
    if (swap > 0 && bytes === 0)
      refuse(`service ${name}: memswap_limit`, String(node.value), node.mark, 'set mem_limit too: it counts both');
    else if (swap > 0 && swap < bytes)
      refuse(
        `service ${name}: memswap_limit`,
        String(node.value),
        node.mark,
        'it counts memory and swap together: at least mem_limit',
      );
  }
  for (const node of scalarsOf(child(service, 'mem_reservation'))) {
    const reserved = parseSize(String(node.value)) ?? 0;
    if (bytes > 0 && reserved > bytes)
      refuse(`service ${name}: mem_reservation`, String(node.value), node.mark, 'at most mem_limit');
  }
}

/** Docker's bound: a probe more often than every millisecond is a mistake of the unit. */
function checkProbe(name: string, service: MapNode, refuse: Refuse): void {
  const check = childMap(service, 'healthcheck');
  for (const key of ['interval', 'timeout', 'start_period', 'start_interval']) {
    for (const node of scalarsOf(child(check, key))) {
      const nanoseconds = parseDuration(String(node.value)) ?? 0;
      if (nanoseconds !== 0 && nanoseconds < 1e6)
        refuse(`service ${name}: healthcheck.${key}`, String(node.value), node.mark, 'the least is 1ms');
    }
  }
}
