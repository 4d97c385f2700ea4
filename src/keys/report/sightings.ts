import type { IssuerCertificateFacts, IssuerFacts, KeyFacts, ReportFacts } from './facts.ts';
import {
  caKeys,
  item,
  type Judgement,
  nameOf,
  placeOf,
  recurring,
  together,
  tokenKeys,
  tokenRoles,
} from './judgement.ts';

/** What several clauses look at: evidence with what is wrong. */
type Sight = Pick<Judgement, 'evidence' | 'problems'>;

/** The canonical bytes of the newest audit records, computed again. */
export function auditSample({ audit }: ReportFacts): Sight {
  if (audit.looked === 0) return { evidence: [], problems: ['the audit log holds no record'] };
  return {
    evidence: [
      item(
        `${audit.looked} newest audit records compared with their canonical bytes`,
        'audit log',
        `${audit.disagreeing.length} disagree`,
        audit.newest,
      ),
    ],
    problems: audit.disagreeing.map((id) => `audit record ${id} differs from its canonical bytes`),
  };
}

/** Attributes of the private halves, as read back from the tokens. */
export function confidentiality(facts: ReportFacts): Sight {
  const keys = tokenKeys(facts);
  return {
    evidence: keys.map((key) => {
      const { sensitive, extractable, neverExtractable } = key.record.attributes;
      return item(
        'attributes read back from the token',
        placeOf(key),
        `sensitive ${sensitive}, extractable ${extractable}, neverExtractable ${neverExtractable}`,
        key.record.createdAt,
      );
    }),
    problems: keys
      .filter(({ record }) => record.attributes.extractable || !record.attributes.sensitive)
      .map((key) => `${nameOf(key)} can leave its token in clear: replace it`),
  };
}

/** Issuers whose certificate is installed. */
export function certified(
  facts: ReportFacts,
): readonly (IssuerFacts & { readonly certificate: IssuerCertificateFacts })[] {
  return facts.issuers.flatMap((issuer) =>
    issuer.certificate === undefined ? [] : [{ ...issuer, certificate: issuer.certificate }],
  );
}

/** Whether each CA key has a copy outside its token, and what is said of the others. */
export function backups(facts: ReportFacts): Sight {
  const keys = caKeys(facts);
  return {
    evidence: keys.flatMap((key) => {
      const { backup } = key.record;
      if (backup === undefined) return [];
      const text =
        backup.kind === 'none'
          ? `none: ${backup.reason}`
          : `${backup.kind}: ${backup.kind === 'secondToken' ? backup.token.label : backup.location}, ${backup.at}`;
      return [item('backup of the private half', placeOf(key), text)];
    }),
    problems: keys
      .filter(({ record }) => record.backup === undefined || record.backup.kind === 'none')
      .map((key) => `${nameOf(key)} has no backup on record: its loss would end its issuer`),
  };
}

/** The newest comparison of each token with the records. */
export function reconciled(facts: ReportFacts): Sight {
  return together(
    '',
    tokenRoles(facts).map((role) =>
      recurring(facts, {
        kind: 'key.reconciliation',
        subject: role,
        within: facts.periods.reconciliation,
        what: `reconciliation of the ${role} token`,
        mend: 'run `chancery key reconcile`',
      }),
    ),
  );
}

/** §5.2: one key, one purpose; certificates and CRLs may go together. */
export function mixedPurposes({ record }: KeyFacts): boolean {
  const kinds = new Set(
    record.purposes
      .filter((purpose) => purpose !== 'certificationRequest')
      .map((purpose) => (purpose === 'crl' ? 'certificate' : purpose)),
  );
  return kinds.size !== 1;
}

/** Whether somebody holds the key, or the token that it is in, now. */
export function held(facts: ReportFacts, { record }: KeyFacts): boolean {
  return facts.custodians.some(
    ({ tokenRole, keyId, since, until }) =>
      tokenRole === record.tokenRole &&
      (keyId === undefined || keyId === record.keyId) &&
      since <= facts.at &&
      (until === undefined || until > facts.at),
  );
}
