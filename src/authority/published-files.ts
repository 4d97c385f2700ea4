import type { IssuerId } from '../domain/index.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';
import { sha256 } from './octets.ts';
import type { CrlRecord } from './ports.ts';
import { caPath, crlPath } from './published-paths.ts';

/** Looks whether what was published still stands whole in the folder (T-DISK-3). */
export interface PublishedFilesLook {
  /**
   * Whether the CRL's file is the one recorded, octet for octet; looked up at the first turn of a
   * process and each minute. A CA certificate that is missing (a crash right after the issuer's
   * creation, a lost folder) is written again on the way.
   */
  isWhole(issuer: LoadedIssuer, last: CrlRecord): Promise<boolean>;
}

const everyMilliseconds = 60_000;

export function publishedFilesLook({
  publisher,
  clock,
  log,
}: Pick<AuthorityDependencies, 'publisher' | 'clock' | 'log'>): PublishedFilesLook {
  const lookedAt = new Map<IssuerId, Date>();
  return {
    async isWhole({ record, signing }, last) {
      const now = clock.now();
      const before = lookedAt.get(record.issuerId);
      if (before !== undefined && Math.abs(now.getTime() - before.getTime()) < everyMilliseconds) {
        return true;
      }
      const { certificate } = signing;
      const path = caPath(record.issuerId);
      if (certificate !== undefined && !same(await publisher.read(path), certificate.der)) {
        log('warn', 'a CA certificate was missing from the published folder; it is written again', {
          issuer: record.name,
        });
        await publisher.publish(path, certificate.der);
      }
      const crl = await publisher.read(crlPath(record.issuerId, last.shard));
      const whole = crl !== undefined && sha256(crl) === last.sha256;
      if (!whole) {
        log('warn', 'the published CRL is not the one recorded; it is made anew', {
          issuer: record.name,
          missing: crl === undefined,
        });
        return false;
      }
      lookedAt.set(record.issuerId, now);
      return true;
    },
  };
}

function same(found: Uint8Array | undefined, wanted: Uint8Array): boolean {
  return found !== undefined && Buffer.compare(found, wanted) === 0;
}
