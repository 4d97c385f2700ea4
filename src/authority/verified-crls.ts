import type { SerialNumber } from '../domain/index.ts';
import {
  type CertificateList,
  parseCertificateList,
  resolveSignatureAlgorithm,
  verifySignature,
} from '../pkix/index.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';
import { sha256 } from './octets.ts';
import type { CertificateRecord, CrlRecord, Publisher, UnitOfWork } from './ports.ts';
import { crlPathsOf } from './published-lists.ts';
import { caPath, crlPath, parseCrlPath } from './published-paths.ts';

export type Report = (object: string, problem: string) => void;

/** What is published of a shard, as `verifyInventory` holds it against the inventory. */
interface Published {
  readonly path: string;
  readonly list: CertificateList;
  readonly sha256: string;
  /** Serial numbers on it that no row has accounted for so far. */
  readonly unaccounted: Set<SerialNumber>;
}

/** A change this young may be committed and not published yet. */
const settlingMilliseconds = 60_000;

/** Published files against inventory and ledger. Reads only. */
export class VerifiedCrls {
  readonly #published = new Map<string, Published>();
  readonly #report: Report;

  private constructor(report: Report) {
    this.#report = report;
  }

  /** Reads what is published of each active issuer, and verifies it with the issuer's key. */
  static async read(
    publisher: Publisher,
    issuers: ReadonlyMap<string, LoadedIssuer>,
    report: Report,
  ): Promise<VerifiedCrls> {
    const verified = new VerifiedCrls(report);
    for (const issuer of issuers.values()) {
      const { issuerId } = issuer.record;
      const { certificate } = issuer.signing;
      if (certificate === undefined) {
        continue;
      }
      const file = await publisher.read(caPath(issuerId));
      if (file === undefined || Buffer.compare(file, certificate.der) !== 0) {
        report(caPath(issuerId), 'the published CA certificate is missing or not the issuer’s');
      }
      for (const { path } of await crlPathsOf(publisher, issuerId)) {
        const der = await publisher.read(path);
        if (der !== undefined) {
          verified.#add(path, issuer, der);
        }
      }
    }
    return verified;
  }

  #add(path: string, issuer: LoadedIssuer, der: Uint8Array): void {
    try {
      const list = parseCertificateList(der);
      const algorithm = resolveSignatureAlgorithm(list.signatureAlgorithm);
      if (
        algorithm === undefined ||
        !verifySignature(algorithm, issuer.signing.publicKey, list.tbsDer, list.signature)
      ) {
        this.#report(path, 'the published CRL does not verify with the issuer’s key');
        return;
      }
      const unaccounted = new Set<SerialNumber>();
      for (const { serialNumber } of list.entries()) {
        unaccounted.add(serialNumber);
      }
      this.#published.set(path, { path, list, sha256: sha256(der), unaccounted });
    } catch (error) {
      this.#report(path, `the published CRL can't be read: ${String(error)}`);
    }
  }

  /** Whoever is not good for a while, and not expired, must be on the published CRL. */
  account({ issuerId, serialNumber, status, notAfter, shard }: CertificateRecord): void {
    const complete = this.#published.get(crlPath(issuerId, shard));
    const delta = this.#published.get(crlPath(issuerId, shard, 'delta'));
    if (complete === undefined || status.notGoodSince === undefined) {
      return;
    }
    const onComplete = complete.unaccounted.delete(serialNumber);
    const onDelta = delta?.unaccounted.delete(serialNumber) === true;
    // Between two complete CRLs a change stands on the delta.
    const newest =
      delta !== undefined && delta.list.thisUpdate > complete.list.thisUpdate ? delta : complete;
    const { thisUpdate } = newest.list;
    const settled = thisUpdate.getTime() - settlingMilliseconds;
    if (
      !onComplete &&
      !onDelta &&
      status.notGoodSince.getTime() < settled &&
      notAfter >= thisUpdate
    ) {
      this.#report(
        `${issuerId}/${serialNumber}`,
        `is ${status.status} since ${status.notGoodSince.toISOString()} and not on the published CRL ${newest.path} (shard ${shard})`,
      );
    }
  }

  /** After the last row: what is on a CRL needs a row, and one that was not good then. */
  async settle(unitOfWork: UnitOfWork, tenant: string): Promise<void> {
    for (const [path, { unaccounted }] of this.#published) {
      const issuerId = parseCrlPath(path)?.issuerId ?? '';
      for (const serialNumber of unaccounted) {
        const known = await unitOfWork.read(async ({ inventory }) => ({
          record: await inventory.find(tenant, issuerId, serialNumber),
          history: await inventory.history(tenant, issuerId, serialNumber),
        }));
        if (known.record === undefined) {
          this.#report(
            `${issuerId}/${serialNumber}`,
            `is on the published CRL ${path} and has no row`,
          );
        } else if (
          known.record.status.status === 'good' &&
          !known.history.some(({ act }) => act === 'release')
        ) {
          this.#report(
            `${issuerId}/${serialNumber}`,
            `is on the published CRL ${path}, is good now and was never released`,
          );
        }
      }
    }
  }

  /** The ledger: each number once, or of a complete and a delta CRL of one moment; and what is published is what was recorded. */
  async checkLedger(
    crls: AsyncIterable<readonly CrlRecord[]>,
    publisher: Publisher,
    count: (length: number) => number,
  ): Promise<number> {
    const highest = new Map<string, CrlRecord>();
    const numbers = new Map<string, CrlRecord>();
    let read = 0;
    for await (const chunk of crls) {
      read += count(chunk.length);
      for (const record of chunk) {
        const path = crlPath(record.issuerId, record.shard, record.kind);
        if (numbers.has(numberOf(record))) {
          this.#report(path, `crlNumber ${record.crlNumber} was used twice`);
        }
        numbers.set(numberOf(record), record);
        this.#checkPair(path, record, numbers);
        const last = highest.get(path);
        if (
          record.publishedAt !== undefined &&
          (last === undefined || record.crlNumber > last.crlNumber)
        ) {
          highest.set(path, record);
        }
      }
    }
    for (const [path, record] of highest) {
      if ((await publisher.open(path)) === undefined) {
        this.#report(path, 'is recorded as published but the file is missing');
      }
      this.#checkNumber(path, record, numbers);
    }
    return read;
  }

  /** Complete and delta CRLs that share a number were issued together (RFC 5280 §5.2.3). */
  #checkPair(path: string, record: CrlRecord, numbers: ReadonlyMap<string, CrlRecord>): void {
    const other = record.kind === 'delta' ? ('complete' as const) : ('delta' as const);
    const twin = numbers.get(numberOf({ ...record, kind: other }));
    if (
      twin?.publishedAt !== undefined &&
      record.publishedAt !== undefined &&
      twin.thisUpdate.getTime() !== record.thisUpdate.getTime()
    ) {
      this.#report(
        path,
        `crlNumber ${record.crlNumber} is shared with a ${other} CRL of another time`,
      );
    }
  }

  #checkNumber(path: string, record: CrlRecord, numbers: ReadonlyMap<string, CrlRecord>): void {
    const published = this.#published.get(path);
    if (published === undefined) {
      return;
    }
    const number = published.list.crlNumber ?? 0n;
    if (!numbers.has(numberOf({ ...record, crlNumber: number }))) {
      this.#report(path, `the published crlNumber ${number} was never reserved`);
    } else if (number < record.crlNumber) {
      this.#report(
        path,
        `the published crlNumber ${number} is older than the recorded ${record.crlNumber}`,
      );
    } else if (number === record.crlNumber && published.sha256 !== record.sha256) {
      this.#report(path, 'the published CRL’s SHA-256 differs from the record');
    }
  }
}

function numberOf({
  issuerId,
  shard,
  kind,
  crlNumber,
}: Pick<CrlRecord, 'issuerId' | 'shard' | 'kind' | 'crlNumber'>): string {
  return `${crlPath(issuerId, shard, kind)} ${crlNumber}`;
}
