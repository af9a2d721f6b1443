/**
 * Syslog over TLS. The supervisor speaks no TLS and shall not learn it: `openssl s_client` of the host passes on what it says. That the
 * server is there, and is who it should be, is tried once before each start, so that it is told then and with its reason.
 */
import { accessSync, constants, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { flag, LogProblem } from './options.ts';

interface Place {
  readonly host: string;
  readonly port: number;
}

interface TlsSettings {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly isVerified: boolean;
}

const TRY_MS = 5000;

/** Reads no more than whether the files are there. */
export function tlsSettings(options: Readonly<Record<string, string>>): TlsSettings {
  const file = (name: string): string | undefined => {
    const path = options[name];
    if (path === undefined || path === '') return undefined;
    try {
      if (!path.startsWith('/')) throw new Error('not absolute');
      accessSync(path, constants.R_OK);
      return path;
    } catch {
      throw new LogProblem(`${name}: ${path} cannot be read`, 'name a file in PEM form by its absolute path');
    }
  };
  const [ca, cert, key] = ['ca-cert', 'cert', 'key'].map((name) => file(`syslog-tls-${name}`));
  if ((cert === undefined) !== (key === undefined)) {
    throw new LogProblem('syslog-tls-cert and syslog-tls-key belong together', 'give both, or neither');
  }
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    isVerified: !flag(options, 'syslog-tls-skip-verify', false),
  };
}

/** Connects as the relay will. Throws with the reason when that cannot be. */
export async function tryTls({ host, port }: Place, { ca, cert, key, isVerified }: TlsSettings): Promise<void> {
  const { connect, rootCertificates } = await import('node:tls');
  const text = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path, 'utf8'));
  const [own, certText, keyText] = [text(ca), text(cert), text(key)];
  const socket = connect({
    host,
    port,
    rejectUnauthorized: isVerified,
    minVersion: 'TLSv1.2',
    ...(isIP(host) ? {} : { servername: host }),
    ...(own === undefined ? {} : { ca: [...rootCertificates, own] }),
    ...(certText === undefined ? {} : { cert: certText }),
    ...(keyText === undefined ? {} : { key: keyText }),
  });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve);
      socket.once('error', reject);
      socket.setTimeout(TRY_MS, () => reject(new Error('it does not answer')));
    });
  } catch (error) {
    throw new LogProblem(
      `the log server tcp+tls://${host}:${port} cannot be used: ${(error as Error).message}`,
      'start it, or correct its address and certificates',
      'log-server-missing',
    );
  } finally {
    socket.destroy();
  }
}

/** The words of a program that passes its input on to the server, and ends with it. */
export function tlsRelay({ host, port }: Place, { ca, cert, key, isVerified }: TlsSettings): readonly string[] {
  const openssl = findOpenssl();
  if (openssl === undefined) {
    throw new LogProblem('syslog over TLS needs openssl, which is not on this host', 'install openssl, or use tcp://');
  }
  const address = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
  return [
    ...[openssl, 's_client', '-connect', address, '-quiet', '-no_ign_eof', '-nocommands', '-min_protocol', 'TLSv1.2'],
    ...(isIP(host) ? ['-noservername'] : ['-servername', host]),
    ...(isVerified ? ['-verify_return_error', isIP(host) ? '-verify_ip' : '-verify_hostname', host] : []),
    ...(ca === undefined ? [] : ['-CAfile', ca]),
    ...(cert === undefined ? [] : ['-cert', cert]),
    ...(key === undefined ? [] : ['-key', key]),
  ];
}

function findOpenssl(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(':').filter((folder) => folder.startsWith('/'));
  return folders.map((folder) => join(folder, 'openssl')).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
