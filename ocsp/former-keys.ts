import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, isChanceryError, type KeyId } from '../src/domain/index.ts';
import type { KeyToken } from '../src/keys/ports.ts';
import { writeAtomically } from './files.ts';
import type { KeyStandings } from './key-standings.ts';
import type { Log } from './ports.ts';

/** Milliseconds that a key stays after it was seen idle: other processes may still sign with it. */
const overlap = 60_000;

/** A key that was followed by another; `objects` once it is destroyed. */
export interface FormerKey {
  readonly keyId: KeyId;
  /** RFC 3339. */
  readonly since: string;
  /** When it was first seen that nothing is signed with it any more; RFC 3339. */
  readonly idleSince?: string | undefined;
  readonly reason: string;
  readonly objects?: number | undefined;
}

/**
 * Keys that delegates had before, a file each, until they are destroyed and the CA has the record of
 * it (SP 800-57 Part 1 §8.3.4): no crash forgets one.
 */
export class FormerKeys {
  readonly #folder: string;
  readonly #token: Pick<KeyToken, 'destroyKeyPair'>;
  readonly #standings: KeyStandings;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(parts: {
    readonly folder: string;
    readonly token: Pick<KeyToken, 'destroyKeyPair'>;
    readonly standings: KeyStandings;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#folder = parts.folder;
    this.#token = parts.token;
    this.#standings = parts.standings;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  /** Written before the next key is made. */
  async keep(keyId: KeyId, reason: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await this.#write({ keyId, reason, since: this.#clock.now().toISOString() });
  }

  async list(): Promise<readonly FormerKey[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const found: FormerKey[] = [];
    for (const name of names.filter((one) => one.endsWith('.json'))) {
      const key = parse(await readFile(join(this.#folder, name), 'utf8'));
      if (key === undefined) this.#log('warn', 'the file of a former key cannot be read', { name });
      else found.push(key);
    }
    return found;
  }

  /**
   * Destroys those that nobody signs with any more. A suspended key stays: what becomes of it is a
   * person's decision. So does one that signs until the next one is certified, and for the overlap
   * after that.
   *
   * @returns those that are destroyed and not yet recorded as such by the CA
   */
  async destroyDue(isNeeded: (keyId: KeyId) => Promise<boolean>): Promise<readonly FormerKey[]> {
    const destroyed: FormerKey[] = [];
    for (const key of await this.list()) {
      if (key.objects === undefined && (await isNeeded(key.keyId))) {
        if (key.idleSince !== undefined) await this.#write({ ...key, idleSince: undefined });
        continue;
      }
      const gone = key.objects === undefined ? await this.#destroyWhenIdle(key) : key;
      if (gone?.objects !== undefined) destroyed.push(gone);
    }
    return destroyed;
  }

  async recorded(keyId: KeyId): Promise<void> {
    await rm(this.#file(keyId), { force: true });
  }

  async #destroyWhenIdle(key: FormerKey): Promise<FormerKey | undefined> {
    const { keyId, idleSince } = key;
    // While the inventory can't be asked, nobody knows whether it is suspended.
    if (!this.#standings.wasAsked(keyId)) return undefined;
    if (this.#standings.get(keyId)?.state === 'suspended') return undefined;
    const now = this.#clock.now();
    if (idleSince === undefined) {
      await this.#write({ ...key, idleSince: now.toISOString() });
      return undefined;
    }
    if (now.getTime() - Date.parse(idleSince) < overlap) return undefined;
    let objects = 0;
    try {
      ({ objects } = await this.#token.destroyKeyPair(keyId));
    } catch (error) {
      // Destroyed before a crash: the file did not say so yet.
      if (!isChanceryError(error) || error.code !== 'notFound') throw error;
    }
    const gone = { ...key, objects };
    await this.#write(gone);
    this.#log('info', 'a former delegate key was destroyed', { keyId, objects });
    return gone;
  }

  async #write(key: FormerKey): Promise<void> {
    await writeAtomically(this.#file(key.keyId), `${JSON.stringify(key, undefined, 2)}\n`);
  }

  #file(keyId: KeyId): string {
    return join(this.#folder, `${keyId}.json`);
  }
}

function parse(text: string): FormerKey | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (
      typeof value === 'object' &&
      value !== null &&
      'keyId' in value &&
      'since' in value &&
      'reason' in value &&
      typeof value.keyId === 'string' &&
      /^[0-9a-f]+$/.test(value.keyId) &&
      typeof value.since === 'string' &&
      typeof value.reason === 'string'
    ) {
      const objects = 'objects' in value ? value.objects : undefined;
      const idleSince = 'idleSince' in value ? value.idleSince : undefined;
      return {
        ...{ keyId: value.keyId, since: value.since, reason: value.reason },
        ...(typeof objects === 'number' ? { objects } : {}),
        ...(typeof idleSince === 'string' ? { idleSince } : {}),
      };
    }
  } catch {
    // Reported by the caller like any other content that is no former key.
  }
  return undefined;
}
