/** The registry's port: what its consumers (config, remote files, pull and push) may ask of it. */

export interface RegistryContent {
  readonly mediaType: string;
  /** Of these very bytes. */
  readonly digest: string;
  readonly bytes: Uint8Array;
}

export interface Registry extends RegistryPushes {
  /** `nginx:1.27` → `docker.io/library/nginx:1.27@sha256:…`, as the registry has it now: an index's digest where there is one. */
  pin(image: string): Promise<string>;
  /** The manifest or index behind a reference. */
  manifest(image: string): Promise<RegistryContent>;
  /** A small content of the reference's repository, checked against its digest and its size. */
  blob(
    image: string,
    descriptor: { readonly digest: string; readonly size: number },
    maxBytes: number,
  ): Promise<Uint8Array>;
  /**
   * A large content of the reference's repository, as it comes, from a byte on: up to `size` bytes, or an error. A connection that breaks is taken up
   * again where it broke. Whether the digest is right is known at the end only, and the reader's to check: it hashes anyway.
   */
  stream(
    image: string,
    descriptor: { readonly digest: string; readonly size: number },
    from?: number,
  ): AsyncIterable<Uint8Array>;
}

/** Putting things into a reference's repository. */
export interface RegistryPushes {
  /** Bytes of a content that the repository has. */
  sizeOf(image: string, digest: string): Promise<number | undefined>;
  /** Takes over a content from another repository of the same registry; false: it has to be sent. */
  mount(image: string, digest: string, from: string): Promise<boolean>;
  /**
   * Sends a content as it is made, in pieces that are sent again where one breaks. What it is called is known at its end.
   * `onBytes` hears of bytes that have arrived.
   */
  send(
    image: string,
    bytes: AsyncIterable<Uint8Array>,
    onBytes?: (count: number) => void,
  ): Promise<{ readonly digest: string; readonly size: number }>;
  /** Under the reference's tag, or under its own digest where the reference has none. The digest that the registry knows it by. */
  putManifest(image: string, content: { readonly mediaType: string; readonly bytes: Uint8Array }): Promise<string>;
}

/** Who somebody is at registries, as docker keeps it. `server` absent: docker's own registry. */
export interface Accounts {
  /** Keeps the credentials, after the registry has taken them. */
  login(
    server: string | undefined,
    credentials: { readonly username: string; readonly password: string },
  ): Promise<{ readonly domain: string; readonly where: string; readonly isPlain: boolean }>;
  logout(server: string | undefined): Promise<{ readonly domain: string; readonly wasKnown: boolean }>;
}
