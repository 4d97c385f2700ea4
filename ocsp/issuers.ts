import type { IssuerId, ReasonCode } from '../src/domain/index.ts';
import {
  type CertID,
  type Certificate,
  findExtension,
  type HashName,
  hashKey,
  hashName,
  hashOf,
  namesEqual,
  oids,
  parseAuthorityKeyIdentifier,
  parseCertificate,
} from '../src/pkix/index.ts';
import type { AnswerPolicy, Log, StatusIssuer, StatusRecord } from './ports.ts';

/** Digests of certIDs that are answered (RFC 9919 §3.1.1: SHA-256, and SHA-1 still). */
const certIdDigests = ['sha1', 'sha256', 'sha384', 'sha512'] as const;

/** An issuer whose certificates' status is answered. */
export interface KnownIssuer {
  readonly issuerId: IssuerId;
  readonly name: string;
  readonly certificate: Certificate;
  /** Whose inventory holds this issuer's own certificate; its own id for a root. */
  readonly certifiedBy: IssuerId;
  readonly policy: AnswerPolicy;
}

/** What is said for an issuer that declares nothing. */
const defaultPolicy: AnswerPolicy = { extendedRevoke: false };

/** Since when an issuer's key is known to be compromised (RFC 6960 §2.7). */
export interface Compromise {
  readonly reasonCode: ReasonCode;
  readonly since: Date | undefined;
}

/** The issuers in the view, found by both hashes of a certID together. */
export class IssuerDirectory {
  readonly #log: Log;
  #byId = new Map<IssuerId, KnownIssuer>();
  #byHashes = new Map<string, KnownIssuer>();
  /** By the status of its own certificate. */
  readonly #compromises = new Map<IssuerId, Compromise>();
  /** By its key's record: when that was declared. */
  readonly #keyCompromises = new Map<IssuerId, Date>();
  readonly #unjudged = new Set<IssuerId>();
  /** Judged while the CRL that tells the status of their own certificate was not here yet. */
  readonly #provisional = new Set<IssuerId>();

  constructor(log: Log) {
    this.#log = log;
  }

  get all(): readonly KnownIssuer[] {
    return [...this.#byId.values()];
  }

  byId(issuerId: IssuerId): KnownIssuer | undefined {
    return this.#byId.get(issuerId);
  }

  /**
   * The issuer that a certID names: issuerNameHash AND issuerKeyHash must be its own, by the
   * request's digest. One right hash beside a wrong one names nobody (RFC 6960 §4.1.1), nor does a
   * digest with parameters other than NULL: they would be echoed, and signed.
   */
  find({ hashAlgorithm, issuerNameHash, issuerKeyHash }: CertID): KnownIssuer | undefined {
    const digest = hashOf(hashAlgorithm);
    return digest && this.#byHashes.get(hashesKey(digest, issuerNameHash, issuerKeyHash));
  }

  /**
   * Takes the view's present content; answers the issuers that are new, or have a new certificate
   * or policy, or a compromised key: what was answered for them before is not what would be answered
   * now. The new ones
   * are `unjudged` until the status of their own certificate is known. Hashes are computed from the
   * certificate's own bytes. An unreadable row is logged and left out; the others are served.
   */
  replace(rows: readonly StatusIssuer[]): readonly KnownIssuer[] {
    const byId = new Map<IssuerId, KnownIssuer>();
    const changed: KnownIssuer[] = [];
    for (const row of rows) {
      const before = this.#byId.get(row.issuerId);
      const newlyCompromised = this.#noteKey(row);
      if (before !== undefined && Buffer.compare(before.certificate.der, row.certificate) === 0) {
        const same = samePolicy(before.policy, row.policy ?? defaultPolicy);
        const issuer = same ? before : { ...before, policy: row.policy ?? defaultPolicy };
        byId.set(row.issuerId, issuer);
        if (!same || newlyCompromised) changed.push(issuer);
        continue;
      }
      try {
        const issuer = readIssuer(row);
        byId.set(row.issuerId, issuer);
        changed.push(issuer);
        this.#unjudged.add(row.issuerId);
      } catch (error) {
        this.#log('error', 'an issuer in the view cannot be read and is not served', {
          issuerId: row.issuerId,
          error,
        });
      }
    }
    if (changed.length > 0 || byId.size !== this.#byId.size) {
      const byHashes = new Map<string, KnownIssuer>();
      for (const issuer of byId.values()) {
        for (const digest of certIdDigests) {
          const name = hashName(issuer.certificate.subject, digest);
          const key = hashKey(issuer.certificate.subjectPublicKeyInfo, digest);
          byHashes.set(hashesKey(digest, name, key), issuer);
        }
      }
      this.#byHashes = byHashes;
    }
    this.#byId = byId;
    return changed;
  }

  /** The status of the issuers' own certificates is to be read again before anything is said for them. */
  unjudge(): void {
    for (const issuerId of this.#byId.keys()) this.#unjudged.add(issuerId);
  }

  /** Issuers of whose own certificate the status is to be read: not read yet, or without its source. */
  get unjudged(): readonly KnownIssuer[] {
    return this.all.filter(
      ({ issuerId }) => this.#unjudged.has(issuerId) || this.#provisional.has(issuerId),
    );
  }

  /** Whether something may be said for it. */
  isJudged(issuerId: IssuerId): boolean {
    return !this.#unjudged.has(issuerId);
  }

  /**
   * The status of its own certificate was read, and `noteStatus` called when there is a record.
   *
   * @param provisionally its source (a foreign CA's CRL) is not here yet: it is read again, since the
   *   first CRL tells no changes
   */
  judged(issuerId: IssuerId, provisionally = false): void {
    this.#unjudged.delete(issuerId);
    if (provisionally) this.#provisional.add(issuerId);
    else this.#provisional.delete(issuerId);
  }

  /** Its key was compromised, or its certificate revoked for that; since the earlier of the two. */
  compromiseOf(issuerId: IssuerId): Compromise | undefined {
    const told = this.#compromises.get(issuerId);
    const since = this.#keyCompromises.get(issuerId);
    if (since === undefined || (told?.since !== undefined && told.since <= since)) return told;
    return { reasonCode: 'cACompromise', since };
  }

  /** Whether its key signs nothing any more: no delegate of it is renewed. */
  isKeyCompromised(issuerId: IssuerId): boolean {
    return this.#keyCompromises.has(issuerId);
  }

  /** Whether that is news. A compromise is never taken back (SP 800-57 Part 1 §7.5). */
  #noteKey({ issuerId, compromisedAt }: StatusIssuer): boolean {
    if (compromisedAt === undefined || this.#keyCompromises.has(issuerId)) return false;
    this.#keyCompromises.set(issuerId, compromisedAt);
    return true;
  }

  /**
   * Learns the status of a CA certificate; answers the issuer whose compromise it began or ended.
   * A key that signed certificates and is compromised vouches for none of them (RFC 6960 §2.7).
   */
  noteStatus(record: StatusRecord): KnownIssuer | undefined {
    const issuer = this.all.find(
      (candidate) =>
        candidate.certificate.serialNumber === record.serialNumber &&
        candidate.certifiedBy === record.issuerId,
    );
    if (issuer === undefined) {
      return undefined;
    }
    const compromised =
      record.status === 'revoked' &&
      (record.reasonCode === 'keyCompromise' || record.reasonCode === 'cACompromise');
    if (compromised === this.#compromises.has(issuer.issuerId)) {
      return undefined;
    }
    if (compromised) {
      this.#compromises.set(issuer.issuerId, {
        reasonCode: 'cACompromise',
        since: record.notGoodSince,
      });
    } else {
      this.#compromises.delete(issuer.issuerId);
    }
    return issuer;
  }
}

function readIssuer(row: StatusIssuer): KnownIssuer {
  const certificate = parseCertificate(row.certificate);
  const selfIssued = namesEqual(certificate.issuer, certificate.subject);
  const [parent] = row.chain;
  const certifiedBy = selfIssued
    ? row.issuerId
    : hex(
        parent === undefined
          ? authorityKeyIdentifier(certificate)
          : hashKey(parseCertificate(parent).subjectPublicKeyInfo, 'sha1'),
      );
  const policy = row.policy ?? defaultPolicy;
  return { issuerId: row.issuerId, name: row.name, certificate, certifiedBy, policy };
}

/**
 * Whose key signed it, as far as the certificate says: a foreign CA comes without its parents. Its
 * own id would be wrong: small serial numbers are in use under parent and child alike.
 */
function authorityKeyIdentifier({ extensions }: Certificate): Uint8Array {
  const extension = findExtension(extensions, oids.authorityKeyIdentifier);
  const identifier = extension && parseAuthorityKeyIdentifier(extension.value);
  return identifier ?? new Uint8Array(0);
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}

function samePolicy(one: AnswerPolicy, other: AnswerPolicy): boolean {
  return (
    one.extendedRevoke === other.extendedRevoke &&
    one.archiveCutoffSeconds === other.archiveCutoffSeconds
  );
}

function hashesKey(digest: HashName, nameHash: Uint8Array, keyHash: Uint8Array): string {
  return `${digest}:${Buffer.from(nameHash).toString('latin1')}:${Buffer.from(keyHash).toString('latin1')}`;
}
