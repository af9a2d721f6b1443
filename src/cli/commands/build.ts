/** `tcompose build`: the images of the services that have a build section. */
import { command } from '../command.ts';
import { list, text, toggle } from '../flags.ts';
import { jsonPretty } from '../ui/json.ts';
import { printFindings } from './build-check.ts';
import { sayNoEffect } from './build-no-effect.ts';
import { argsOf, sshOf } from './build-words.ts';

export const build = command({
  usage: '[SERVICE...]',
  flags: {
    'build-arg': list('', 'KEY=VALUE', 'a value for an ARG, over that of the files (KEY alone: as it is here)'),
    'no-cache': toggle('', 'build every step again'),
    pull: toggle('', 'ask the registry for base images even when they are here'),
    push: toggle('', 'push the images afterwards'),
    quiet: toggle('q', 'do not show what the build prints'),
    'with-dependencies': toggle('', 'also what the services depend on'),
    check: toggle('', 'only look for mistakes in the Dockerfiles'),
    print: toggle('', 'print the builds as a bake file, do nothing'),
    ssh: text('', 'ID=PATH', 'an agent or key for RUN --mount=type=ssh: default, or ID=PATH'),
    builder: text('', 'NAME', 'a builder of Docker (no effect)', { hidden: true }),
    memory: text('m', 'SIZE', 'memory of a build (no effect)', { hidden: true }),
    provenance: text('', 'WHAT', 'an attestation of origin (no effect)', { hidden: true }),
    sbom: text('', 'WHAT', 'an attestation of contents (no effect)', { hidden: true }),
    compress: toggle('', 'no effect', { hidden: true }),
    'force-rm': toggle('', 'no effect', { hidden: true }),
    'no-rm': toggle('', 'no effect', { hidden: true }),
    parallel: toggle('', 'always so', { hidden: true }),
  },
  dryRun: 'simulated',
  withoutRoot: (flags) => flags.print,
  run: async (cli, flags, services) => {
    const project = await cli.project(services);
    const operation = await import('../../operations/build.ts');
    const options = {
      services,
      withDependencies: flags['with-dependencies'],
      args: argsOf(flags['build-arg'], project.environment),
      ssh: flags.ssh === undefined ? {} : sshOf([flags.ssh]),
      noCache: flags['no-cache'],
      pull: flags.pull,
    };
    if (flags.print) {
      const readText = async (path: string) => (await import('node:fs/promises')).readFile(path, 'utf8');
      const planned = await operation.plannedBuilds({ version: cli.version, readText }, project, options);
      const { bakeFile } = await import('./build-bake.ts');
      cli.out.data(jsonPretty(bakeFile(planned.steps)));
      return 0;
    }
    sayNoEffect(cli, flags, ['builder', 'memory', 'provenance', 'sbom']);
    if (flags.check) {
      return cli.read(async (context) => {
        const { steps } = await operation.plannedBuilds(context, project, options);
        const builds = steps.flatMap(({ action }) => (action.kind === 'image.build' ? [action.build] : []));
        return printFindings(cli, await operation.checkBuilds(context, builds));
      });
    }
    await cli.change(
      'build',
      async (context, progress) => {
        const built = await operation.buildProject(context, project, options);
        if (flags.push && built.length > 0) {
          const { pushProject } = await import('../../operations/push.ts');
          await pushProject(context, project, { services: built.map(({ service }) => service) });
        }
        await progress.finish();
      },
      { quiet: flags.quiet },
    );
    return 0;
  },
});
