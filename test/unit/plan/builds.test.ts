/** What `build` of a service says becomes a request to the engine, and builds come in the order in which images are made of each other. */
import { describe, expect, test } from 'vitest';
import { baseImages } from '../../../src/plan/build/bases.ts';
import { contextOf } from '../../../src/plan/build/context.ts';
import { buildRequest } from '../../../src/plan/build/request.ts';
import { buildsAsked, buildsFor } from '../../../src/plan/builds.ts';
import { fakeImage } from '../../helpers/fake-live.ts';
import { projectOf } from '../../helpers/project.ts';

const requestOf = async (text: string, choices = {}) =>
  buildRequest({ ...(await projectOf(text)), environment: { TEXT: 'abc' } }, 'web', choices);

test('the short form is a folder, its Dockerfile and the name of project and service', async () => {
  const project = await projectOf('name: shop\nservices: {web: {build: ./web}}');
  expect(buildRequest(project, 'web', { version: '1.2' })).toEqual({
    contents: new Map(),
    warnings: [],
    build: {
      context: { kind: 'folder', path: `${project.workingDir}/web` },
      dockerfile: { path: 'Dockerfile' },
      args: {},
      labels: {
        'com.docker.compose.project': 'shop',
        'com.docker.compose.service': 'web',
        'com.docker.compose.version': '1.2',
      },
      tags: ['shop-web'],
      contexts: {},
      noCache: false,
      noCacheFilter: [],
      pull: false,
      network: 'default',
      extraHosts: [],
      secrets: [],
      ssh: [],
      ulimits: {},
      privileged: false,
    },
  });
});

test('every key of the long form reaches the request', async () => {
  const { build, contents } = await requestOf(`
name: shop
networks: {inner: }
secrets:
  text: {environment: TEXT}
  file: {file: /etc/hostname}
services:
  base: {build: {dockerfile_inline: FROM scratch}, networks: [inner]}
  web:
    image: example.org/web:2
    build:
      context: /src
      dockerfile: ../other/Dockerfile
      args: [A=1, B=, C=two words]
      target: prod
      labels: {l: x}
      tags: [example.org/web:latest, example.org/web:2]
      network: inner
      no_cache: true
      no_cache_filter: [a, b]
      pull: true
      extra_hosts: ["h:1.2.3.4"]
      privileged: true
      shm_size: 64m
      ulimits: {nofile: 5, nproc: {soft: 1, hard: 2}}
      platforms: [linux/arm64]
      ssh: [default, key=/k]
      secrets: [file, {source: text, target: other}]
      additional_contexts:
        one: service:base
        two: docker-image://debian:12
        three: https://example.org/a.git#main:sub
        four: /four
`);
  expect(build).toMatchObject({
    context: { kind: 'folder', path: '/src' },
    dockerfile: { path: '/other/Dockerfile' },
    args: { A: '1', B: '', C: 'two words' },
    target: 'prod',
    tags: ['example.org/web:2', 'example.org/web:latest'],
    network: 'shop_inner',
    noCache: true,
    noCacheFilter: ['a', 'b'],
    pull: true,
    extraHosts: ['h=1.2.3.4'],
    privileged: true,
    shmSize: 67108864,
    ulimits: { nofile: { soft: 5, hard: 5 }, nproc: { soft: 1, hard: 2 } },
    platform: 'linux/arm64',
    contexts: {
      one: { kind: 'image', ref: 'shop-base' },
      two: { kind: 'image', ref: 'debian:12' },
      three: { kind: 'git', url: 'https://example.org/a.git#main:sub' },
      four: { kind: 'folder', path: '/four' },
    },
  });
  expect(build.labels['l']).toBe('x');
  expect(build.ssh.map(({ id }) => id)).toEqual(['default', 'key']);
  expect(build.ssh[1]).toEqual({ id: 'key', path: '/k' });
  expect(build.secrets[0]).toEqual({ id: 'file', source: { file: '/etc/hostname' } });
  expect(JSON.stringify(build)).not.toContain('abc');
  expect([...contents.values()].map(String)).toEqual(['abc']);
});

test('a Dockerfile in the file is a text, and flags count more than the file', async () => {
  const text = 'name: shop\nservices: {web: {build: {dockerfile_inline: "FROM scratch", args: {A: file, B: file}}}}';
  const { build } = await requestOf(text, { args: { A: 'flag' }, noCache: true, pull: true, ssh: { k: '/k' } });
  expect(build).toMatchObject({
    dockerfile: { text: 'FROM scratch' },
    args: { A: 'flag', B: 'file' },
    noCache: true,
    pull: true,
    ssh: [{ id: 'k', path: '/k' }],
  });
});

test('of several platforms one is built, and that is said', async () => {
  const text = 'name: shop\nservices: {web: {build: {context: ., platforms: [linux/arm64, linux/amd64]}}}';
  const { build, warnings } = await requestOf(text, { hostPlatform: 'linux/amd64' });
  expect(build.platform).toBe('linux/amd64');
  expect(warnings).toEqual([expect.stringContaining('for linux/amd64')]);
});

test('SOURCE_DATE_EPOCH of the arguments is the youngest time of the image', async () => {
  const text = 'name: shop\nservices: {web: {build: {context: ., args: {SOURCE_DATE_EPOCH: "1700000000"}}}}';
  expect((await requestOf(text)).build.sourceDateEpoch).toBe(1_700_000_000);
});

test.each([
  ['https://github.com/a/b.git#v1:dir', 'git'],
  ['git@github.com:a/b.git', 'git'],
  ['github.com/a/b', 'git'],
  ['git://h/b', 'git'],
  ['ssh://git@h/b.git', 'git'],
  ['https://example.org/context.tar.gz', 'http'],
  ['docker-image://debian', 'image'],
  ['./folder', 'folder'],
  ['/a:b', 'folder'],
])('the context %s is of the kind %s', (text, kind) => {
  expect(contextOf(text).kind).toBe(kind);
});

test('a context of a kind that nobody reads is refused with its line', async () => {
  await expect(
    requestOf('name: shop\nservices:\n  web:\n    build: {context: ., additional_contexts: {a: "oci-layout://x"}}'),
  ).rejects.toMatchObject({ code: 'unsupported-context', at: { start: { line: 4 } } });
});

describe('builds', () => {
  const stack = `
name: shop
services:
  web: {build: {context: ., additional_contexts: {b: "service:base"}}}
  api: {image: api:1, build: ./api}
  base: {build: ./base, profiles: [never]}
  db: {image: pg}
`;
  const idsOf = (steps: readonly { id: string }[]) => steps.map(({ id }) => id);

  test('what is missing is built, and first what it takes its files from, active or not', async () => {
    const project = await projectOf(stack);
    const { steps } = buildsFor(project, ['web', 'api', 'db'], { images: new Map() });
    expect(idsOf(steps)).toEqual(['image.build shop-base', 'image.build shop-web', 'image.build api:1']);
    expect(steps[1]!.after).toEqual(['image.build shop-base']);
    expect(steps[1]!.because).toMatchObject([{ code: 'missing', at: { start: { line: 4 } } }]);
  });

  test('what is here is left alone, but for --build and pull_policy: build; --no-build builds nothing', async () => {
    const project = await projectOf(stack.replace('build: ./api', 'build: ./api, pull_policy: build'));
    const images = new Map(['shop-web', 'api:1', 'shop-base'].map((ref) => [ref, fakeImage(ref)] as const));
    const selected = ['web', 'api', 'db'];
    expect(idsOf(buildsFor(project, selected, { images }).steps)).toEqual(['image.build api:1']);
    expect(buildsFor(project, selected, { images }, { when: 'always' }).steps).toHaveLength(3);
    expect(buildsFor(project, selected, { images: new Map() }, { when: 'never' }).steps).toEqual([]);
  });

  test('an image that another service builds is built before what begins with it', async () => {
    const project = await projectOf('name: s\nservices: {a: {build: ./a}, b: {image: "me/b:latest", build: ./b}}');
    const dockerfiles = new Map([['a', 'ARG BASE=me/b\nFROM $BASE\nCOPY --from=nginx /x /x']]);
    const { steps } = buildsAsked(project, ['a', 'b'], { images: new Map(), dockerfiles }, {});
    expect(idsOf(steps)).toEqual(['image.build me/b:latest', 'image.build s-a']);
  });

  test('two services with one name for one build make it once', async () => {
    const one = '{image: same, build: ./x}';
    const project = await projectOf(`name: s\nservices: {a: ${one}, b: ${one}}`);
    const { steps, warnings } = buildsAsked(project, ['a', 'b'], { images: new Map() }, {});
    expect(steps).toHaveLength(1);
    expect(warnings).toEqual([]);
  });

  test('images that are built from each other are an error, not an endless wait', async () => {
    const part = (other: string) => `{build: {context: ., additional_contexts: {x: "service:${other}"}}}`;
    const project = await projectOf(`name: s\nservices: {a: ${part('b')}, b: ${part('a')}}`);
    expect(() => buildsAsked(project, ['a'], { images: new Map() }, {})).toThrow('built from each other');
  });
});

test('base images are read from FROM, COPY and mounts, with global arguments put in', () => {
  const text = `ARG V=1
FROM --platform=linux/amd64 one:\${V} AS first
FROM first
COPY --from=two /a /b
COPY --from=0 /a /b
RUN --mount=type=bind,from=three,target=/x true`;
  expect(baseImages(text, {})).toEqual(['one:1', 'two', 'three']);
  expect(baseImages(text, { V: '9' })[0]).toBe('one:9');
});
