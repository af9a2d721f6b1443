/** One service to the containers it asks for: everything but name and number is the same in all of them. */
import type { DesiredContainer } from '../../model/desired.ts';
import { serviceHash } from '../fingerprint.ts';
import { LABEL, serviceLabels } from '../labels.ts';
import { cdiDevices, devices, hooks, namespaces } from './isolation.ts';
import { exposed, wantsLinkEnv } from './link-env.ts';
import { mounts } from './mounts.ts';
import { attachments, distinct, extraHosts, links, networkMode, ports } from './networking.ts';
import { preStart } from './pre-start.ts';
import { nonEmpty, present } from './present.ts';
import { argv, env, healthcheck, restart, stop } from './process.ts';
import { resources, security, ulimits } from './resources.ts';
import { containerNames, imageRef, type ServiceScope } from './scope.ts';

export function containersOf(scope: ServiceScope): readonly DesiredContainer[] {
  const names = containerNames(scope, scope.name);
  if (names.length === 0) return [];
  const template = containerTemplate(scope);
  return names.map((name, index) => ({
    ...template,
    name,
    labels: { ...template.labels, [LABEL.number]: String(index + 1) },
    attachments: template.attachments.map((one) => ({ ...one, aliases: distinct([name, ...one.aliases]) })),
    ...present<Partial<DesiredContainer>>({ preStart: preStart(scope, name, containerTemplate) }),
  }));
}

function containerTemplate(scope: ServiceScope): Omit<DesiredContainer, 'name'> {
  const { project, service, image, name } = scope;
  const check = healthcheck(scope);
  const optional = {
    hooks: hooks(scope),
    namespaces: namespaces(scope),
    devices: nonEmpty(devices(scope)),
    deviceRules: nonEmpty(service.device_cgroup_rules ?? []),
    cdiDevices: nonEmpty(cdiDevices(scope)),
    cgroupParent: service.cgroup_parent || undefined,
    platform: service.platform || undefined,
    annotations: service.annotations,
    linkEnv: wantsLinkEnv(scope) ? (true as const) : undefined,
    exposed: nonEmpty(exposed(scope)),
    runs: neverRuns(service) ? (false as const) : undefined,
  };
  const facts = { hash: serviceHash(service), imageId: image.id, version: scope.version };
  return {
    labels: { ...image.config.labels, ...service.labels, ...serviceLabels(project, name, service, facts) },
    image: { ref: imageRef(project, name, service), id: image.id },
    argv: argv(scope),
    env: env(scope),
    user: service.user || image.config.user,
    groupAdd: service.group_add ?? [],
    workingDir: service.working_dir || image.config.workingDir || '/',
    ...(service.hostname ? { hostname: service.hostname } : {}),
    ...(service.domainname ? { domainname: service.domainname } : {}),
    tty: service.tty === true,
    stdinOpen: service.stdin_open === true,
    init: service.init === true,
    mounts: mounts(scope),
    networkMode: networkMode(scope),
    attachments: attachments(scope),
    ports: ports(scope),
    links: links(scope),
    extraHosts: extraHosts(scope),
    dns: { servers: service.dns ?? [], search: service.dns_search ?? [], options: service.dns_opt ?? [] },
    restart: restart(scope),
    ...(check ? { healthcheck: check } : {}),
    stop: stop(scope),
    log: { driver: service.logging?.driver || 'json-file', options: service.logging?.options ?? {} },
    security: security(scope),
    resources: resources(scope),
    sysctls: service.sysctls ?? {},
    ulimits: ulimits(scope),
    ...present<Partial<DesiredContainer>>(optional),
  };
}

/** `x-tcompose: {run: false}`: a container for its volumes, whose image may have no program at all. */
function neverRuns(service: ServiceScope['service']): boolean {
  const extension = service['x-tcompose'];
  return typeof extension === 'object' && extension !== null && 'run' in extension && extension.run === false;
}
