/**
 * Where everything is kept: the drawing of both state folders, and the functions that name their parts. The folder is the database.
 *
 *   ROOT  (--root, TCOMPOSE_ROOT, /var/lib/tcompose)   survives a reboot; 0700
 *     instance.json                 {version, id}: 4 hexadecimal digits that name this instance in the kernel
 *     images/
 *       blobs/sha256/HEX            configurations and manifests
 *       tags.json                   {version, tags: reference → configuration digest, images: digest → {addedAt, layers, manifests}}
 *       layers/HEX/fs/              one unpacked folder per layer, named by the digest of the uncompressed tar (diff id)
 *       layers/HEX/layer.json       {version, diffId, sizeBytes, link, boot, tarBytes}; a folder gets its name when it is complete
 *       layers/HEX/frame.gz         what its tar has beside the contents of files (engine/image/frame.ts); not of layers made here
 *       layers/HEX/packed.json      {digest, size}: what it was when it was last pushed from here
 *       layers/l/SHORT              symlink to ../HEX/fs: keeps overlay's option string short
 *       partial/PID-START-RANDOM/   unfinished work of a process; when that has ended, it is garbage
 *       cache/KEY                   what a build's step made: {version, diffId, createdAt, isDurable}; keeps the layer
 *       cache-mounts/HEX/tree/      folders of RUN --mount=type=cache, by the digest of their id; HEX.lock: flock'ed while it is had alone
 *       partial/HEX.part            what has come of a large layer (HEX: as its registry has it) whose pull broke off; good for a day
 *       partial/HEX.lock            flock'ed by who unpacks that layer; there only while it is held or awaited
 *     containers/ID/
 *       container.json              {version, id, name, createdAt, madeFrom, endpoints, publishers, mounts, …}
 *       removing.json dead.json     the record while its folder is removed, and when something of that could not be
 *       upper/ work/                the writable layer
 *       hosts resolv.conf hostname  bind-mounted into the container, rewritten in place
 *       log/ID-json.log[.N]         what it printed, as Docker's json-file writes it
 *       configs/KEY                 texts of its configs that are no files: what RUN's contents are written from after a reboot
 *       exit                        last known state of an ended container (the supervisor writes it; see RUN state)
 *     networks/NAME.json            {version, id, bridge, subnets, madeFrom, …}
 *     volumes/NAME/volume.json      {version, name, madeFrom, anonymous, createdAt, seeded}
 *     volumes/NAME/_data/           what is mounted
 *     volumes/NAME/seed, seed.ready the image's content on its way into _data: being copied; copied in full, being moved
 *     skeleton/                     the lowest layer of every container: empty files and folders to mount on
 *     seccomp/KEY                   compiled filters, by profile, capabilities and kernel
 *
 *   RUN   (--run, TCOMPOSE_RUN, /run/tcompose)         gone after a reboot; 0711: name servers, not root, pass through; all else 0700
 *     boot                          the kernel's boot id these files belong to
 *     locks/PROJECT                 flock'ed; holds pid, command and start time of the holder; there only while it is held
 *     containers/ID/accounts        the image's passwd and group, as read at the start (engine/container/rootfs-files.ts)
 *     containers/ID/program         what the supervisor runs (launch program, policies)
 *     containers/ID/state           KEY VALUE lines, written by the supervisor: temporary file, rename
 *     containers/ID/control         its socket
 *     containers/ID/trace[.old]     the last programs run in it, and restarts, for who follows events (engine/events/trace.ts)
 *     containers/ID/rootfs/         empty: where the overlay is mounted, in the container's own mount namespace only
 *     contents/ID/KEY               secrets and configs that the engine writes for a container: bound, rewritten in place
 *     cgroup-parents                paths that cgroup_parent named, and which of their groups we made (engine/container/resources/cgroup-parents.ts)
 *     forwarding                    what the host's forwarding was before the first network (engine/network/forwarding.ts)
 *     dns/VIEW/                     configuration, pid files and log of a name server and its keeper; hosts/NETWORK, routes
 */
import { join } from 'node:path';

export interface Paths {
  readonly root: string;
  readonly run: string;
}

export const containerDir = (paths: Paths, id: string) => join(paths.root, 'containers', id);
export const containerRecord = (paths: Paths, id: string) => join(containerDir(paths, id), 'container.json');
/** Names that a record takes when its container is removed. */
export const REMOVING = 'removing.json';
export const DEAD = 'dead.json';
export const containerRun = (paths: Paths, id: string) => join(paths.run, 'containers', id);
export const contentsDir = (paths: Paths, id: string) => join(paths.run, 'contents', id);
export const forwardingMemo = (paths: Paths) => join(paths.run, 'forwarding');
export const networkRecord = (paths: Paths, name: string) => join(paths.root, 'networks', `${name}.json`);
export const volumeDir = (paths: Paths, name: string) => join(paths.root, 'volumes', name);
export const volumeData = (paths: Paths, name: string) => join(volumeDir(paths, name), '_data');
export const imagesDir = (paths: Paths) => join(paths.root, 'images');
export const layerDir = (paths: Paths, diffId: string) =>
  join(imagesDir(paths), 'layers', diffId.replace(/^sha256:/, ''));
export const skeletonDir = (paths: Paths) => join(paths.root, 'skeleton');
export const dnsDir = (paths: Paths, view: string) => join(paths.run, 'dns', view);
export const lockFile = (paths: Paths, project: string) => join(paths.run, 'locks', project);
