/** From `userns_mode` to a range of ids, and what the file cannot ask for beside it. */
import { describe, expect, test } from 'vitest';
import { desire } from '../../../src/plan/desire.ts';
import { fakeImage } from '../../helpers/fake-live.ts';
import { projectOf } from '../../helpers/project.ts';

async function containers(services: string) {
  const project = await projectOf(`name: shop\nservices:\n${services}`);
  return desire(project, new Map([['nginx', fakeImage('nginx')]]), { version: '9.9' }).state.containers;
}

const web = async (service: string) =>
  (await containers(`  web:\n    image: nginx\n${service.replace(/^/gm, '    ')}`))[0]!;

describe('the user namespace', () => {
  const mode = async (text: string) => (await web(`userns_mode: ${text}`)).namespaces;

  test('is the host’s, the project’s range or one of its own, in podman’s words', async () => {
    expect(await mode('host')).toBeUndefined();
    expect(await mode('""')).toBeUndefined();
    expect(await mode('private')).toEqual({ user: { kind: 'private' } });
    expect(await mode('auto')).toEqual({ user: { kind: 'auto', size: 65_536 } });
    expect(await mode('"auto:size=1000"')).toEqual({ user: { kind: 'auto', size: 1000 } });
  });

  test.each(['auto:size=0', 'auto:size=99999999999', 'auto:size=', 'auto:size=1,gidmapping=0:0:1', 'auto:size=1 '])(
    'cannot be "%s", which is told with its line',
    async (text) => {
      await expect(mode(`"${text}"`)).rejects.toMatchObject({
        message: `userns_mode of service web cannot be "${text}"`,
        code: 'bad-value',
        at: { start: { line: 5 } },
      });
    },
  );

  test.each([
    ['privileged', 'privileged: true'],
    ['pid: host', 'pid: host'],
    ['ipc: host', 'ipc: host'],
    ['network_mode: host', 'network_mode: host'],
    ['cgroup: host', 'cgroup: host'],
  ])('is refused beside %s, at that line', async (what, line) => {
    await expect(web(`userns_mode: auto\n${line}`)).rejects.toMatchObject({
      message: `service web cannot have ${what} beside userns_mode: auto`,
      at: { start: { line: 6 } },
    });
    await expect(web(`userns_mode: host\n${line}`)).resolves.toBeDefined();
  });

  test('is refused beside the namespaces of a service that has none, at that line', async () => {
    const services = (donor: string) =>
      containers(`  web:
    image: nginx
    userns_mode: ${donor}
  guest:
    image: nginx
    userns_mode: auto
    pid: service:web`);
    await expect(services('host')).rejects.toMatchObject({
      message: 'service guest has a user namespace, and service:web, whose pid it shares, has none',
      at: { start: { line: 9 } },
    });
    await expect(services('private')).resolves.toBeDefined();
  });

  test('maps the owners of a folder of the host only where that is asked for', async () => {
    const mounts = async (user: string) =>
      (
        await web(
          `userns_mode: ${user}\nvolumes:\n  - /a:/a\n  - /b:/b:idmap\n  - {type: bind, source: /c, target: /c, bind: {x-idmap: true}}`,
        )
      ).mounts.map((mount) => mount.kind === 'bind' && mount.mapsIds === true);
    expect(await mounts('private')).toEqual([false, true, true]);
    expect(await mounts('host')).toEqual([false, false, false]);
  });
});
