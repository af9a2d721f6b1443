/** How a container is on networks, and its ports, from a service. */
import { describe, expect, test } from 'vitest';
import { containers, warnings, web } from './a-service.ts';

describe('networks', () => {
  test('give the default route to the highest gw_priority, and never to an internal one before another', async () => {
    const state = await containers(
      'name: shop\nservices:\n  web:\n    image: nginx\n    networks: {a: , b: , c: {gw_priority: 1}, z: }\nnetworks: {a: {internal: true}, b: , c: , z: }\n',
    );
    expect(state.containers[0]!.attachments.map(({ network }) => network)).toEqual([
      'shop_c',
      'shop_b',
      'shop_z',
      'shop_a',
    ]);
  });
  test('of equal gw_priority, the name on the host decides: neither the key in the file nor priority', async () => {
    const state = await containers(
      'name: shop\nservices:\n  web:\n    image: nginx\n    networks: {default: {priority: 100}, proxy: }\nnetworks: {proxy: {name: edge}}\n',
    );
    expect(state.containers[0]!.attachments.map(({ network }) => network)).toEqual(['edge', 'shop_default']);
  });
  test('the mac_address of a service is for its network of the highest priority alone', async () => {
    const state = await containers(
      'name: shop\nservices:\n  web:\n    image: nginx\n    mac_address: "02:00:00:00:00:07"\n    networks: {a: , b: {priority: 5}}\nnetworks: {a: , b: }\n',
    );
    expect(state.containers[0]!.attachments.map(({ mac }) => mac)).toEqual([undefined, '02:00:00:00:00:07']);
  });
  test('know a container by its name, its service, its hostname and its aliases', async () => {
    const { attachments } = await web('hostname: front\nnetworks: {default: {aliases: [www, web]}}');
    expect(attachments[0]!.aliases).toEqual(['shop-web-1', 'web', 'front', 'www']);
  });
  test('a link names every container of the service', async () => {
    const state = await containers(
      '  web:\n    image: nginx\n    links: ["db:database", db]\n  db:\n    image: pg\n    scale: 2\n',
    );
    expect(state.containers.find(({ name }) => name === 'shop-web-1')!.links).toEqual([
      { container: 'shop-db-1', aliases: ['database', 'db', 'db-1', 'shop-db-1'] },
      { container: 'shop-db-2', aliases: ['database', 'db', 'db-2', 'shop-db-2'] },
    ]);
  });
  test('network_mode service:X is the first container of X', async () => {
    const state = await containers('  web:\n    image: nginx\n    network_mode: service:vpn\n  vpn:\n    image: vpn\n');
    const container = state.containers.find(({ name }) => name === 'shop-web-1')!;
    expect(container.networkMode).toEqual({ kind: 'container', container: 'shop-vpn-1' });
    expect(container.attachments).toEqual([]);
  });
});

describe('ports', () => {
  test('keep an address, leave a free choice free, and keep a range as one', async () => {
    const { ports } = await web('ports: ["127.0.0.1:8080:80", "9000", "7000-7002:70/udp"]');
    expect(ports).toEqual(
      expect.arrayContaining([
        { protocol: 'tcp', target: 80, hostIp: '127.0.0.1', published: 8080 },
        { protocol: 'tcp', target: 9000, hostIp: '', published: 0 },
        { protocol: 'udp', target: 70, hostIp: '', published: 0, range: { first: 7000, last: 7002 } },
      ]),
    );
    expect(ports).toHaveLength(3);
  });
  test('two replicas cannot have one port, on addresses that overlap', async () => {
    const text = '  web:\n    image: nginx\n    ports: ["8080:80"]\n';
    await expect(containers(text, {}, { scale: { web: 2 } })).rejects.toMatchObject({
      code: 'port-conflict',
      exitCode: 2,
    });
  });

  test('of all addresses of IPv4 and all of IPv6 are two, of one container or of two', async () => {
    const { ports } = await web('ports: ["0.0.0.0:8080:80", "[::]:8080:80"]');
    expect(ports.map(({ hostIp }) => hostIp).sort()).toEqual(['0.0.0.0', '::']);
  });

  test('of a service that is cut off lead nowhere, which is said', async () => {
    const file = (networks: string) =>
      `name: shop\nservices:\n  web: {image: nginx, ports: ["8080:80"], networks: [${networks}]}\nnetworks:\n  inner: {internal: true}\n  front: {}\n`;
    expect(await warnings(file('inner'))).toEqual([
      'service web is on internal networks only: its published ports lead nowhere',
    ]);
    expect(await warnings(file('inner, front'))).toEqual([]);
  });
});
