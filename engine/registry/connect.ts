/** Connections to one host: directly or through a proxy, with the certificates that are trusted there. */
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type SecureContextOptions } from 'node:tls';
import { splitHost } from './endpoints.ts';

export const CONNECT_LIMIT_MS = 30_000;

/** What a request is sent with beside its own headers. */
export interface Route {
  readonly send: (url: URL, options: RequestOptions) => ClientRequest;
}

type Trust = SecureContextOptions & { readonly rejectUnauthorized: boolean };

const KEPT = { keepAlive: true, maxSockets: 8 };

export function directRoute({ protocol }: URL, trust: Trust): Route {
  if (protocol === 'http:') return through(httpRequest, new HttpAgent(KEPT));
  return through(httpsRequest, new HttpsAgent({ ...KEPT, ...trust }));
}

export function proxyRoute({ protocol }: URL, proxy: URL, trust: Trust): Route {
  const headers = authorizationOf(proxy);
  if (protocol === 'https:') return through(httpsRequest, new TunnelAgent(proxy, headers, trust));
  const [request, agent] =
    proxy.protocol === 'https:' ? [httpsRequest, new HttpsAgent(KEPT)] : [httpRequest, new HttpAgent(KEPT)];
  // Plain HTTP: the proxy is asked for the whole URL.
  return {
    send: (url, options) =>
      request({
        ...options,
        ...addressOf(proxy),
        agent,
        path: url.href,
        headers: { host: url.host, ...options.headers, ...headers },
      }),
  };
}

const through = (request: typeof httpRequest, agent: HttpAgent): Route => ({
  send: (url, options) => request(url, { ...options, agent }),
});

const addressOf = (proxy: URL) => ({
  host: splitHost(proxy.host).name,
  port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
});

function authorizationOf({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '') return {};
  const plain = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(plain).toString('base64')}` };
}

/** The proxy answers CONNECT and is a wire from then on; what it is told (its password) never reaches the registry. */
class TunnelAgent extends HttpsAgent {
  readonly #proxy: URL;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(proxy: URL, headers: Readonly<Record<string, string>>, trust: Trust) {
    super({ ...KEPT, ...trust });
    this.#proxy = proxy;
    this.#headers = headers;
  }

  override createConnection(
    options: RequestOptions,
    done: (error: Error | null, socket: Duplex) => void = () => undefined,
  ): undefined {
    const { host, port } = options;
    const target = `${host?.includes(':') ? `[${host}]` : host}:${port}`;
    const ask = askProxy(this.#proxy, target, this.#headers);
    const fail = (error: Error) => done(error, undefined as never);
    ask.once('error', fail);
    ask.once('timeout', () => ask.destroy(failure('ETIMEDOUT', `the proxy ${this.#proxy.host} does not answer`)));
    ask.once('connect', (answer, socket) => {
      if (answer.statusCode !== 200) {
        socket.destroy();
        const words = `the proxy ${this.#proxy.host} refuses with ${answer.statusCode} ${answer.statusMessage ?? ''}`;
        return fail(failure('EPROXY', words.trimEnd()));
      }
      socket.setTimeout(0);
      const secure = connectTls({ ...(options as object), socket, host: undefined as never });
      secure.once('error', fail);
      secure.once('secureConnect', () => {
        secure.off('error', fail);
        done(null, secure);
      });
    });
    ask.end();
    return undefined;
  }
}

function askProxy(proxy: URL, target: string, headers: Readonly<Record<string, string>>): ClientRequest {
  const request = proxy.protocol === 'https:' ? httpsRequest : httpRequest;
  return request({
    ...addressOf(proxy),
    method: 'CONNECT',
    path: target,
    headers: { host: target, ...headers },
    timeout: CONNECT_LIMIT_MS,
    agent: false,
  });
}

const failure = (code: string, message: string): Error => Object.assign(new Error(message), { code });
