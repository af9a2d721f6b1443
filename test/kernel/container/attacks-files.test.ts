/** The files of accounts that an exec reads belong to the container: what else may lie there must neither lead out nor hold anybody up. */
import { expect, test } from 'vitest';
import { aContainer, execIn, runContainers } from './a-container.ts';
import { useEngine } from './use-engine.ts';

const stage = useEngine();
const REFUSED = /unable to find user|too large|cannot/;

test('what a running container makes of them, for an exec: root runs, a name is refused in words, nobody waits', async () => {
  await runContainers(stage.engine, [aContainer(stage.image, 'running')]);
  const makes = [
    'busybox mkfifo F',
    'mkdir F',
    'ln -s F F',
    'ln -s /dev/zero F',
    'ln -s /proc/self/environ F',
    'ln -s ../../../../../../../../etc/shadow F',
    'ln -s /proc/1/root/etc F',
    'head -c 3000000 /dev/zero > F',
    'head -c 100000 /dev/urandom > F',
    'printf "daemon:x:99999999999:0\\ndaemon:x:-1:-1\\ndaemon\\n::::\\n" > F',
  ];
  for (const make of makes) {
    const both = ['/etc/passwd', '/etc/group'].map((path) => make.replaceAll('F', path)).join('; ');
    await execIn(stage.engine, 'running', ['sh', '-c', `rm -rf /etc/passwd /etc/group; ${both}`]);
    const asRoot = await execIn(stage.engine, 'running', ['true']).catch((error: Error) => error.message);
    expect(`${asRoot}`, make).toMatch(/^0$|cannot|too large/);
    await expect(execIn(stage.engine, 'running', ['true'], { user: 'daemon' }), make).rejects.toThrow(REFUSED);
    // The next of them is made by root: by number, which reads no file of names.
    if (asRoot !== 0) break;
  }
});
