/** Volumes of other containers, and containers that are there for their volumes only. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { useStack } from '../../helpers/tcompose.ts';
import { containers, nothingToChange } from '../checks.ts';

const stack = useStack();
const mountinfo = async (service: string) =>
  (await stack.must('exec', '-T', service, 'cat', '/proc/self/mountinfo')).split('\n');
const mountOf = async (service: string, target: string) =>
  (await mountinfo(service)).find((line) => line.split(' ')[4] === target)?.split(' ');

/** An image with no program at all, and content under a VOLUME. */
async function packData(): Promise<void> {
  const root = join(stack.folder, 'packed');
  mkdirSync(join(root, 'data/sub'), { recursive: true });
  writeFileSync(join(root, 'data/file'), 'packed');
  execFileSync('sh', [
    '-c',
    `cd ${root}/data && ln file hard && ln -s file soft && mkfifo pipe && truncate -s 64M sparse && printf end >> sparse && ` +
      'chown 70:71 . file && chmod 2750 . && chmod 1777 sub && setfattr -n user.note -v kept file 2>/dev/null; true',
  ]);
  execFileSync('tar', ['-C', root, '--sparse', '--xattrs', '-cf', join(stack.folder, 'packed.tar'), '.']);
  await stack.must(
    'image',
    'import',
    '--change',
    'VOLUME /data',
    '--change',
    'CMD ["/nothing"]',
    'packed.tar',
    'packed:1',
  );
}

test('a container that never runs hands on what its image brought, with owners, modes, links and holes', async () => {
  await packData();
  await stack.write(
    'compose.yaml',
    `name: packed
services:
  data: {image: "packed:1", volumes: [store:/data], x-tcompose: {run: false}}
  web:
    image: busybox
    command: [sleep, "10000"]
    stop_grace_period: 0s
    volumes_from: [data]
volumes: {store: {}}
`,
  );
  await stack.must('up', '-d');
  expect((await containers(stack))['data']!.State).toBe('created');
  const look =
    "cd /data; stat -c '%n %F %a %u:%g %h' . file hard pipe sub; readlink soft; du -k sparse; tail -c 3 sparse";
  expect(await stack.must('exec', '-T', 'web', 'sh', '-c', look)).toMatch(
    new RegExp(
      [
        '. directory 2750 70:71 3',
        'file regular file 644 70:71 2',
        'hard regular file 644 70:71 2',
        'pipe fifo 644 0:\\d+ 1',
        'sub directory 1777 0:\\d+ 2',
        'file',
        '\\d{1,3}\\tsparse',
        'end',
      ].join('\n'),
    ),
  );
  await nothingToChange(stack);
  await stack.must('exec', '-T', 'web', 'sh', '-c', 'rm /data/file /data/hard');
  await stack.must('up', '-d', '--force-recreate');
  expect(await stack.must('exec', '-T', 'web', 'ls', '/data')).toBe('pipe\nsoft\nsparse\nsub\n');
  await stack.must('down', '-v', '-t', '0');
});

test('all but tmpfs are inherited, along chains, read-only where asked for; own mounts win, and the later source', async () => {
  mkdirSync(join(stack.folder, 'host'));
  const service = (name: string, more: string) =>
    `  ${name}:\n    image: busybox\n    command: [sleep, "10000"]\n    stop_grace_period: 0s\n${more}`;
  await stack.write(
    'compose.yaml',
    `name: chain
services:
${service('first', '    tmpfs: [/scratch]\n    volumes: [a:/a, /anonymous, ./host:/host:ro, "{type: image, source: busybox, target: /image}", b:/both]\n')}
${service('second', '    volumes_from: [first]\n    volumes: [c:/c]\n')}
${service('third', '    volumes_from: ["second:ro"]\n    volumes: [c:/a, a:/own]\n')}
${service('other', '    volumes: [c:/both]\n')}
${service('fourth', '    volumes_from: ["container:chain-first-1:rw", other]\n    depends_on: [first]\n')}
volumes: {a: {}, b: {}, c: {}}
`.replace('"{type: image, source: busybox, target: /image}"', '{type: image, source: busybox, target: /image}'),
  );
  await stack.must('up', '-d');
  const source = async (service: string, target: string) => {
    const line = await mountOf(service, target);
    return line && `${/volumes\/(\w+)\/_data$/.exec(line[3]!)?.[1] ?? '-'} ${line[5]!.split(',')[0]}`;
  };
  const anonymous = (await source('first', '/anonymous'))!.split(' ')[0];
  const table = async (service: string) =>
    Promise.all(['/a', '/anonymous', '/host', '/image', '/c', '/scratch'].map((target) => source(service, target)));
  expect(await table('second')).toEqual(['chain_a rw', `${anonymous} rw`, '- ro', '- ro', 'chain_c rw', undefined]);
  expect(await table('third')).toEqual(['chain_c rw', `${anonymous} ro`, '- ro', '- ro', 'chain_c ro', undefined]);
  expect(await source('third', '/own')).toBe('chain_a rw');
  expect([await source('fourth', '/both'), await source('fourth', '/a')]).toEqual(['chain_c rw', 'chain_a rw']);
  await nothingToChange(stack);
});

test('a source without a container is refused before anything is touched', async () => {
  await stack.write(
    'compose.yaml',
    'name: none\nservices:\n  a: {image: busybox, scale: 0}\n  b: {image: busybox, volumes_from: [a]}\n',
  );
  const { code, stderr } = await stack.run('up', '-d');
  expect(code).not.toBe(0);
  expect(stderr).toContain('service b needs a container of a, which has none');
  await stack.write(
    'compose.yaml',
    'name: none\nservices:\n  a: {image: busybox, volumes: [v:/v]}\n  b: {image: busybox, volumes_from: ["container:nobody", "a:odd"]}\nvolumes: {v: {}}\n',
  );
  const outside = await stack.run('up', '-d');
  expect([outside.code, outside.stderr]).toEqual([
    1,
    expect.stringMatching(/there is no container "nobody" to take volumes from[\s\S]*compose.yaml:4/),
  ]);
  expect(await stack.must('volume', 'ls', '-q')).not.toContain('none_v');
  expect(await stack.must('plan')).toContain('"odd" in volumes_from "a:odd" has no effect');
});
