/** Who is told a password when a challenge sends for a token: never anybody without TLS, and docker's own only docker's servers. */
import { expect, test } from 'vitest';
import { authorize, type Wish } from '../../../engine/registry/authenticate.ts';
import type { Answer, Ask } from '../../../engine/registry/request.ts';

const answerOf = (url: string, realm: string): Answer => ({
  url: new URL(url),
  status: 401,
  headers: {},
  headerLines: () => [`Bearer realm="${realm}",service="s"`],
  body: Buffer.alloc(0),
});

async function tokenFor(domain: string, url: string, realm: string): Promise<string[]> {
  const asked: string[] = [];
  const wish: Wish = {
    image: 'x',
    domain,
    scope: 'repository:x:pull',
    verify: true,
    credentials: async () => ({ username: 'me', password: 'secret' }),
    requests: {
      send: async (ask: Ask) => {
        asked.push(`${ask.url.origin} ${ask.headers?.['authorization'] === undefined ? 'nobody' : 'me'}`);
        return { ...answerOf(url, realm), status: 200, body: Buffer.from('{"token":"t"}') };
      },
    },
  };
  await authorize(answerOf(url, realm), wish);
  return asked;
}

test.each([
  ['docker.io', 'https://registry-1.docker.io', 'https://auth.docker.io/token'],
  ['gitlab.example', 'https://gitlab.example', 'https://login.gitlab.example/token'],
  ['10.0.0.1:5000', 'http://10.0.0.1:5000', 'http://10.0.0.1:5001/token'],
])('%s at %s may send to %s', async (domain, url, realm) =>
  expect(await tokenFor(domain, url, realm)).toEqual([`${new URL(realm).origin} me`]),
);

test.each([
  ['docker.io', 'https://registry-1.docker.io', 'https://auth.evil.example/token', "which is not docker's"],
  ['docker.io', 'https://registry-1.docker.io', 'https://docker.io.evil.example/token', "which is not docker's"],
  ['reg.example', 'https://reg.example', 'http://auth.reg.example/token', 'sends for a token to http://'],
])('%s at %s may not send to %s', async (domain, url, realm, why) =>
  expect(tokenFor(domain, url, realm)).rejects.toThrow(why),
);
