/** What goes wrong with registries, by name: who could not be reached, who refused, why, and what to do. */
import { TcomposeError } from '../../src/model/errors.ts';
import { LONGEST_WAIT_MS, retryAfter } from './retry.ts';

/** Without a query: redirects carry signatures there. */
const short = (url: URL): string => `${url.origin}${url.pathname}`;

export const badAnswer = (url: URL, why: string): TcomposeError =>
  new TcomposeError(`${short(url)} ${why}`, {
    code: 'registry-answer',
    help: 'this is no registry, or a broken one; ask who runs it',
  });

const UNTRUSTED =
  /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH_EXCEEDED|ERR_SSL_|EPROTO)/;

/** No answer at all came. */
export function unreachable(image: string, host: string, error: unknown): unknown {
  const { code = '', message, name } = error as NodeJS.ErrnoException;
  if (error instanceof TcomposeError || name === 'AbortError') return error;
  const details = { address: `image/${image}`, cause: error };
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return new TcomposeError(
      `${(error as { hostname?: string }).hostname ?? host} has no address: its name is not known`,
      {
        ...details,
        code: 'registry-name',
        help: 'check the name in the image, and that this machine reaches a name server',
      },
    );
  if (UNTRUSTED.test(code))
    return new TcomposeError(`the registry ${host} cannot prove who it is: ${message}`, {
      ...details,
      code: 'registry-tls',
      help: `if it is yours, put the certificate of its authority here:\n    /etc/docker/certs.d/${host}/ca.crt`,
    });
  const why: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'nobody listens there',
    ETIMEDOUT: 'it does not answer in time',
    ECONNRESET: 'it breaks the connection',
  };
  return new TcomposeError(`cannot reach the registry ${host}: ${why[code] ?? message}`, {
    ...details,
    code: 'registry-unreachable',
    help: 'check that it runs and that the way there is open (HTTPS_PROXY, NO_PROXY)',
  });
}

export interface Refusal {
  /** As it was written. */
  readonly image: string;
  /** `docker.io`, `reg.example:5000` */
  readonly domain: string;
  readonly status: number;
  readonly body: Buffer;
  readonly retryAfter?: string | undefined;
  /** Whether credentials were sent. */
  readonly known: boolean;
  readonly isPush?: boolean;
}

/** An answer came, and it is no. */
export function refused(refusal: Refusal): TcomposeError {
  const { image, domain, status, known } = refusal;
  const name = image.startsWith(`${domain}/`) ? image.slice(domain.length + 1) : image;
  const login = domain === 'docker.io' ? 'tcompose login' : `tcompose login ${domain}`;
  const said = wordsOf(refusal.body);
  const details = { address: `image/${image}` };
  const quote = said === '' ? '' : `: ${said}`;
  if (status === 401 || status === 403)
    return new TcomposeError(
      known
        ? `${domain} does not let you ${refusal.isPush ? 'push to' : 'have'} ${name}${quote}`
        : refusal.isPush
          ? `${domain} takes ${name} only from those who log in${quote}`
          : `${domain} gives ${name} only to those who log in, or does not have it${quote}`,
      { ...details, code: 'registry-unauthorised', help: `log in, and check the name:\n    ${login}` },
    );
  if (status === 404 && refusal.isPush)
    return new TcomposeError(`${domain} has no place for ${name}${quote}`, {
      ...details,
      code: 'registry-failed',
      help: 'check the name; some registries want a repository to be made before it is pushed to',
    });
  if (status === 404)
    return new TcomposeError(`${domain} does not have ${name}${quote}`, {
      ...details,
      code: 'image-not-found',
      help: 'check the name and the tag',
    });
  if (status === 429) {
    const wait = retryAfter(refusal.retryAfter, Date.now()) ?? 0;
    const when = wait > LONGEST_WAIT_MS ? `, try again in ${Math.ceil(wait / 60_000)} minutes` : '';
    return new TcomposeError(`${domain} has answered too many requests for now${quote}`, {
      ...details,
      code: 'registry-rate-limit',
      help: `${known ? 'wait' : `log in (${login}), which raises the limit`}${when}`,
    });
  }
  return new TcomposeError(`${domain} fails for ${name} with status ${status}${quote}`, {
    ...details,
    code: 'registry-failed',
    help: status >= 500 ? 'try again later; if it stays so, ask who runs it' : 'ask who runs it',
  });
}

const MAX_WORDS = 300;

/** `{"errors":[{"code","message"}]}`, or what token servers say. A page of HTML says nothing. */
function wordsOf(body: Buffer): string {
  try {
    const read = JSON.parse(body.toString()) as Record<string, unknown>;
    const [first] = Array.isArray(read['errors']) ? (read['errors'] as Record<string, unknown>[]) : [read];
    const said = ['message', 'details', 'error_description', 'error', 'code'].map((key) => first?.[key]);
    const text = said.find((value): value is string => typeof value === 'string' && value !== '');
    return (text ?? '').replace(/\s+/g, ' ').slice(0, MAX_WORDS);
  } catch {
    return '';
  }
}
