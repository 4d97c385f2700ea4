/** What a file must be when it is replaced: `null`, no such file; undefined: whatever stands there. */
export interface ExpectedVersion {
  readonly version: string | null;
}

/** A published file, not read yet. */
export interface StoredFile {
  readonly octets: number;
  /** Names the content that stands there now: another write, another version. Opaque. */
  readonly version: string;
  /**
   * The octets of this version, read as they are taken; more than once, each time from the start.
   * @throws ChanceryError storeConflict when another version took its place meanwhile: open it anew
   */
  chunks(): AsyncIterable<Uint8Array>;
}

/**
 * Where published files go: a folder, or a bucket of an S3-compatible store. Paths are like
 * `crl/{issuerId}/0.crl`, `ca/{issuerId}.cer`. A file is whole, old or new, at every moment, and what
 * was written is read again and compared before its writer is answered.
 */
export interface Publisher {
  /**
   * Replaces whatever stands there. For small files; large ones go by `publishStream`.
   * @throws ChanceryError overloaded when the store is full or does not answer: the old file stands
   */
  publish(path: string, content: Uint8Array): Promise<void>;
  /**
   * Publishes what the chunks make up, with memory for a few of them.
   * @param octets - of all chunks together; another sum is refused and nothing is changed
   * @throws ChanceryError storeConflict when another version than `expected` stands there; nothing is changed
   * @throws ChanceryError overloaded as `publish`
   */
  publishStream(
    path: string,
    octets: number,
    chunks: AsyncIterable<Uint8Array>,
    expected?: ExpectedVersion,
  ): Promise<{ readonly version: string }>;
  /** The whole file in memory; undefined: no such file. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Undefined: no such file. */
  open(path: string): Promise<StoredFile | undefined>;
  list(prefix: string): Promise<readonly string[]>;
}
