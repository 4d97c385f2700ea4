import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock, IssuerId, KeyId, SerialNumber } from '../../src/domain/index.ts';
import type { OcspDelegate } from '../../src/issuance/index.ts';
import type { Signer } from '../../src/issuance/ports.ts';
import type { KeyToken } from '../../src/keys/ports.ts';
import { type Certificate, keyIdentifierHex } from '../../src/pkix/index.ts';
import type { Log, StatusIssuer, StatusRecord, StatusSource } from '../ports.ts';
import type { CrlScope } from './crl-reading.ts';
import { ForeignCrls } from './foreign-crls.ts';
import { ForeignDelegate } from './foreign-delegate.ts';

/** A CA that is not ours, as it is configured. */
export interface ForeignAuthority {
  readonly name: string;
  readonly certificate: Certificate;
  readonly locations: readonly string[];
  readonly scope: CrlScope;
  readonly refreshMilliseconds: number;
  /** Undefined: `delegate.pem` in the CA's folder. */
  readonly delegateCertificateFile: string | undefined;
}

export interface ForeignAuthoritiesOptions {
  /** Whether the responder has no database. */
  readonly alone: boolean;
  /** Whether this process makes keys and requests; of several, one does. */
  readonly enrols: boolean;
  readonly authorities: readonly ForeignAuthority[];
  /** The responder's folder; each CA gets `foreign/{name}` in it. */
  readonly folder: string;
  readonly token: Signer & KeyToken;
  /** Milliseconds. */
  readonly signDeadline: number;
  readonly clock: Clock;
  readonly log: Log;
}

interface Served {
  readonly issuer: StatusIssuer;
  readonly crls: ForeignCrls;
  readonly delegate: ForeignDelegate;
  readonly refreshMilliseconds: number;
}

/** Milliseconds. */
const delegateInterval = 1000;
const retryInterval = 15_000;

/** What the CRL taken last changed; numbered on through all of them. */
interface Changes {
  readonly first: number;
  readonly crls: ForeignCrls;
  readonly serialNumbers: readonly SerialNumber[];
}

/**
 * Status of certificates of CAs that are not ours, by their CRLs (RFC 6960 §2.2), and the
 * delegates to sign it with. Records carry the CRL's times; past its nextUpdate nothing is signed.
 */
export class ForeignAuthorities implements StatusSource {
  readonly #options: ForeignAuthoritiesOptions;
  readonly #served: Map<IssuerId, Served>;
  readonly #stopping = new AbortController();
  /** Changes that the reader has not passed yet, in order. */
  #pending: Changes[] = [];
  /** The number of the next change. */
  #end = 0;
  #loops: readonly Promise<void>[] = [];

  constructor(options: ForeignAuthoritiesOptions) {
    this.#options = options;
    this.#served = new Map(options.authorities.map((one) => this.#serve(one)));
  }

  /** Reads what is kept, then begins to fetch. */
  async start(): Promise<void> {
    await Promise.all([...this.#served.values()].map(async ({ crls }) => crls.load()));
    this.#loops = [...this.#served.values()].flatMap((served) => [
      this.#every(async () => {
        const current = await served.crls.refresh(this.#stopping.signal);
        // A tenth of jitter, so that many responders do not ask at once.
        const wait = served.refreshMilliseconds * (0.9 + 0.1 * Math.random());
        return current ? wait : Math.min(wait, retryInterval);
      }),
      this.#every(async () => {
        await served.delegate.maintain();
        return delegateInterval;
      }),
    ]);
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#loops);
  }

  /** The database knows this CA better: its CRLs can't tell what was issued. */
  yield(issuerId: IssuerId): void {
    const served = this.#served.get(issuerId);
    if (served !== undefined && this.#served.delete(issuerId)) {
      this.#options.log(
        'error',
        'a CA is configured as foreign, but its issuer is in the database and is served from there',
        {
          issuer: served.issuer.name,
          issuerId,
        },
      );
    }
  }

  get alone(): boolean {
    return this.#options.alone;
  }

  /** Of the keys of all delegates: no inventory knows them. */
  async keyIds(): Promise<readonly KeyId[]> {
    const each = [...this.#served.values()].map(async ({ delegate }) => delegate.keyIds());
    return (await Promise.all(each)).flat();
  }

  owns(issuerId: IssuerId): boolean {
    return this.#served.has(issuerId);
  }

  delegate(issuerId: IssuerId, at: Date): OcspDelegate | undefined {
    return this.#served.get(issuerId)?.delegate.current(at);
  }

  /** What stands in the way of answering, one sentence each. */
  problems(): readonly string[] {
    const now = this.#options.clock.now();
    return [...this.#served.values()].flatMap(({ issuer, crls, delegate }) => {
      const reasons = [crls.problem ?? []].flat();
      return delegate.current(now) === undefined
        ? [
            ...reasons,
            `foreign CA ${issuer.name}: no valid delegate; ${delegate.requestFile} waits to be signed`,
          ]
        : reasons;
    });
  }

  crlEnds(): ReadonlyMap<string, number> {
    return new Map(
      [...this.#served.values()].map(({ issuer, crls }) => [
        issuer.name,
        crls.nextUpdate.getTime(),
      ]),
    );
  }

  async issuers(): Promise<readonly StatusIssuer[]> {
    return Promise.resolve([...this.#served.values()].map(({ issuer }) => issuer));
  }

  async lookup(
    issuerId: IssuerId,
    serialNumbers: readonly SerialNumber[],
  ): Promise<readonly StatusRecord[]> {
    const crls = this.#served.get(issuerId)?.crls;
    return Promise.resolve(
      serialNumbers.flatMap((serialNumber) => crls?.record(serialNumber) ?? []),
    );
  }

  /** One reader follows: what is behind its cursor is forgotten. */
  async changesSince(
    cursor: string | undefined,
    limit: number,
  ): Promise<{ readonly changes: readonly StatusRecord[]; readonly cursor: string }> {
    const from = cursor === undefined ? this.#end : Math.min(Number(cursor), this.#end);
    const isBehind = ({ first, serialNumbers }: Changes): boolean =>
      first + serialNumbers.length <= from;
    this.#pending = this.#pending.filter((some) => !isBehind(some));
    let at = from;
    const changes: StatusRecord[] = [];
    for (const { first, crls, serialNumbers } of this.#pending) {
      const page = serialNumbers.slice(at - first, at - first + limit - (at - from));
      changes.push(...page.flatMap((serialNumber) => crls.record(serialNumber) ?? []));
      at += page.length;
    }
    return Promise.resolve({ changes, cursor: String(at) });
  }

  #serve(authority: ForeignAuthority): readonly [IssuerId, Served] {
    const { token, signDeadline, clock, log, enrols } = this.#options;
    const { name, certificate, locations, scope } = authority;
    const issuerId = keyIdentifierHex(certificate.subjectPublicKeyInfo);
    const folder = join(this.#options.folder, 'foreign', name);
    const common = { issuerId, name, certificate, folder, clock, log };
    const crls = new ForeignCrls({
      ...{ ...common, locations, scope },
      changed: (serialNumbers) => {
        this.#note(crls, serialNumbers);
      },
    });
    const certificateFile = authority.delegateCertificateFile ?? join(folder, 'delegate.pem');
    const delegate = new ForeignDelegate({
      ...common,
      certificateFile,
      enrols,
      token,
      signDeadline,
    });
    const issuer = {
      issuerId,
      name,
      certificate: certificate.der,
      chain: [],
      nameHashes: {},
      keyHashes: {},
    };
    return [
      issuerId,
      { issuer, crls, delegate, refreshMilliseconds: authority.refreshMilliseconds },
    ];
  }

  #note(crls: ForeignCrls, serialNumbers: readonly SerialNumber[]): void {
    if (serialNumbers.length === 0) return;
    this.#pending.push({ first: this.#end, crls, serialNumbers });
    this.#end += serialNumbers.length;
  }

  /** Runs the work until the end; it answers how long to wait. */
  async #every(work: () => Promise<number>): Promise<void> {
    const { signal } = this.#stopping;
    let failing = false;
    while (!signal.aborted) {
      const wait = await work().then(
        (milliseconds) => {
          failing = false;
          return milliseconds;
        },
        (error: unknown) => {
          if (!failing)
            this.#options.log('warn', 'work for a foreign CA failed and is tried again', { error });
          failing = true;
          return retryInterval;
        },
      );
      await delay(wait, undefined, { signal }).catch(() => undefined);
    }
  }
}
