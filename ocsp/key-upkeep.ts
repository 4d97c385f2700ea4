import { setTimeout as delay } from 'node:timers/promises';
import type { KeyId } from '../src/domain/index.ts';
import { type KeyToken, selfTestLabel, type TokenObject } from '../src/keys/ports.ts';
import { postToAuthority } from './authority-client.ts';
import { type ClientCertificate, exchangeDeadline } from './client-certificate.ts';
import type { FormerKeys } from './former-keys.ts';
import type { KeyStandings } from './key-standings.ts';

/** The CA takes this many objects of a token in one report. */
const mostObjects = 2000;
const longestLabel = 256;
/** Longer than it takes from a key to its file. */
const settleMilliseconds = 500;

/**
 * What the CA's inventory cannot see by itself: how often this responder's keys have signed, which of
 * them are destroyed, the token's self-test key, and what is in the token. Told by the process that
 * enrols.
 */
export class KeyUpkeep {
  readonly #token: KeyToken;
  readonly #standings: KeyStandings;
  readonly #former: FormerKeys;
  readonly #isNeeded: (keyId: KeyId) => Promise<boolean>;
  readonly #expected: () => Promise<readonly KeyId[]>;
  readonly #client: ClientCertificate;
  readonly #url: URL;
  #counts: ReadonlyMap<KeyId, number> = new Map();
  #toldSelfTest = false;

  constructor(parts: {
    readonly token: KeyToken;
    readonly standings: KeyStandings;
    readonly former: FormerKeys;
    /** Whether a key signs answers now, for want of the next one. */
    readonly isNeeded: (keyId: KeyId) => Promise<boolean>;
    /** Of the keys that have a file here, certified or not. */
    readonly expected: () => Promise<readonly KeyId[]>;
    readonly client: ClientCertificate;
    readonly authorityUrl: string;
  }) {
    this.#token = parts.token;
    this.#standings = parts.standings;
    this.#former = parts.former;
    this.#isNeeded = parts.isNeeded;
    this.#expected = parts.expected;
    this.#client = parts.client;
    this.#url = new URL('/api/v1/responders/keys', parts.authorityUrl);
  }

  /** As last counted. */
  signatures(keyId: KeyId): number {
    return this.#counts.get(keyId) ?? 0;
  }

  /** @throws ChanceryError when the token or the CA is away: the next turn tells the same again */
  async turn(): Promise<void> {
    const usage = await this.#token.usage();
    this.#counts = new Map(usage.map(({ keyId, signatures }) => [keyId, signatures]));
    const destroyed = await this.#former.destroyDue(this.#isNeeded);
    await this.#standings.learn(destroyed.map(({ keyId }) => keyId));
    // Of keys that the inventory does not know (made for a foreign CA, never certified) it hears nothing.
    const known = (keyId: KeyId): boolean => this.#standings.get(keyId) !== undefined;
    const report = {
      keys: usage.filter(({ keyId }) => known(keyId)),
      destroyed: destroyed
        .filter(({ keyId }) => known(keyId))
        .map(({ keyId, objects, reason }) => ({ keyId, objects: objects ?? 0, reason })),
      ...(this.#toldSelfTest ? {} : { selfTest: await this.#selfTestKey() }),
      // One that is destroyed and can't be told as such yet would be missing.
      ...(destroyed.every(({ keyId }) => this.#standings.wasAsked(keyId))
        ? { inToken: await this.#inToken() }
        : {}),
    };
    await postToAuthority(this.#url, await this.#client.read(), report, exchangeDeadline);
    this.#toldSelfTest = true;
    for (const { keyId } of destroyed) {
      // While the inventory could not be asked, nobody knows whether it has a record to be ended.
      if (this.#standings.wasAsked(keyId)) await this.#former.recorded(keyId);
    }
  }

  async #selfTestKey(): Promise<Readonly<Record<string, unknown>> | undefined> {
    const objects = await this.#token.objects();
    const own = objects.find(
      (one) => one.class === 'privateKey' && one.label === selfTestLabel && one.attributes,
    );
    const spki = objects.find(
      (one) => one.keyId === own?.keyId && one.subjectPublicKeyInfo !== undefined,
    )?.subjectPublicKeyInfo;
    if (own === undefined || spki === undefined) return undefined;
    return {
      label: own.label,
      token: await this.#token.identity(),
      attributes: own.attributes,
      subjectPublicKeyInfo: Buffer.from(spki).toString('base64'),
      algorithm: 'ecdsa-with-SHA256',
    };
  }

  async #inToken(): Promise<Readonly<Record<string, unknown>>> {
    // Before and after: a key may be made, or destroyed, meanwhile.
    const expected = new Set(await this.#expected());
    const objects = await this.#token.objects();
    const isOwn = ({ keyId, label }: TokenObject): boolean =>
      label === selfTestLabel ||
      (keyId !== undefined && (expected.has(keyId) || this.#standings.get(keyId) !== undefined));
    if (!objects.every(isOwn)) {
      // The file of a key is written after the key is made.
      await delay(settleMilliseconds);
      for (const keyId of await this.#expected()) expected.add(keyId);
    }
    return {
      identity: await this.#token.identity(),
      expected: [...expected].slice(0, mostObjects),
      objects: [...objects.filter(isOwn), ...objects.filter((one) => !isOwn(one))]
        .slice(0, mostObjects)
        .map(({ class: kind, keyId, label, attributes, subjectPublicKeyInfo }) => ({
          ...{ class: kind, keyId, label: label.slice(0, longestLabel), attributes },
          ...(subjectPublicKeyInfo === undefined
            ? {}
            : { subjectPublicKeyInfo: Buffer.from(subjectPublicKeyInfo).toString('base64') }),
        })),
    };
  }
}
