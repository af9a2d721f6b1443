/**
 * What this engine does with each attribute of the Compose Specification. Drives the warnings of the loader, `config --compat`
 * and docs/compatibility.md. An attribute that is not here is a mistake: a test holds the table against the schema.
 */

export type Support = 'honoured' | 'warned' | 'refused' | 'not yet';

export interface Attribute {
  readonly support: Support;
  /** Why it is not honoured, or what is worth knowing about how it is. */
  readonly why?: string;
  /**
   * What is honoured all the same: values, items of a list, keys of a map. Where one ends in `:` or `=`, so does
   * whatever begins with it.
   */
  readonly except?: readonly string[];
  /** Only values like these are not honoured; of a list, any item. */
  readonly only?: RegExp;
}

const honoured: Attribute = { support: 'honoured' };
const notYet = (why: string, ...except: string[]): Attribute => lacking('not yet', why, except);
const warned = (why: string, ...except: string[]): Attribute => lacking('warned', why, except);
const refused = (why: string, ...except: string[]): Attribute => lacking('refused', why, except);

function lacking(support: Support, why: string, except: readonly string[]): Attribute {
  return { support, why, ...(except.length > 0 && { except }) };
}

const oneCache = 'the cache of this host is used, whatever the file says';
const attested = 'no attestations are made';
const ofMount = 'RUN --mount says who may read a build secret';
const windows = 'it means something on Windows only';
const asCopy: Attribute = {
  support: 'honoured',
  why: 'a file is then copied, and another text in it is seen by the next up; without owner or mode it is mounted itself',
};
const inMemory: Attribute = {
  support: 'honoured',
  why: 'written to memory; x-tcompose: {on_change: update | recreate | restart | signal SIGHUP | none} says what another text means',
};
const cdi = 'by the Container Device Interface: files in /etc/cdi and /var/run/cdi';
const swarm = 'it means something on several hosts only';

/** Keys of a service. A nested key is listed only where it differs from the key that holds it. */
const SERVICE: Readonly<Record<string, Attribute>> = {
  annotations: notYet('annotations are kept in the file only'),
  attach: honoured,
  blkio_config: { support: 'honoured', why: 'weights need a disk scheduled by bfq, or io.cost on cgroup version 2' },
  build: honoured,
  'build.cache_from': warned(oneCache),
  'build.cache_to': warned(oneCache),
  'build.entitlements': { support: 'honoured', why: 'whoever may build may do both' },
  'build.isolation': warned(windows, 'default'),
  'build.platforms': {
    support: 'honoured',
    why: 'an image is built for one platform at a time: that of the service, or of this host',
  },
  'build.privileged': { support: 'honoured', why: 'RUN --security=insecure needs nothing more' },
  'build.provenance': warned(attested, 'false'),
  'build.sbom': warned(attested, 'false'),
  'build.secrets.uid': warned(ofMount),
  'build.secrets.gid': warned(ofMount),
  'build.secrets.mode': warned(ofMount),
  cap_add: honoured,
  cap_drop: honoured,
  cgroup: honoured,
  cgroup_parent: honoured,
  command: honoured,
  configs: honoured,
  'configs.uid': asCopy,
  'configs.gid': asCopy,
  'configs.mode': asCopy,
  container_name: honoured,
  cpu_count: warned(windows),
  cpu_percent: warned(windows),
  cpu_period: { support: 'honoured', why: 'with cpu_quota it makes a number of CPUs' },
  cpu_quota: { support: 'honoured', why: 'with cpu_period it makes a number of CPUs' },
  cpu_rt_period: { support: 'honoured', why: 'on cgroup version 1 only: elsewhere a warning' },
  cpu_rt_runtime: { support: 'honoured', why: 'on cgroup version 1 only: elsewhere a warning' },
  cpu_shares: honoured,
  cpus: honoured,
  cpuset: honoured,
  credential_spec: warned(windows),
  depends_on: honoured,
  deploy: honoured,
  'deploy.mode': warned('jobs are not run as such', 'replicated', 'global'),
  'deploy.endpoint_mode': warned("a service's name leads to each of its containers in turn", 'dnsrr'),
  'deploy.labels': warned('labels of a service are not those of its containers'),
  'deploy.placement': warned(swarm),
  'deploy.resources.reservations.cpus': warned(swarm),
  'deploy.resources.reservations.devices': { support: 'honoured', why: cdi },
  'deploy.resources.reservations.generic_resources': warned(swarm),
  'deploy.rollback_config': notYet('nothing is rolled back'),
  'deploy.update_config': notYet('containers are replaced one by one'),
  develop: notYet('there is no watch'),
  device_cgroup_rules: honoured,
  devices: honoured,
  dns: honoured,
  dns_opt: honoured,
  dns_search: honoured,
  domainname: honoured,
  entrypoint: honoured,
  env_file: honoured,
  environment: honoured,
  expose: { support: 'honoured', why: 'every port is open to the containers of the same network' },
  extends: honoured,
  external_links: { support: 'honoured', why: 'over a network that both are in' },
  extra_hosts: honoured,
  gpus: { support: 'honoured', why: cdi },
  group_add: honoured,
  healthcheck: honoured,
  hostname: honoured,
  image: honoured,
  init: honoured,
  ipc: honoured,
  isolation: warned(windows, 'default'),
  label_file: honoured,
  labels: honoured,
  links: honoured,
  logging: honoured,
  'logging.driver': refused('no client for that service', 'json-file', 'local', 'none', 'journald', 'syslog', ''),
  'logging.options': {
    support: 'honoured',
    why: 'an option that the driver does not have is refused when a container is made',
  },
  mac_address: honoured,
  mem_limit: honoured,
  mem_reservation: honoured,
  mem_swappiness: { support: 'honoured', why: 'on cgroup version 1 only: elsewhere a warning' },
  memswap_limit: honoured,
  models: notYet('language models are not run'),
  network_mode: {
    support: 'honoured',
    why: 'bridge is a network of the engine itself, on which only links give names; any other word is the full name of a network that is there',
  },
  networks: honoured,
  'networks.driver_opts': warned(
    'the option is not known: it has no effect',
    'com.docker.network.endpoint.ifname',
    'com.docker.network.endpoint.sysctls',
  ),
  oom_kill_disable: { support: 'honoured', why: 'on cgroup version 1 only: elsewhere a warning' },
  oom_score_adj: honoured,
  pid: honoured,
  pids_limit: honoured,
  platform: {
    support: 'honoured',
    why: 'an image of another platform is refused, unless binfmt_misc has an interpreter for it',
  },
  ports: { support: 'honoured', why: 'mode makes no difference on one host; name and app_protocol are for people' },
  post_start: honoured,
  pre_start: honoured,
  pre_stop: honoured,
  privileged: honoured,
  profiles: honoured,
  provider: refused('only containers are managed'),
  pull_policy: honoured,
  pull_refresh_after: { support: 'honoured', why: 'with pull_policy: refresh; without it that is always' },
  read_only: honoured,
  restart: honoured,
  runtime: warned('containers are run by tcompose itself, with no OCI runtime', 'runc'),
  scale: honoured,
  secrets: honoured,
  'secrets.uid': asCopy,
  'secrets.gid': asCopy,
  'secrets.mode': asCopy,
  security_opt: {
    support: 'warned',
    why: 'SELinux labels are not set; all else is honoured',
    only: /^label[:=](?!disable$)/,
  },
  shm_size: honoured,
  stdin_open: honoured,
  stop_grace_period: honoured,
  stop_signal: honoured,
  storage_opt: notYet('the size of a container is not limited'),
  sysctls: honoured,
  tmpfs: honoured,
  tty: honoured,
  ulimits: honoured,
  use_api_socket: notYet('there is no API yet', 'false'),
  user: honoured,
  userns_mode: refused("podman's words are known, but its maps by hand", 'host', 'private', 'auto', 'auto:', ''),
  uts: honoured,
  volumes: honoured,
  'volumes.consistency': warned('it has no effect on Linux'),
  'volumes.type': refused(
    'only volumes, folders of the host, tmpfs and images are mounted',
    'volume',
    'bind',
    'tmpfs',
    'image',
  ),
  'volumes.bind.selinux': warned('SELinux labels are not set'),
  volumes_from: honoured,
  working_dir: honoured,
};

const NETWORK: Readonly<Record<string, Attribute>> = {
  name: honoured,
  driver: refused('only networks of this host are made', 'bridge', 'macvlan', 'ipvlan', 'default', ''),
  driver_opts: warned(
    'the option is not known: it has no effect',
    'com.docker.network.bridge.name',
    'com.docker.network.bridge.enable_icc',
    'com.docker.network.bridge.enable_ip_masquerade',
    'com.docker.network.bridge.host_binding_ipv4',
    'com.docker.network.bridge.inhibit_ipv4',
    'com.docker.network.bridge.gateway_mode_ipv4',
    'com.docker.network.bridge.gateway_mode_ipv6',
    'com.docker.network.container_iface_prefix',
    'com.docker.network.driver.mtu',
    'com.docker.network.host_ipv4',
    'com.docker.network.host_ipv6',
    'parent',
    'macvlan_mode',
    'ipvlan_mode',
    'ipvlan_flag',
    'tcompose.allow_route_overlap',
    'tcompose.anti_spoofing',
  ),
  ipam: honoured,
  'ipam.driver': warned('addresses are given out by tcompose', 'default'),
  'ipam.options': warned('addresses are given out by tcompose'),
  external: honoured,
  internal: honoured,
  enable_ipv4: honoured,
  enable_ipv6: honoured,
  attachable: warned(swarm, 'false'),
  labels: honoured,
};

const VOLUME: Readonly<Record<string, Attribute>> = {
  name: honoured,
  driver: refused('volumes are kept on this host only', 'local', 'default', ''),
  driver_opts: refused('local volumes have no other options', 'type', 'o', 'device'),
  external: honoured,
  labels: honoured,
};

const FILE_OBJECT: Readonly<Record<string, Attribute>> = {
  name: honoured,
  content: inMemory,
  environment: inMemory,
  file: honoured,
  external: refused('secrets and configs of a cluster do not exist on one host'),
  labels: honoured,
  driver: refused('there are no secret drivers'),
  driver_opts: refused('there are no secret drivers'),
  template_driver: refused('there are no template drivers'),
};

export const ATTRIBUTES = {
  services: SERVICE,
  networks: NETWORK,
  volumes: VOLUME,
  secrets: FILE_OBJECT,
  configs: FILE_OBJECT,
  models: { name: notYet('language models are not run') } as Readonly<Record<string, Attribute>>,
} as const;

export type Section = keyof typeof ATTRIBUTES;

/** For people: `in part` where it depends on the value. */
export const verdict = ({ support, except }: Attribute): string => (except === undefined ? support : 'in part');

/** With what can be written instead, where something has to be. */
export function adviceFor({ support, why, except = [] }: Attribute): string | undefined {
  const possible = except.filter((text) => /[^:=]$/.test(text)).join(', ');
  return support === 'refused' && possible !== '' ? `${why}; possible: ${possible}` : why;
}

/** Why, and which values are honoured all the same. */
export function reasonFor({ support, why = '', except }: Attribute): string {
  if (except === undefined) return why;
  return `honoured: ${except.filter((text) => text !== '').join(', ')}; else ${support}: ${why}`;
}
