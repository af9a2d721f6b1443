/**
 * What a step destroys that nobody can bring back. Volumes hold data, named and anonymous. What a container wrote elsewhere (its
 * writable layer, a tmpfs) lives as long as the container: that it is made anew is said by the word for it, as with Compose.
 */
import type { DesiredVolume } from '../model/desired.ts';
import type { LiveContainer } from '../model/live.ts';

/** Of a volume that stands for a folder, a device or a server, only the name goes; a tmpfs is gone with its volume. */
export const holdsData = ({ driverOpts }: DesiredVolume): boolean =>
  driverOpts['device'] === undefined || driverOpts['type'] === 'tmpfs';

/** It has volumes that nobody gave a name, and they go with it. */
export const losesVolumes = (live: LiveContainer, anonymousVolumes: boolean): boolean =>
  anonymousVolumes && live.mounts.some(({ anonymous }) => anonymous);
