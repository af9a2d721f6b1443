/** The port through which the loader gets files from afar: somebody fetches them into a folder, and says what to call them. */

/** Where a folder that was fetched lies, and which of its files was meant. */
export interface Fetched {
  readonly ok: true;
  /** Absolute, without symbolic links: what is in it came along, what is not is somebody else's. */
  readonly root: string;
  /** Absolute, inside of it. */
  readonly file: string;
  /** Before a path in the folder it makes an address that people know: `https://example.org/x.git#main:`. Never with a password. */
  readonly name: string;
  /** What else people should know. */
  readonly warning?: string;
}

export interface NotFetched {
  readonly ok: false;
  /** One clause. */
  readonly why: string;
  readonly help: string;
}

export interface Remotes {
  /** `byRemote`: a file that was fetched itself asks for it, and is trusted less. */
  fetch(address: string, byRemote: boolean): Promise<Fetched | NotFetched>;
}

/** Names of Compose files, best first. */
export const COMPOSE_NAMES = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'] as const;

/** An address, as opposed to a path: what has a scheme, what ssh calls user@host:path, and what everybody knows. */
export const isAddress = (text: string): boolean =>
  /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/|github\.com\/|[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9.-]+:)/.test(text);

/** As people may see it: in the address of a web server, who logs in is as secret as the password. */
export const withoutPassword = (address: string): string =>
  address.replace(/^(https?:\/\/)[^/@]*@/, '$1').replace(/^([a-z]+:\/\/[^/@:]*):[^/@]*@/, '$1@');
