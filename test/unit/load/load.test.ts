/** The loader from end to end, on files that a test writes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { load } from '../../../src/load/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcompose-load-'));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
async function loadText(text: string, environment: Record<string, string> = {}) {
  const file = join(folder, `case-${count++}.yaml`);
  writeFileSync(file, text);
  return load({ cwd: folder, environment, files: [file], projectName: 'shop' });
}

test('a small file becomes a project in canonical form', async () => {
  const { project, diagnostics } = await loadText(`
services:
  web:
    image: nginx:\${TAG:-1.27}
    ports: ["8080:80"]
    links: ["db:database"]
  db:
    image: postgres
    volumes: ["data:/var/lib/postgresql/data"]
volumes:
  data:
`);
  expect(diagnostics).toEqual([]);
  expect(project?.services).toEqual({
    db: {
      command: null,
      entrypoint: null,
      image: 'postgres',
      networks: { default: null },
      volumes: [{ type: 'volume', source: 'data', target: '/var/lib/postgresql/data', volume: {} }],
    },
    web: {
      command: null,
      entrypoint: null,
      depends_on: { db: { condition: 'service_started', restart: true, required: true } },
      image: 'nginx:1.27',
      links: ['db:database'],
      networks: { default: null },
      ports: [{ mode: 'ingress', target: 80, published: '8080', protocol: 'tcp' }],
    },
  });
  expect(project?.networks).toEqual({ default: { name: 'shop_default', ipam: {} } });
  expect(project?.volumes).toEqual({ data: { name: 'shop_data' } });
  expect(project?.at(['services', 'web', 'image'])?.start).toEqual({ line: 4, column: 12 });
});

test('every mistake is reported at once, each once, at its place', async () => {
  const { project, diagnostics } = await loadText(`services:
  web:
    imag: nginx
    ports:
      - target: 80
        publshed: 90
    networks: [front]
`);
  expect(project).toBeUndefined();
  expect(diagnostics.map(({ code, at }) => `${code} ${at?.start.line}:${at?.start.column}`)).toEqual([
    'unknown-key 3:5',
    'unknown-key 6:9',
    'undefined-network 7:16',
  ]);
});

test('COMPOSE_DISABLE_ENV_FILE is a switch, and nothing else', async () => {
  const cwd = mkdtempSync(join(folder, 'switch-'));
  writeFileSync(join(cwd, 'compose.yaml'), `services: {web: {image: "\${A-none}"}}\n`);
  writeFileSync(join(cwd, '.env'), 'A=a\n');
  const loadWith = (value: string) => load({ cwd, environment: { COMPOSE_DISABLE_ENV_FILE: value } });
  const imageWith = async (value: string) => (await loadWith(value)).project?.services['web']?.image;
  for (const on of ['1', 'true', 'T', 'TRUE']) expect(await imageWith(on)).toBe('none');
  for (const off of ['', '0', 'false', 'F']) expect(await imageWith(off)).toBe('a');
  expect((await loadWith('maybe')).diagnostics).toMatchObject([
    { code: 'bad-value', summary: 'COMPOSE_DISABLE_ENV_FILE cannot be "maybe"' },
  ]);
});
