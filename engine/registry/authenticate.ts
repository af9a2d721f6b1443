/** From a registry's challenge to the Authorization header it wants: basic, or a token fetched for it. */
import { type Challenge, parseChallenges } from './challenges.ts';
import type { Credentials } from './docker-config.ts';
import { isLoopback } from './endpoints.ts';
import { badAnswer, refused } from './failures.ts';
import type { Answer, Requests } from './request.ts';

const MAX_TOKEN_BYTES = 1 << 20;
const CLIENT = 'tcompose';

export interface Wish {
  readonly image: string;
  readonly domain: string;
  /** `repository:library/nginx:pull` */
  readonly scope: string;
  readonly verify: boolean;
  readonly credentials: () => Promise<Credentials | undefined>;
  readonly requests: Requests;
}

export interface Authorization {
  readonly header: string;
  /** Someone's, not anybody's. */
  readonly known: boolean;
}

/** Undefined: nothing that we have would help. */
export async function authorize(answer: Answer, wish: Wish): Promise<Authorization | undefined> {
  const challenges = parseChallenges(answer.headerLines('www-authenticate'));
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
  const credentials = await wish.credentials();
  if (bearer !== undefined) return fetchToken(bearer, credentials, answer.url, wish);
  if (!challenges.some(({ scheme }) => scheme === 'basic') || !credentials?.username) return undefined;
  return { header: basic(credentials), known: true };
}

const basic = ({ username = '', password = '' }: Credentials): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

/** https://distribution.github.io/distribution/spec/auth/token and /oauth */
async function fetchToken(
  { parameters }: Challenge,
  credentials: Credentials | undefined,
  registry: URL,
  wish: Wish,
): Promise<Authorization> {
  if (credentials?.registryToken !== undefined) return bearerOf(credentials.registryToken, registry, true);
  const realm = realmOf(parameters['realm'], registry, wish.domain);
  const asked = parameters['scope'] ?? wish.scope;
  // A look before a push is answered with what a look needs; one token is to be good for all of it.
  const all = wish.scope.includes(',push') ? `${wish.scope} ${asked}` : asked;
  const scopes = [...new Set(all.split(' ').filter(Boolean))];
  const service = parameters['service'];
  const known = credentials?.identityToken !== undefined || Boolean(credentials?.username);
  const common = { maxBytes: MAX_TOKEN_BYTES, ...(realm.host === registry.host && { verify: wish.verify }) };
  const answer =
    credentials?.identityToken === undefined
      ? await wish.requests.send({
          ...common,
          url: withQuery(realm, { service, scope: scopes, ...(known && { account: credentials!.username }) }),
          headers: { accept: 'application/json', ...(known && { authorization: basic(credentials!) }) },
        })
      : await wish.requests.send({
          ...common,
          url: realm,
          method: 'POST',
          headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams({
            grant_type: 'refresh_token',
            refresh_token: credentials.identityToken,
            client_id: CLIENT,
            scope: scopes.join(' '),
            ...(service !== undefined && { service }),
          }).toString(),
        });
  if (answer.status !== 200) {
    const { status, body, headers } = answer;
    throw refused({ ...wish, status, body, retryAfter: headers['retry-after'], known });
  }
  return bearerOf(tokenIn(answer), realm, known);
}

/** Who is told the password: over TLS only, and docker's own only by docker.io, whatever the challenge says. */
function realmOf(written: string | undefined, registry: URL, domain: string): URL {
  if (written === undefined || !URL.canParse(written))
    throw badAnswer(registry, 'asks for a token and does not say where');
  const realm = new URL(written);
  const isPlain = realm.protocol === 'http:' && (registry.protocol === 'http:' || isLoopback(realm.hostname));
  if (realm.protocol !== 'https:' && !isPlain)
    throw badAnswer(registry, `sends for a token to ${realm.protocol}//${realm.host}`);
  if (domain === 'docker.io' && !/(^|\.)docker\.(io|com)$/.test(realm.hostname))
    throw badAnswer(registry, `sends for a token to ${realm.host}, which is not docker's`);
  return realm;
}

function withQuery(url: URL, query: Readonly<Record<string, string | readonly string[] | undefined>>): URL {
  const made = new URL(url);
  for (const [name, value] of Object.entries(query))
    for (const one of value === undefined ? [] : [value].flat()) made.searchParams.append(name, one as string);
  return made;
}

function tokenIn({ body, url }: Answer): string {
  try {
    const read = JSON.parse(body.toString()) as Record<string, unknown>;
    const token = read['token'] || read['access_token'];
    if (typeof token === 'string') return token;
  } catch {
    // said below
  }
  throw badAnswer(url, 'answers without a token');
}

/** It becomes a line of a request: no line may be smuggled in with it. */
function bearerOf(token: string, from: URL, known: boolean): Authorization {
  if (!/^[\x21-\x7e]+$/.test(token)) throw badAnswer(from, 'answers with a token of forbidden characters');
  return { header: `Bearer ${token}`, known };
}
