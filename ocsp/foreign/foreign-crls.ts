import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ChanceryError,
  type Clock,
  type IssuerId,
  type SerialNumber,
} from '../../src/domain/index.ts';
import type { Certificate } from '../../src/pkix/index.ts';
import { writeAtomically } from '../files.ts';
import type { Log, StatusRecord } from '../ports.ts';
import { type FetchMemory, fetchCrl } from './crl-fetch.ts';
import { type CrlScope, type ForeignCrl, readForeignCrl } from './crl-reading.ts';
import type { TableEntry } from './entry-table.ts';

export interface ForeignCrlsOptions {
  readonly issuerId: IssuerId;
  readonly name: string;
  readonly certificate: Certificate;
  /** URLs and files: complete CRLs, their deltas, all shards. */
  readonly locations: readonly string[];
  /** Certificates that are spoken for; an unlisted one is good only if CRLs of this scope are there. */
  readonly scope: CrlScope;
  /** The CRLs taken last are kept here, so that a restart goes back behind none. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Serial numbers whose status is another than before, once lookups show it. */
  readonly changed: (serialNumbers: readonly SerialNumber[]) => void;
}

interface Slot {
  readonly location: string;
  readonly file: string;
  memory: FetchMemory;
  crl: ForeignCrl | undefined;
  fault: string | undefined;
}

/** A complete CRL and the delta that goes on from it (RFC 5280 §5.2.4). */
interface Group {
  readonly base: ForeignCrl;
  readonly delta: ForeignCrl | undefined;
}

interface Times {
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
}

/** Nothing may be said: its end was before everything. */
const never: Times = { thisUpdate: new Date(0), nextUpdate: new Date(0) };

/** Seconds that the CA's clock may be ahead. */
const clockSkewSeconds = 60;

/** The CRLs of one foreign CA, and the status of its certificates by them. */
export class ForeignCrls {
  readonly #options: ForeignCrlsOptions;
  readonly #slots: readonly Slot[];
  #groups: readonly Group[] = [];

  constructor(options: ForeignCrlsOptions) {
    this.#options = options;
    this.#slots = options.locations.map((location) => {
      const id = createHash('sha256').update(location).digest('hex').slice(0, 16);
      const file = join(options.folder, `crl-${id}.crl`);
      return { location, file, memory: {}, crl: undefined, fault: undefined };
    });
  }

  /** Takes what was kept; unreadable files are logged and fetched anew. */
  async load(): Promise<void> {
    const { certificate, name, log } = this.#options;
    for (const slot of this.#slots) {
      try {
        const octets = await readFile(slot.file);
        slot.crl = await readForeignCrl(octets, certificate);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
          log('warn', 'a kept CRL of a foreign CA cannot be used', {
            issuer: name,
            file: slot.file,
            error,
          });
        }
      }
    }
    this.#regroup();
  }

  /** Fetches every location once. Never throws; @returns whether all were right and are current. */
  async refresh(signal: AbortSignal): Promise<boolean> {
    for (const slot of this.#slots) {
      const fault = await this.#refreshOne(slot, signal);
      if (signal.aborted) return false;
      if (fault !== slot.fault) {
        slot.fault = fault;
        const { name: issuer, log } = this.#options;
        if (fault === undefined)
          log('info', 'a CRL of a foreign CA is current', { issuer, location: slot.location });
        else
          log('warn', 'a CRL of a foreign CA is not taken', {
            issuer,
            location: slot.location,
            reason: fault,
          });
      }
    }
    return this.#slots.every(({ fault }) => fault === undefined) && this.problem === undefined;
  }

  /** Why nothing can be answered now, in a sentence; undefined when it can. */
  get problem(): string | undefined {
    const { name, clock } = this.#options;
    const missing = this.#slots.find(({ crl }) => crl === undefined);
    if (missing !== undefined) return `foreign CA ${name}: no CRL from ${missing.location} yet`;
    if (this.#groups.length === 0) return `foreign CA ${name}: there is no complete CRL`;
    if (!this.#covered()) return `foreign CA ${name}: the CRLs do not cover its scope`;
    return this.nextUpdate <= clock.now()
      ? `foreign CA ${name}: a CRL expired at ${this.nextUpdate.toISOString()}`
      : undefined;
  }

  /** The earliest nextUpdate of all its CRLs. */
  get nextUpdate(): Date {
    return this.#timesOfAll().nextUpdate;
  }

  /** Entries of all its CRLs. */
  get entries(): number {
    return this.#slots.reduce((sum, { crl }) => sum + (crl?.entries.size ?? 0), 0);
  }

  /**
   * The status by the CRLs, with their times; expired times mean that nothing may be said. A
   * serial number that no CRL lists is good, as far as a CRL can know (RFC 6960 §2.2), when the
   * CRLs together cover the scope; undefined when they do not.
   */
  record(serialNumber: SerialNumber): StatusRecord | undefined {
    const { issuerId, certificate } = this.#options;
    const common = {
      issuerId,
      serialNumber,
      issuanceState: 'issued' as const,
      notAfter: certificate.validity.notAfter,
    };
    for (const group of this.#groups) {
      const entry = entryIn(group, serialNumber);
      if (entry !== undefined) {
        return {
          ...common,
          status: entry.reasonCode === 'certificateHold' ? 'onHold' : 'revoked',
          reasonCode: entry.reasonCode,
          notGoodSince: entry.revocationDate,
          invalidityDate: entry.invalidityDate,
          validity: timesOf(group),
        };
      }
    }
    const validity = this.#timesOfAll();
    if (validity !== never && !this.#covered()) return undefined;
    return { ...common, status: 'good', validity };
  }

  async #refreshOne(slot: Slot, signal: AbortSignal): Promise<string | undefined> {
    const { certificate, clock } = this.#options;
    try {
      const fetched = await fetchCrl(slot.location, slot.memory, signal);
      if (fetched.type === 'octets') {
        const crl = await readForeignCrl(fetched.octets, certificate);
        if (crl.sha256 !== slot.crl?.sha256) {
          requireSuccessor(crl, slot.crl, clock.now());
          requireBase(crl, this.#groups);
          await this.#take(slot, crl, fetched.octets);
        }
        slot.memory = fetched.memory;
      }
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    const end = slot.crl?.nextUpdate;
    return end !== undefined && end <= clock.now()
      ? `it expired at ${end.toISOString()}, and no newer one is there`
      : undefined;
  }

  async #take(slot: Slot, crl: ForeignCrl, octets: Buffer): Promise<void> {
    const before = slot.crl?.entries;
    const changed =
      before === undefined
        ? []
        : [
            ...new Set([
              ...(await crl.entries.notIn(before)),
              ...(await before.notIn(crl.entries)),
            ]),
          ];
    // Kept before it is used: what was answered by it is not forgotten by a restart.
    await writeAtomically(slot.file, octets);
    slot.crl = crl;
    this.#regroup();
    this.#options.changed(changed);
    const { name: issuer, log } = this.#options;
    log('info', 'took a CRL of a foreign CA', {
      issuer,
      location: slot.location,
      kind: crl.baseCrlNumber === undefined ? 'complete' : 'delta',
      crlNumber: crl.crlNumber?.toString(),
      entries: crl.entries.size,
      changed: changed.length,
      nextUpdate: crl.nextUpdate,
    });
  }

  #regroup(): void {
    const crls = this.#slots.flatMap(({ crl }) => crl ?? []);
    const bases = new Map<string, ForeignCrl>();
    for (const crl of crls) {
      const known = bases.get(crl.distributionPoint);
      if (crl.baseCrlNumber === undefined && (known === undefined || isNewer(crl, known))) {
        bases.set(crl.distributionPoint, crl);
      }
    }
    this.#groups = [...bases.values()].map((base) => ({
      base,
      delta: crls
        .filter((delta) => goesOnFrom(delta, base))
        .reduce<ForeignCrl | undefined>(
          (best, delta) => (best === undefined || isNewer(delta, best) ? delta : best),
          undefined,
        ),
    }));
  }

  #covered(): boolean {
    const { scope } = this.#options;
    const scopes = new Set(this.#groups.map(({ base }) => base.scope));
    if (scopes.has('all')) return true;
    return scope === 'all' ? scopes.has('endEntity') && scopes.has('ca') : scopes.has(scope);
  }

  #timesOfAll(): Times {
    if (this.#slots.some(({ crl }) => crl === undefined) || this.#groups.length === 0) return never;
    return this.#groups.map(timesOf).reduce((all, one) => ({
      thisUpdate: all.thisUpdate < one.thisUpdate ? all.thisUpdate : one.thisUpdate,
      nextUpdate: all.nextUpdate < one.nextUpdate ? all.nextUpdate : one.nextUpdate,
    }));
  }
}

function entryIn({ base, delta }: Group, serialNumber: SerialNumber): TableEntry | undefined {
  const change = delta?.entries.find(serialNumber);
  if (change !== undefined) return change.reasonCode === 'removeFromCRL' ? undefined : change;
  return base.entries.find(serialNumber);
}

/** With a delta, its thisUpdate; never beyond the end of either. */
function timesOf({ base, delta }: Group): Times {
  if (delta === undefined) return base;
  return {
    thisUpdate: delta.thisUpdate,
    nextUpdate: delta.nextUpdate < base.nextUpdate ? delta.nextUpdate : base.nextUpdate,
  };
}

/** RFC 5280 §5.2.4: the same scope, a base not older than the delta's, a delta that is newer than the base. */
function goesOnFrom(delta: ForeignCrl, base: ForeignCrl): boolean {
  return (
    delta.baseCrlNumber !== undefined &&
    delta.distributionPoint === base.distributionPoint &&
    base.crlNumber !== undefined &&
    delta.crlNumber !== undefined &&
    base.crlNumber >= delta.baseCrlNumber &&
    base.crlNumber < delta.crlNumber
  );
}

function isNewer(one: ForeignCrl, other: ForeignCrl): boolean {
  return one.crlNumber !== undefined && other.crlNumber !== undefined
    ? one.crlNumber > other.crlNumber
    : one.thisUpdate > other.thisUpdate;
}

/** A number and a time that go back, or stand still with other octets, are a replay or a mistake: both are refused. */
function requireSuccessor(crl: ForeignCrl, before: ForeignCrl | undefined, now: Date): void {
  if (crl.thisUpdate.getTime() > now.getTime() + clockSkewSeconds * 1000) {
    throw refused(`thisUpdate ${crl.thisUpdate.toISOString()} is in the future; check the clocks`);
  }
  if (before === undefined) return;
  if ((crl.baseCrlNumber === undefined) !== (before.baseCrlNumber === undefined)) {
    throw refused('a delta came where a complete CRL was, or the other way round');
  }
  if (crl.distributionPoint !== before.distributionPoint) {
    throw refused('its issuing distribution point is another than that of the CRL before');
  }
  if (crl.thisUpdate < before.thisUpdate) {
    throw refused(
      `thisUpdate goes back, from ${before.thisUpdate.toISOString()} to ${crl.thisUpdate.toISOString()}`,
    );
  }
  if (
    before.crlNumber === undefined
      ? crl.thisUpdate <= before.thisUpdate
      : (crl.crlNumber ?? -1n) <= before.crlNumber
  ) {
    throw refused(
      `its number ${String(crl.crlNumber ?? 'is missing and')} does not go on from ${String(before.crlNumber ?? 'the time of the one before')}`,
    );
  }
}

/**
 * A delta that goes on from a later complete CRL than the one at hand leaves out what the delta before
 * told, and the complete CRL does not have it yet: what was known as revoked would be good again.
 */
function requireBase(crl: ForeignCrl, groups: readonly Group[]): void {
  const { baseCrlNumber, distributionPoint } = crl;
  const base = groups.find((group) => group.base.distributionPoint === distributionPoint)?.base;
  if (baseCrlNumber === undefined || base?.crlNumber === undefined) return;
  if (base.crlNumber < baseCrlNumber) {
    throw refused(
      `it goes on from the complete CRL ${baseCrlNumber}, and the one at hand is ${base.crlNumber}; it waits for its base`,
    );
  }
}

function refused(problem: string): ChanceryError {
  return new ChanceryError('invalidArgument', {
    message: `the CRL is not used: ${problem}`,
    clause: 'RFC 5280 §5.2.3',
  });
}
