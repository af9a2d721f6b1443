/** What must hold inside one service, and names that services share. */
import {
  child,
  childList,
  childMap,
  childText,
  entriesOf,
  type MapNode,
  type Mark,
  type SpecNode,
} from '../../load/tree.ts';
import { parseSize } from '../../load/units.ts';
import type { RuleContext } from '../rules.ts';
import { checkMounts } from './mounts.ts';

type Rule = (name: string, service: MapNode, context: RuleContext) => void;

/** Each with the keys of which a service has one, where the rule can have something to say. */
const RULES: readonly (readonly [Rule, readonly string[]])[] = [
  [checkCommands, ['entrypoint', 'command', 'pre_start', 'post_start', 'pre_stop', 'develop']],
  [checkNetworkMode, ['network_mode']],
  [checkHealthcheck, ['healthcheck']],
  [checkScale, ['scale', 'container_name']],
  [checkLimits, ['cpus', 'mem_limit', 'pids_limit', 'mem_reservation']],
  [checkMounts, ['volumes', 'devices', 'tmpfs']],
  [checkBuild, ['build']],
  [checkDevices, ['gpus', 'deploy']],
  [checkWatch, ['develop']],
];

export function checkServices(context: RuleContext): void {
  const rules = RULES.filter(([, keys]) => keys.some((key) => context.used.has(key)));
  const names = new Map<string, { service: string; mark: Mark }>();
  for (const [name, service] of entriesOf(context.services)) {
    if (service.kind !== 'map') continue;
    checkImage(name, service, context);
    for (const [rule] of rules) rule(name, service, context);
    const containerName = child(service, 'container_name');
    if (containerName === undefined) continue;
    const text = childText(service, 'container_name')!;
    const other = names.get(text);
    if (other === undefined) names.set(text, { service: name, mark: containerName.mark });
    else {
      context.findings.error(
        'duplicate-container-name',
        `services ${other.service} and ${name} want the same container name "${text}"`,
        containerName.mark,
        {
          help: 'give each a name of its own, or none',
          related: [{ at: other.mark, label: `service ${other.service}` }],
        },
      );
    }
  }
}

function checkImage(name: string, service: MapNode, { findings }: RuleContext): void {
  const has = ['image', 'build', 'provider'].some((key) => service.entries.has(key) && childText(service, key) !== '');
  if (has || service.damaged) return;
  findings.error('no-image', `service ${name} has neither an image nor a build section`, service.mark, {
    help: 'say what to run:\n    image: nginx:1.27',
  });
}

/** Asked of the merged model: a command that another file replaces is nobody's concern. */
function checkCommands(name: string, service: MapNode, { findings }: RuleContext): void {
  for (const holder of [service, ...hooksOf(service)]) {
    for (const key of ['entrypoint', 'command']) {
      const cut = childList(holder, key)?.cut;
      if (cut === undefined) continue;
      findings.warn(
        'command-cut',
        `service ${name}: no shell runs this ${key}, and all from "${cut.from}" on is dropped`,
        cut.mark,
        { help: 'for a shell, write: ["sh", "-c", "…"]' },
      );
    }
  }
}

function hooksOf(service: MapNode): readonly SpecNode[] {
  const hooks = ['pre_start', 'post_start', 'pre_stop'].flatMap((key) => childList(service, key)?.items ?? []);
  const watched = childList(childMap(service, 'develop'), 'watch')?.items ?? [];
  return [...hooks, ...watched.flatMap((item) => childMap(item, 'exec') ?? [])];
}

function checkNetworkMode(name: string, service: MapNode, { findings }: RuleContext): void {
  const mode = service.entries.get('network_mode');
  if (mode === undefined) return;
  const networks = service.entries.get('networks');
  if (networks?.value.kind === 'map' && networks.value.entries.size > 0) {
    findings.error('conflicting-keys', `service ${name} has both network_mode and networks`, mode.key, {
      help: 'keep one of the two',
      related: [{ at: networks.key, label: 'networks' }],
    });
  }
}

function checkHealthcheck(name: string, service: MapNode, { findings }: RuleContext): void {
  const check = childMap(service, 'healthcheck');
  const test = childList(check, 'test');
  checkStartInterval(name, check, findings);
  const head = test?.items[0];
  if (head?.kind === 'scalar' && !['NONE', 'CMD', 'CMD-SHELL'].includes(String(head.value))) {
    findings.error('bad-value', `service ${name}: healthcheck.test begins with "${String(head.value)}"`, head.mark, {
      help: 'begin the list with CMD, CMD-SHELL or NONE:\n    test: ["CMD", "curl", "-f", "http://localhost"]',
    });
  }
}

/** The reference refuses it when it creates the container. */
function checkStartInterval(name: string, check: MapNode | undefined, findings: RuleContext['findings']): void {
  const interval = check?.entries.get('start_interval');
  if (interval === undefined || check?.entries.has('start_period') || check?.damaged) return;
  findings.warn(
    'missing-key',
    `service ${name}: healthcheck.start_interval has no effect without start_period`,
    interval.key,
    {
      help: 'say how long starting may take:\n    start_period: 30s',
    },
  );
}

function checkScale(name: string, service: MapNode, { findings }: RuleContext): void {
  const deploy = childMap(service, 'deploy');
  const scale = childText(service, 'scale');
  const replicas = childText(deploy, 'replicas');
  if (scale !== undefined && replicas !== undefined && scale !== replicas) {
    findings.error(
      'conflicting-keys',
      `service ${name} has scale ${scale} and deploy.replicas ${replicas}`,
      child(service, 'scale')!.mark,
      {
        help: 'keep deploy.replicas',
        related: [{ at: child(deploy, 'replicas')!.mark, label: 'deploy.replicas' }],
      },
    );
  }
  const count = Number(scale ?? replicas ?? 1);
  const containerName = service.entries.get('container_name');
  if (count > 1 && containerName !== undefined) {
    findings.error(
      'conflicting-keys',
      `service ${name} has a fixed container_name and ${count} replicas`,
      containerName.key,
      {
        help: 'remove container_name: two containers cannot share a name',
        related: [
          { at: (child(service, 'scale') ?? child(deploy, 'replicas'))!.mark, label: 'the number of replicas' },
        ],
      },
    );
  }
}

const LIMITS: readonly (readonly [string, 'limits' | 'reservations', string])[] = [
  ['cpus', 'limits', 'cpus'],
  ['mem_limit', 'limits', 'memory'],
  ['pids_limit', 'limits', 'pids'],
  ['mem_reservation', 'reservations', 'memory'],
];

function checkLimits(name: string, service: MapNode, { findings }: RuleContext): void {
  const resources = childMap(childMap(service, 'deploy'), 'resources');
  if (resources === undefined) return;
  for (const [key, section, field] of LIMITS) {
    const own = childText(service, key);
    const other = childText(childMap(resources, section), field);
    if (own === undefined || other === undefined || amount(own) === amount(other)) continue;
    findings.error(
      'conflicting-keys',
      `service ${name} has ${key} ${own} and deploy.resources.${section}.${field} ${other}`,
      child(service, key)!.mark,
      {
        help: 'keep one of the two',
        related: [{ at: child(childMap(resources, section), field)!.mark, label: 'the other' }],
      },
    );
  }
}

function amount(text: string): number | string {
  return /^[\d.]+$/.test(text) ? Number(text) : (parseSize(text) ?? text);
}

function checkBuild(name: string, service: MapNode, { findings, services, disabled }: RuleContext): void {
  const build = childMap(service, 'build');
  if (build === undefined) return;
  const inline = build.entries.get('dockerfile_inline');
  const dockerfile = build.entries.get('dockerfile');
  if (inline !== undefined && dockerfile !== undefined && childText(build, 'dockerfile_inline') !== '') {
    findings.error('conflicting-keys', `service ${name}: build has dockerfile and dockerfile_inline`, inline.key, {
      help: 'keep one of the two',
      related: [{ at: dockerfile.key, label: 'dockerfile' }],
    });
  }
  for (const [key, node] of entriesOf(childMap(build, 'additional_contexts'))) {
    const target = /^service:(.*)$/.exec(childText(childMap(build, 'additional_contexts'), key) ?? '')?.[1];
    if (target === undefined) continue;
    const other = child(services, target) ?? child(disabled, target);
    if (other === undefined)
      findings.error('undefined-service', `service ${name} builds from "${target}", which does not exist`, node.mark, {
        help: 'name an existing service',
      });
    else if (child(other, 'build') === undefined) {
      findings.error(
        'bad-reference',
        `service ${name} builds from "${target}", which has no build section`,
        node.mark,
        { help: 'use docker-image://… for an image that is not built here' },
      );
    }
  }
  const platform = childText(service, 'platform');
  const platforms = childList(build, 'platforms')?.items ?? [];
  if (
    platform === undefined ||
    platforms.length === 0 ||
    platforms.some((item) => item.kind === 'scalar' && item.value === platform)
  )
    return;
  findings.error(
    'conflicting-keys',
    `service ${name} runs on ${platform}, which is not among build.platforms`,
    child(service, 'platform')!.mark,
    { help: `add ${platform} to build.platforms` },
  );
}

function checkDevices(name: string, service: MapNode, { findings }: RuleContext): void {
  const reservations = childMap(childMap(childMap(service, 'deploy'), 'resources'), 'reservations');
  const requests: SpecNode[] = [
    ...(childList(service, 'gpus')?.items ?? []),
    ...(childList(reservations, 'devices')?.items ?? []),
  ];
  for (const request of requests) {
    if (request.kind !== 'map' || !request.entries.has('count') || !request.entries.has('device_ids')) continue;
    findings.error(
      'conflicting-keys',
      `service ${name}: a device request has count and device_ids`,
      request.entries.get('count')!.key,
      {
        help: 'keep one of the two',
        related: [{ at: request.entries.get('device_ids')!.key, label: 'device_ids' }],
      },
    );
  }
}

function checkWatch(name: string, service: MapNode, { findings }: RuleContext): void {
  for (const item of childList(childMap(service, 'develop'), 'watch')?.items ?? []) {
    const action = childText(item, 'action') ?? '';
    if (childText(item, 'path') === '')
      findings.error('bad-value', `service ${name}: a watch path is empty`, item.mark, {
        help: 'name a folder or file',
      });
    if (['', 'rebuild', 'restart'].includes(action) || childText(item, 'target') !== undefined) continue;
    findings.error('missing-key', `service ${name}: watch action ${action} needs "target"`, item.mark, {
      help: 'add the path in the container to copy to',
    });
  }
}
