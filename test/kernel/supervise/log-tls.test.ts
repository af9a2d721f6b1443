/** Syslog over TLS: the host's openssl passes messages on; who the server is counts, and the start says so. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TlsOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { CLONE, LAUNCHERS, openWorkshop, startContainer, type Workshop } from '../launcher/probe-container.ts';
import { logTo } from './a-log.ts';

let folder: string;
const at = (name: string) => join(folder, name);
const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });

/** A certificate of its own, and one that it signs. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-tls-'));
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...fresh, '-subj', '/CN=log ca', '-keyout', 'ca.key', '-out', 'ca.pem');
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-addext', 'subjectAltName=IP:127.0.0.1'];
  for (const name of ['server', 'client']) {
    openssl(
      'req',
      '-x509',
      ...fresh,
      ...signed,
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    );
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

async function listen(options: TlsOptions = {}) {
  const got = { text: '', peers: [] as string[], connections: 0 };
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer({
    key: readFileSync(at('server.key')),
    cert: readFileSync(at('server.pem')),
    ...options,
  });
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    got.connections += 1;
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      got.text += bytes.toString();
      got.peers.push(String(socket.getPeerCertificate().subject?.CN ?? ''));
    });
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const hangUp = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    got,
    port,
    hangUp,
    close: () => {
      hangUp();
      server.close();
    },
  };
}

const specOf = (port: number, options: Record<string, string> = {}) => {
  const address = `tcp+tls://127.0.0.1:${port}`;
  return logTo('syslog', { 'syslog-address': address, 'syslog-format': 'rfc5424', tag: 'shop', ...options });
};

describe.each(LAUNCHERS)('syslog over TLS %s', (_which, binary) => {
  let workshop: Workshop;
  beforeAll(() => {
    workshop = openWorkshop(binary());
  });
  afterAll(() => workshop.close());

  test('brings every line, the last one too, from a container with a network of its own', async () => {
    const server = await listen();
    const log = await specOf(server.port, { 'syslog-tls-ca-cert': at('ca.pem') });
    const setup = [{ op: 'unshare', flags: CLONE.NEWNET } as const];
    const container = await startContainer(
      workshop,
      [
        ['lines', '20000', '0'],
        ['echo', 'Q and R are words'],
        ['exit', '0'],
      ],
      { log, setup },
    );
    await container.ended();
    await eventually(() => expect(server.got.text).toContain('Q and R are words\n'));
    expect(server.got.text.split('\n').filter((line) => /^<30>1 \S+ north shop \d+ shop - /.test(line))).toHaveLength(
      20_001,
    );
    server.close();
  });

  test('a server that hangs up is connected to again', async () => {
    const server = await listen();
    const log = await specOf(server.port, { 'syslog-tls-ca-cert': at('ca.pem') });
    const talk = Array.from({ length: 40 }, (_, i) => [
      ['echo', `line ${i}`],
      ['sleep', '200'],
    ]).flat();
    const container = await startContainer(workshop, [...talk, ['exit', '0']], { log });
    await eventually(() => expect(server.got.text).toContain('\n'));
    const before = server.got.connections;
    server.hangUp();
    await eventually(() => expect(server.got.connections).toBeGreaterThan(before), 10_000);
    const heard = server.got.text.length;
    await eventually(() => expect(server.got.text.length).toBeGreaterThan(heard), 10_000);
    await container.stop();
    server.close();
  });
});

test('who cannot prove who it is gets nothing, unless that is not asked for; a client shows its own certificate', async () => {
  const server = await listen({ ca: readFileSync(at('ca.pem')), requestCert: true, rejectUnauthorized: false });
  await expect(specOf(server.port)).rejects.toMatchObject({
    code: 'log-server-missing',
    message: expect.stringContaining(`tcp+tls://127.0.0.1:${server.port} cannot be used`),
  });
  const trusted = { 'syslog-tls-skip-verify': 'true' };
  const client = { 'syslog-tls-cert': at('client.pem'), 'syslog-tls-key': at('client.key') };
  const workshop = openWorkshop(LAUNCHERS[0][1]());
  const container = await startContainer(
    workshop,
    [
      ['echo', 'hello'],
      ['exit', '0'],
    ],
    {
      log: await specOf(server.port, { ...trusted, ...client }),
    },
  );
  await container.ended();
  await eventually(() => expect(server.got.text).toContain('hello'));
  expect(server.got.peers).toContain('client');
  await workshop.close();
  server.close();
});

test('what is wrong with the options is said', async () => {
  await expect(specOf(1, { 'syslog-tls-ca-cert': '/no/such' })).rejects.toThrow(
    'syslog-tls-ca-cert: /no/such cannot be read',
  );
  await expect(specOf(1, { 'syslog-tls-cert': at('client.pem') })).rejects.toThrow('belong together');
  await expect(specOf(1, { 'syslog-tls-skip-verify': 'maybe' })).rejects.toThrow('cannot be "maybe"');
  await expect(specOf(1)).rejects.toMatchObject({ code: 'log-server-missing' });
});
