/** The canonical form of a service, attribute by attribute, in the order in which it is printed. */
import { type Shape, struct } from './shape.ts';

const ulimits: Shape = { mapOf: 'ulimit' };
const fileReferences: Shape = {
  listOf: struct({ source: 'text', target: 'text', uid: 'text', gid: 'text', mode: 'mode' }),
};
const deviceRequests: Shape = {
  listOf: struct({ capabilities: 'texts', driver: 'text', count: 'count', device_ids: 'texts', options: 'pairs' }),
};
const hookFields = {
  command: 'command',
  user: 'text',
  privileged: 'flag',
  working_dir: 'text',
  environment: 'pairs?',
} as const;
const hooks: Shape = { listOf: struct(hookFields) };
const blkioLimits: Shape = { listOf: struct({ path: 'text', rate: 'size' }) };

const build = struct(
  {
    context: 'text',
    dockerfile: 'text',
    dockerfile_inline: 'text',
    entitlements: 'texts',
    args: 'pairs?',
    provenance: 'text',
    sbom: 'text',
    ssh: 'ssh',
    labels: 'pairs',
    cache_from: 'texts',
    cache_to: 'texts',
    no_cache: 'flag',
    no_cache_filter: 'texts',
    additional_contexts: 'pairs',
    pull: 'flag',
    extra_hosts: 'sorted',
    isolation: 'text',
    network: 'text',
    target: 'text',
    secrets: fileReferences,
    shm_size: 'size',
    tags: 'texts',
    ulimits,
    platforms: 'texts',
    privileged: 'flag',
  },
  'kept',
);

const updateConfig = struct(
  {
    parallelism: 'int?',
    delay: 'duration',
    failure_action: 'text',
    monitor: 'duration',
    max_failure_ratio: 'float',
    order: 'text',
  },
  'kept',
);

const deploy = struct(
  {
    mode: 'text',
    replicas: 'int?',
    labels: 'pairs',
    update_config: updateConfig,
    rollback_config: updateConfig,
    resources: struct(
      {
        limits: struct({ cpus: 'float', memory: 'size', pids: 'int' }, 'kept'),
        reservations: struct(
          {
            cpus: 'float',
            memory: 'size',
            devices: deviceRequests,
            generic_resources: {
              listOf: struct({ discrete_resource_spec: struct({ kind: 'text', value: 'int?' }, 'kept') }),
            },
          },
          'kept',
        ),
      },
      'always',
    ),
    restart_policy: struct(
      { condition: 'text', delay: 'duration?', max_attempts: 'int?', window: 'duration?' },
      'kept',
    ),
    placement: struct(
      { constraints: 'texts', preferences: { listOf: struct({ spread: 'text' }) }, max_replicas_per_node: 'int' },
      'always',
    ),
    endpoint_mode: 'text',
  },
  'kept',
);

const mount = struct({
  type: 'text',
  source: 'text',
  target: 'text',
  read_only: 'flag',
  consistency: 'text',
  bind: struct({ selinux: 'text', propagation: 'text', create_host_path: 'optout', recursive: 'text' }, 'kept'),
  volume: struct({ labels: 'pairs', nocopy: 'flag', subpath: 'text' }, 'kept'),
  tmpfs: struct({ size: 'size', mode: 'octal' }, 'kept'),
  image: struct({ subpath: 'text' }, 'kept'),
});

const attachment = struct(
  {
    aliases: 'texts',
    driver_opts: 'pairs',
    gw_priority: 'int',
    interface_name: 'text',
    ipv4_address: 'text',
    ipv6_address: 'text',
    link_local_ips: 'texts',
    mac_address: 'text',
    priority: 'int',
  },
  'kept',
);

const healthcheck = struct(
  {
    test: 'texts',
    timeout: 'duration?',
    interval: 'duration?',
    retries: 'int?',
    start_period: 'duration?',
    start_interval: 'duration?',
    disable: 'flag',
  },
  'kept',
);

export const serviceFields: Readonly<Record<string, Shape>> = {
  profiles: 'texts',
  annotations: 'pairs',
  attach: 'flag?',
  build,
  develop: struct(
    {
      watch: {
        listOf: struct({
          path: 'text',
          action: 'text',
          target: 'text',
          exec: struct(hookFields, 'always'),
          include: 'texts',
          ignore: 'texts',
          initial_sync: 'flag',
        }),
      },
    },
    'kept',
  ),
  blkio_config: struct(
    {
      weight: 'int',
      weight_device: { listOf: struct({ path: 'text', weight: 'int' }) },
      device_read_bps: blkioLimits,
      device_read_iops: blkioLimits,
      device_write_bps: blkioLimits,
      device_write_iops: blkioLimits,
    },
    'kept',
  ),
  cap_add: 'texts',
  cap_drop: 'texts',
  cgroup_parent: 'text',
  cgroup: 'text',
  cpu_count: 'int',
  cpu_percent: 'float',
  cpu_period: 'int',
  cpu_quota: 'int',
  cpu_rt_period: 'int',
  cpu_rt_runtime: 'int',
  cpus: 'float',
  cpuset: 'text',
  cpu_shares: 'int',
  command: 'command',
  configs: fileReferences,
  container_name: 'text',
  credential_spec: struct({ config: 'text', file: 'text', registry: 'text' }, 'kept'),
  depends_on: { mapOf: struct({ condition: 'text', restart: 'flag', required: 'flag?' }, 'kept') },
  deploy,
  device_cgroup_rules: 'texts',
  devices: { listOf: struct({ source: 'text', target: 'text', permissions: 'text' }) },
  dns: 'texts',
  dns_opt: 'texts',
  dns_search: 'texts',
  domainname: 'text',
  entrypoint: 'command',
  provider: struct({ type: 'text', options: { mapOf: 'texts' } }, 'kept'),
  environment: 'pairs?',
  env_file: { listOf: struct({ path: 'text', required: 'flag?', format: 'text' }) },
  expose: 'texts',
  external_links: 'texts',
  extra_hosts: 'sorted',
  group_add: 'texts',
  gpus: deviceRequests,
  hostname: 'text',
  healthcheck,
  image: 'text',
  init: 'flag?',
  ipc: 'text',
  isolation: 'text',
  labels: 'pairs',
  label_file: 'texts',
  links: 'texts',
  logging: struct({ driver: 'text', options: 'pairs' }, 'kept'),
  mem_limit: 'size',
  mem_reservation: 'size',
  memswap_limit: 'size',
  mem_swappiness: 'size',
  mac_address: 'text',
  models: { mapOf: struct({ endpoint_var: 'text', model_var: 'text' }, 'kept'), nulls: true },
  network_mode: 'text',
  networks: { mapOf: attachment, nulls: true },
  oom_kill_disable: 'flag',
  oom_score_adj: 'int',
  pid: 'text',
  pids_limit: 'int',
  platform: 'text',
  ports: {
    listOf: struct({
      name: 'text',
      mode: 'text',
      host_ip: 'text',
      target: 'int',
      published: 'text',
      protocol: 'text',
      app_protocol: 'text',
    }),
  },
  privileged: 'flag',
  pull_policy: 'text',
  pull_refresh_after: 'text',
  read_only: 'flag',
  restart: 'text',
  runtime: 'text',
  scale: 'int?',
  secrets: fileReferences,
  security_opt: 'texts',
  shm_size: 'size',
  stdin_open: 'flag',
  stop_grace_period: 'duration?',
  stop_signal: 'text',
  storage_opt: 'pairs',
  sysctls: 'pairs',
  tmpfs: 'texts',
  tty: 'flag',
  ulimits,
  use_api_socket: 'flag',
  user: 'text',
  userns_mode: 'text',
  uts: 'text',
  volumes: { listOf: mount },
  volumes_from: 'texts',
  working_dir: 'text',
  pre_start: { listOf: struct({ ...hookFields, image: 'text', per_replica: 'flag' }) },
  post_start: hooks,
  pre_stop: hooks,
};
