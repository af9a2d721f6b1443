/** The table of commands: name → summary, and the file that has its flags and its work. Help is printed from it. */
import type { Command, Entry, Single } from '../command.ts';

const single = (summary: string, load: () => Promise<Command>): Single => ({ summary, load });

export const COMMANDS: Readonly<Record<string, Entry>> = {
  up: single('create and start what the files say, change what differs', async () => (await import('./up.ts')).up),
  down: single('stop and remove containers and networks', async () => (await import('./down.ts')).down),
  plan: single('show what up would change, field by field', async () => (await import('./plan.ts')).plan),
  config: single(
    'check the files and print the result of merging them',
    async () => (await import('./config.ts')).config,
  ),
  ps: single('list containers', async () => (await import('./ps.ts')).ps),
  logs: single('show what containers printed', async () => (await import('./logs.ts')).logs),
  attach: single('join the streams of a running container', async () => (await import('./attach.ts')).attach),
  exec: single('run a command in a running container', async () => (await import('./exec.ts')).exec),
  cp: single('copy files between a container and this host', async () => (await import('./cp.ts')).cp),
  run: single('run a command in a container of its own', async () => (await import('./run.ts')).run),
  create: single('create what the files say without starting it', async () => (await import('./create.ts')).create),
  scale: single('run so many containers of a service', async () => (await import('./scale.ts')).scale),
  start: single('start containers that exist', async () => (await import('./start.ts')).start),
  stop: single('stop containers', async () => (await import('./stop.ts')).stop),
  restart: single('stop and start containers as they are', async () => (await import('./restart.ts')).restart),
  kill: single('send a signal to containers', async () => (await import('./kill.ts')).kill),
  pause: single('freeze containers where they stand', async () => (await import('./pause.ts')).pause),
  unpause: single('let paused containers go on', async () => (await import('./pause.ts')).unpause),
  rm: single('remove stopped containers', async () => (await import('./rm.ts')).rm),
  top: single('list the processes of containers', async () => (await import('./top.ts')).top),
  stats: single('show what containers use', async () => (await import('./stats.ts')).stats),
  wait: single('wait until containers have ended', async () => (await import('./wait.ts')).wait),
  events: single('show what happens to containers', async () => (await import('./events.ts')).events),
  why: single('follow a connection and name what breaks it', async () => (await import('./why.ts')).why),
  graph: single('draw services, networks, ports and volumes', async () => (await import('./graph.ts')).graph),
  port: single('print the host address of a published port', async () => (await import('./port.ts')).port),
  login: single('log in to a registry, and keep who you are', async () => (await import('./login.ts')).login),
  logout: single('forget who you are at a registry', async () => (await import('./login.ts')).logout),
  build: single('build the images of the services', async () => (await import('./build.ts')).build),
  pull: single('bring in the images that the files name', async () => (await import('./pull.ts')).pull),
  push: single('send images that are built to their registries', async () => (await import('./push.ts')).push),
  images: single('list the images of the containers', async () => (await import('./images.ts')).images),
  volumes: single('list the volumes of the project', async () => (await import('./volumes.ts')).volumes),
  commit: single('make an image of a container', async () => (await import('./commit.ts')).commit),
  export: single(
    'write the file system of a container as a tar archive',
    async () => (await import('./export.ts')).exportCommand,
  ),
  ls: single('list projects', async () => (await import('./ls.ts')).ls),
  image: {
    summary: 'the image store',
    members: {
      build: single('build an image of a Dockerfile', async () => (await import('./image-build.ts')).imageBuild),
      import: single(
        'make an image of a root filesystem tar',
        async () => (await import('./image-import.ts')).imageImport,
      ),
      load: single(
        'load images of a docker save archive or an OCI layout',
        async () => (await import('./image-load.ts')).imageLoad,
      ),
      pull: single('bring in an image from its registry', async () => (await import('./image-pull.ts')).imagePull),
      push: single('send an image to its registry', async () => (await import('./image-push.ts')).imagePush),
      save: single(
        'write images as an archive for docker load',
        async () => (await import('./image-save.ts')).imageSave,
      ),
      ls: single('list images', async () => (await import('./image-ls.ts')).imageLs),
      inspect: single(
        'print all that is known of images',
        async () => (await import('./image-inspect.ts')).imageInspect,
      ),
      history: single('show how an image was made', async () => (await import('./image-history.ts')).imageHistory),
      prune: single('remove images that nobody needs', async () => (await import('./image-prune.ts')).imagePrune),
      rm: single('remove images', async () => (await import('./image-rm.ts')).imageRm),
      tag: single('give an image another name', async () => (await import('./image-tag.ts')).imageTag),
    },
  },
  volume: {
    summary: 'volumes',
    members: {
      create: single('make a volume', async () => (await import('./volume-create.ts')).volumeCreate),
      ls: single('list volumes', async () => (await import('./volume-ls.ts')).volumeLs),
      inspect: single(
        'print all that is known of volumes',
        async () => (await import('./volume-inspect.ts')).volumeInspect,
      ),
      rm: single('remove volumes and the data in them', async () => (await import('./volume-rm.ts')).volumeRm),
      prune: single(
        'remove anonymous volumes that no container uses, and the data in them',
        async () => (await import('./volume-prune.ts')).volumePrune,
      ),
      clone: single('copy a volume', async () => (await import('./volume-clone.ts')).volumeClone),
      snapshot: single(
        'keep what is in a volume now, as another volume',
        async () => (await import('./volume-clone.ts')).volumeSnapshot,
      ),
      export: single(
        'write what is in a volume as a tar archive',
        async () => (await import('./volume-archive.ts')).volumeExport,
      ),
      import: single('make a volume of a tar archive', async () => (await import('./volume-archive.ts')).volumeImport),
      diff: single('show what differs between two volumes', async () => (await import('./volume-diff.ts')).volumeDiff),
    },
  },
  network: {
    summary: 'networks',
    members: {
      ls: single('list networks', async () => (await import('./network-ls.ts')).networkLs),
      inspect: single(
        'print all that is known of networks',
        async () => (await import('./network-inspect.ts')).networkInspect,
      ),
      create: single('make a network of no project', async () => (await import('./network-create.ts')).networkCreate),
      rm: single('remove networks', async () => (await import('./network-rm.ts')).networkRm),
      prune: single(
        'remove networks that no container is on',
        async () => (await import('./network-prune.ts')).networkPrune,
      ),
      connect: single(
        'connect a container to a network, in place',
        async () => (await import('./network-connect.ts')).networkConnect,
      ),
      disconnect: single(
        'disconnect a container from a network, in place',
        async () => (await import('./network-disconnect.ts')).networkDisconnect,
      ),
    },
  },
  builder: {
    summary: 'what builds keep',
    members: {
      prune: single('remove what builds have kept', async () => (await import('./builder-prune.ts')).builderPrune),
    },
  },
  system: {
    summary: 'the host',
    members: {
      doctor: single(
        'what this host offers, what is missing, what is left over',
        async () => (await import('./doctor.ts')).doctor,
      ),
      df: single('show what takes space on the disk', async () => (await import('./system-df.ts')).systemDf),
      prune: single('remove all that nobody needs', async () => (await import('./system-prune.ts')).systemPrune),
      restore: single(
        'start what was meant to run when the host went down',
        async () => (await import('./system-restore.ts')).systemRestore,
      ),
    },
  },
  completion: single(
    'print the completion script of bash, zsh or fish',
    async () => (await import('./completion.ts')).completion,
  ),
  version: single('print the version', async () => (await import('./version.ts')).version),
};

/** Commands of Compose that a later version has: refused by name. */
export const NOT_YET: readonly string[] = ['alpha', 'bridge', 'convert', 'publish', 'watch'];
