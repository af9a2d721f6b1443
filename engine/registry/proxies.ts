/** Which proxy a request goes through: HTTPS_PROXY, HTTP_PROXY and NO_PROXY in either case, read as Go programs (docker) read them. */
import { isIP } from 'node:net';
import { TcomposeError } from '../../src/model/errors.ts';
import { isInRange, isLoopback, splitHost } from './endpoints.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export function proxyFor(url: URL, env: Environment): URL | undefined {
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const written = (env[name] || env[name.toLowerCase()] || '').trim();
  if (written === '' || isExcepted(url, env['NO_PROXY'] || env['no_proxy'] || '')) return undefined;
  // `proxy:3128` is common.
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(written) ? written : `http://${written}`;
  if (!URL.canParse(text)) throw badProxy(name, 'is no URL');
  const proxy = new URL(text);
  if (proxy.protocol !== 'http:' && proxy.protocol !== 'https:') throw badProxy(name, `asks for ${proxy.protocol}//`);
  for (const part of [proxy.username, proxy.password])
    if (/%(?![0-9a-f]{2})/i.test(part)) throw badProxy(name, 'has a % that stands for nothing; write it as %25');
  return proxy;
}

/** The value itself may hold a password, so it is not repeated. */
const badProxy = (name: string, why: string): TcomposeError =>
  new TcomposeError(`the environment variable ${name} ${why}`, {
    code: 'bad-proxy',
    help: `write it as http://host:port, or unset ${name}`,
  });

/** https://pkg.go.dev/golang.org/x/net/http/httpproxy: a host and what is below it, `.host` only what is below, addresses, ranges, `*`. */
export function isExcepted(url: URL, list: string): boolean {
  const name = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (isLoopback(name)) return true;
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((entry) => matches(entry, name, port));
}

function matches(entry: string, name: string, port: string): boolean {
  if (entry === '*' || isInRange(name, entry)) return true;
  const wanted = isIP(entry) === 6 ? { name: entry, port: '' } : splitHost(entry);
  if (wanted.port !== '' && wanted.port !== port) return false;
  if (isIP(wanted.name) !== 0) return wanted.name === name;
  const domain = wanted.name.replace(/^\*?\./, '');
  if (isIP(name) !== 0) return false;
  return domain !== '' && (name.endsWith(`.${domain}`) || (name === domain && domain === wanted.name));
}
