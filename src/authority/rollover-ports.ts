import type { IssuerId, TenantId } from '../domain/index.ts';

/**
 * Where an issuer stands. `prepared`: its certificate is distributed, it issues nothing yet.
 * `retiring`: its key signs CRLs and delegates' certificates only. `retired`: its last certificate
 * has expired and its last CRL is out.
 */
export type IssuerStandingName = 'prepared' | 'issuing' | 'retiring' | 'retired';

/** What a step of a rollover changes; the database refuses any other order of steps. */
export interface IssuerStep {
  readonly standing?: IssuerStandingName | undefined;
  readonly successorId?: IssuerId | undefined;
  /** Null: by hand. */
  readonly activateAt?: Date | null | undefined;
  readonly retiringSince?: Date | undefined;
  readonly lastNotAfter?: Date | undefined;
  readonly closedAt?: Date | undefined;
}

/** A certificate for an issuer's key beside its own. */
export interface CrossCertificate {
  readonly tenant: TenantId;
  /** Whose key it certifies. */
  readonly subjectIssuerId: IssuerId;
  /** In its address; from 1, by subject. */
  readonly number: number;
  /** The first two link a root with the one that follows it (RFC 4210 §4.4). */
  readonly kind: 'newWithOld' | 'oldWithNew' | 'cross';
  /** Which of our issuers signed it; undefined: a CA elsewhere. */
  readonly signerIssuerId?: IssuerId | undefined;
  readonly certificate: Uint8Array;
  /** DER of those above it, its issuer's first. */
  readonly chain: readonly Uint8Array[];
  readonly notAfter: Date;
  readonly createdAt: Date;
  readonly createdBy: string;
}

export interface CrossCertificateStore {
  /**
   * With the next number, under the subject's row lock.
   *
   * @throws ChanceryError alreadyExists when this certificate is installed for the issuer already
   */
  insert(record: Omit<CrossCertificate, 'number'>): Promise<CrossCertificate>;
  /** All, or of one subject, by subject and number. */
  list(tenant: TenantId, subjectIssuerId?: IssuerId): Promise<readonly CrossCertificate[]>;
}
