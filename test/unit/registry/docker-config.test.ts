/** ~/.docker/config.json: the entry that docker would use is the one that is used. */
import { describe, expect, test } from 'vitest';
import { findCredentials, findHelper, parseDockerConfig } from '../../../engine/registry/docker-config.ts';

const auth = (text: string) => Buffer.from(text).toString('base64');
const config = (value: object) => parseDockerConfig(JSON.stringify(value), 'config.json');

describe('credentials', () => {
  test.each([
    ['reg.example', { 'reg.example': { auth: auth('u:p:q') } }, { username: 'u', password: 'p:q' }],
    ['reg.example:5000', { 'reg.example': { auth: auth('u:p') } }, undefined],
    ['reg.example', { 'https://reg.example/v1/': { auth: auth('u:p\0\0') } }, { username: 'u', password: 'p' }],
    ['docker.io', { 'https://index.docker.io/v1/': { auth: auth('hub:x') } }, { username: 'hub', password: 'x' }],
    ['docker.io', { 'docker.io': { auth: auth('hub:x') } }, { username: 'hub', password: 'x' }],
    ['ghcr.io', { 'https://index.docker.io/v1/': { auth: auth('hub:x') } }, undefined],
    ['reg.example', { 'reg.example': { identitytoken: 't' } }, { identityToken: 't' }],
    ['reg.example', { 'reg.example': { registrytoken: 'r' } }, { registryToken: 'r' }],
    ['reg.example', { 'reg.example': {} }, {}],
    ['constructor', {}, undefined],
  ])('for %s of %j', (domain, auths, expected) => expect(findCredentials(config({ auths }), domain)).toEqual(expected));

  test.each([
    ['{', 'it is not JSON'],
    ['[]', 'it is not a JSON object'],
    ['{"auths":3}', 'auths and credHelpers must be objects'],
  ])('%s is told to be broken', (text, why) =>
    expect(() => parseDockerConfig(text, '/c.json')).toThrow(`/c.json: ${why}`),
  );

  test('an entry that is broken is told to who needs it, and to nobody else', () => {
    const both = config({ auths: { r: { auth: '!!' }, other: { auth: auth('u:p') } } });
    expect(() => findCredentials(both, 'r')).toThrow('auths["r"].auth is not the base64 of user:password');
    expect(findCredentials(both, 'other')).toEqual({ username: 'u', password: 'p' });
  });

  test('an empty file is no mistake', () => expect(findCredentials(parseDockerConfig('', 'x'), 'a')).toBeUndefined());
});

describe('helpers', () => {
  const both = config({ credHelpers: { 'gcr.io': 'gcloud', 'docker.io': 'hub' }, credsStore: 'pass' });
  test.each([
    ['gcr.io', { name: 'gcloud', key: 'gcr.io' }],
    ['docker.io', { name: 'hub', key: 'https://index.docker.io/v1/' }],
    ['reg.example:5000', { name: 'pass', key: 'reg.example:5000' }],
  ])('%s asks its own before the common one', (domain, expected) => expect(findHelper(both, domain)).toEqual(expected));

  test('none is asked where none is named', () => expect(findHelper(config({}), 'gcr.io')).toBeUndefined());
});
