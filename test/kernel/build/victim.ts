/** A builder in a process of its own, to be killed: says `up` when its RUN prints something. */
import { createEngine } from '../../../engine/index.ts';
import type { Paths } from '../../../engine/state/paths.ts';
import type { BuildRequest } from '../../../src/model/build.ts';

const { paths, launcher, request } = JSON.parse(process.argv[2]!) as {
  readonly paths: Paths;
  readonly launcher: string;
  readonly request: BuildRequest;
};
await createEngine({ paths, launcher }).images.build({
  ...request,
  onEvent: (event) => {
    if (event.type === 'output') process.stdout.write('up\n');
  },
});
