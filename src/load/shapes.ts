/** The canonical model, attribute by attribute: its type, and whether an empty value is worth printing. Order is that of output. */
import { type Struct, struct } from './shape.ts';
import { serviceFields } from './shapes-service.ts';

const fileObject = struct(
  {
    name: 'text',
    file: 'text',
    environment: 'text',
    content: 'text',
    external: 'flag',
    labels: 'pairs',
    driver: 'text',
    driver_opts: 'pairs',
    template_driver: 'text',
  },
  'kept',
);

const volumeFields = { name: 'text', driver: 'text', driver_opts: 'pairs', external: 'flag', labels: 'pairs' } as const;

const network = struct(
  {
    name: 'text',
    driver: 'text',
    driver_opts: 'pairs',
    ipam: struct(
      {
        driver: 'text',
        config: { listOf: struct({ subnet: 'text', gateway: 'text', ip_range: 'text', aux_addresses: 'pairs' }) },
        options: 'pairs',
      },
      'always',
    ),
    external: 'flag',
    internal: 'flag',
    attachable: 'flag',
    labels: 'pairs',
    enable_ipv4: 'flag?',
    enable_ipv6: 'flag?',
  },
  'kept',
);

export const projectShape: Struct = {
  fields: {
    name: 'text',
    services: { mapOf: struct(serviceFields, 'kept') },
    networks: { mapOf: network },
    volumes: { mapOf: struct(volumeFields, 'kept') },
    secrets: { mapOf: fileObject },
    configs: { mapOf: fileObject },
    models: { mapOf: struct({ name: 'text', model: 'text', context_size: 'int', runtime_flags: 'texts' }, 'kept') },
  },
};
