/** What is said of a container whose ports the host cannot lead to it. */
import type { ContainerRecord } from '../state/records.ts';

/** One clause; it has an endpoint upon a parent. */
export const unpublished = ({ name, endpoints }: ContainerRecord): string =>
  `the ports of ${name} are not published: its way out is the network ${endpoints.find(({ hostInterface }) => hostInterface === '')?.network}, where it has an address of its own`;
