/** A container with an init: what it cannot run is told as without one, before it counts as started. */
import { expect, test } from 'vitest';
import { aContainer } from './a-container.ts';
import { useEngine } from './use-engine.ts';

const stage = useEngine();

test.each([
  ['a program that is nowhere', 'nosuch', 127, /"nosuch".*executable file not found in \$PATH/],
  ['a path that is not there', '/bin/nosuch', 127, /executable file not found/],
  ['a file that is no program', '/etc/passwd', 126, /permission denied/],
  ['a folder', '/etc', 126, /is a directory/],
])('%s', async (_what, program, exitCode, why) => {
  const messages: string[] = [];
  for (const init of [false, true]) {
    const name = init ? 'with' : 'without';
    const { containers } = stage.engine;
    await containers.create([{ container: aContainer(stage.image, name, { argv: [program], init }) }]);
    const { failed } = await containers.start([name]);
    expect((await containers.find(name))?.exitCode, name).toBe(exitCode);
    messages.push(failed.get(name)?.message.replace(name, '') ?? 'it started');
    await containers.remove([name], { anonymousVolumes: true });
  }
  expect(messages[0]).toMatch(why);
  expect(messages[1]).toBe(messages[0]);
});
