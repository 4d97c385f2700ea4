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
import { caPath, crlPath } from './published-paths.ts';

export type Report = (object: string, problem: string) => void;

/** What an issuer published last, as `verifyInventory` holds it against the inventory. */
interface Published {
  readonly path: string;
  readonly list: CertificateList;
  readonly der: Uint8Array;
  /** Serial numbers on it that no row has accounted for so far. */
  readonly unaccounted: Set<SerialNumber>;
}

const onlyShard = 0;
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
      const path = crlPath(issuerId, onlyShard);
      const der = await publisher.read(path);
      if (der !== undefined) {
        verified.#add(path, issuer, der);
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
      this.#published.set(issuer.record.issuerId, { path, list, der, unaccounted });
    } catch (error) {
      this.#report(path, `the published CRL can't be read: ${String(error)}`);
    }
  }

  /** Whoever is not good for a while, and not expired, must be on the published CRL. */
  account({ issuerId, serialNumber, status, notAfter, shard }: CertificateRecord): void {
    const published = this.#published.get(issuerId);
    if (published === undefined || status.notGoodSince === undefined) {
      return;
    }
    const { list, unaccounted, path } = published;
    const listed = unaccounted.delete(serialNumber);
    const settled = list.thisUpdate.getTime() - settlingMilliseconds;
    if (!listed && status.notGoodSince.getTime() < settled && notAfter >= list.thisUpdate) {
      this.#report(
        `${issuerId}/${serialNumber}`,
        `is ${status.status} since ${status.notGoodSince.toISOString()} and not on the published CRL ${path} (shard ${shard})`,
      );
    }
  }

  /** After the last row: what is on a CRL needs a row, and one that was not good then. */
  async settle(unitOfWork: UnitOfWork, tenant: string): Promise<void> {
    for (const [issuerId, { path, unaccounted }] of this.#published) {
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

  /** The ledger: each number once, and what is published is what was recorded. */
  async checkLedger(
    crls: AsyncIterable<readonly CrlRecord[]>,
    publisher: Publisher,
    count: (length: number) => number,
  ): Promise<number> {
    const highest = new Map<string, CrlRecord>();
    const numbers = new Set<string>();
    let read = 0;
    for await (const chunk of crls) {
      read += count(chunk.length);
      for (const record of chunk) {
        const scope = crlPath(record.issuerId, record.shard);
        const number = `${scope} ${record.crlNumber}`;
        if (numbers.has(number)) {
          this.#report(scope, `crlNumber ${record.crlNumber} was used twice`);
        }
        numbers.add(number);
        const last = highest.get(scope);
        if (
          record.publishedAt !== undefined &&
          (last === undefined || record.crlNumber > last.crlNumber)
        ) {
          highest.set(scope, record);
        }
      }
    }
    for (const [path, record] of highest) {
      if ((await publisher.read(path)) === undefined) {
        this.#report(path, 'is recorded as published but the file is missing');
      }
      this.#checkNumber(path, record, numbers);
    }
    return read;
  }

  #checkNumber(path: string, record: CrlRecord, numbers: ReadonlySet<string>): void {
    const published = this.#published.get(record.issuerId);
    if (published === undefined) {
      return;
    }
    const number = published.list.crlNumber ?? 0n;
    if (!numbers.has(`${path} ${number}`)) {
      this.#report(path, `the published crlNumber ${number} was never reserved`);
    } else if (number < record.crlNumber) {
      this.#report(
        path,
        `the published crlNumber ${number} is older than the recorded ${record.crlNumber}`,
      );
    } else if (number === record.crlNumber && sha256(published.der) !== record.sha256) {
      this.#report(path, 'the published CRL’s SHA-256 differs from the record');
    }
  }
}
