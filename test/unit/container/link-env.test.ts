/** What containers are told of those that they link to. */
import { describe, expect, test } from 'vitest';
import { linkVariables } from '../../../engine/container/link-env.ts';
import { containerRecord } from '../network/records.ts';

const db = containerRecord('shop-db-1', {
  addresses: { front: '172.20.0.3' },
  changes: {
    exposed: ['5432/tcp', '53/udp', '8001/tcp', '8000/tcp'],
    env: { PGDATA: '/data', PATH: '/bin', HOME: '/root' },
  },
});
const web = (changes: object = {}, addresses: { [network: string]: string } = { front: '172.20.0.2' }) =>
  containerRecord('shop-web-1', {
    addresses,
    changes: { linkEnv: true, links: [{ container: 'shop-db-1', aliases: ['my-db'] }], ...changes },
  });

describe('link variables', () => {
  test('name each exposed port, the first of all, runs of them, and the variables of the linked one', () => {
    expect(linkVariables(web(), [db])).toEqual({
      MY_DB_NAME: '/shop-web-1/my-db',
      MY_DB_PORT: 'tcp://172.20.0.3:5432',
      MY_DB_PORT_5432_TCP: 'tcp://172.20.0.3:5432',
      MY_DB_PORT_5432_TCP_ADDR: '172.20.0.3',
      MY_DB_PORT_5432_TCP_PORT: '5432',
      MY_DB_PORT_5432_TCP_PROTO: 'tcp',
      MY_DB_PORT_8000_TCP: 'tcp://172.20.0.3:8000',
      MY_DB_PORT_8000_TCP_ADDR: '172.20.0.3',
      MY_DB_PORT_8000_TCP_PORT: '8000',
      MY_DB_PORT_8000_TCP_PROTO: 'tcp',
      MY_DB_PORT_8000_TCP_START: 'tcp://172.20.0.3:8000',
      MY_DB_PORT_8000_TCP_PORT_START: '8000',
      MY_DB_PORT_8000_TCP_END: 'tcp://172.20.0.3:8001',
      MY_DB_PORT_8000_TCP_PORT_END: '8001',
      MY_DB_PORT_8001_TCP: 'tcp://172.20.0.3:8001',
      MY_DB_PORT_8001_TCP_ADDR: '172.20.0.3',
      MY_DB_PORT_8001_TCP_PORT: '8001',
      MY_DB_PORT_8001_TCP_PROTO: 'tcp',
      MY_DB_PORT_53_UDP: 'udp://172.20.0.3:53',
      MY_DB_PORT_53_UDP_ADDR: '172.20.0.3',
      MY_DB_PORT_53_UDP_PORT: '53',
      MY_DB_PORT_53_UDP_PROTO: 'udp',
      MY_DB_ENV_PGDATA: '/data',
    });
  });

  test('are there for each alias', () => {
    const links = [{ container: 'shop-db-1', aliases: ['db', 'db-1'] }];
    const names = Object.keys(linkVariables(web({ links }), [db])).filter((name) => name.endsWith('_NAME'));
    expect(names).toEqual(['DB_NAME', 'DB_1_NAME']);
  });

  test('are for who asks for them, and shares a network with the other', () => {
    expect(linkVariables(web({ linkEnv: undefined }), [db])).toEqual({});
    expect(linkVariables(web({}, { back: '172.21.0.2' }), [db])).toEqual({});
    expect(linkVariables(web(), [])).toEqual({});
  });
});
