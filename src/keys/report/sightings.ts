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
      .map(
        (key) =>
          `${nameOf(key)} has no backup on record, and its loss would end its issuer: \`chancery key backup\``,
      ),
  };
}

/** The last backup of the installation on record; that of one key says nothing about the rest. */
export function lastBackup(facts: ReportFacts): Sight {
  const keys = new Set(facts.keys.map(({ record }) => record.keyId));
  const evidence = facts.evidence.filter(({ subject }) => !keys.has(subject));
  return recurring(
    { ...facts, evidence },
    {
      kind: 'backup',
      within: facts.periods.backups,
      what: 'backup',
      mend: 'make one (docs/operations/backup.md) and record it with `chancery evidence record backup`',
    },
  );
}

/** The newest comparison of each token with the records; each responder's own is told by itself. */
export function reconciled(facts: ReportFacts): Sight {
  const responders = facts.keys
    .filter(({ record }) => record.tokenRole === 'responder' && record.privateState !== 'destroyed')
    .map(({ record }) => record.owner);
  return together('', [
    ...tokenRoles(facts)
      .filter((role) => role !== 'responder')
      .map((role) =>
        recurring(facts, {
          kind: 'key.reconciliation',
          subject: role,
          within: role === 'root' ? facts.periods.rootReconciliation : facts.periods.reconciliation,
          what: `reconciliation of the ${role} token`,
          mend: `run \`chancery key reconcile --token ${role}\``,
        }),
      ),
    ...[...new Set(responders)].map((owner) =>
      recurring(facts, {
        kind: 'key.reconciliation',
        subject: `responder/${owner}`,
        within: facts.periods.reconciliation,
        what: `reconciliation of the token of responder ${owner}`,
        mend: `see that it runs and reaches the CA: it tells every minute what is in its token`,
      }),
    ),
  ]);
}

/** §5.2: one key, one purpose; certificates and CRLs may go together. */
export function mixedPurposes({ record }: KeyFacts): boolean {
  // It makes TLS handshakes and nothing that has a purpose of the signer's list.
  if (record.type === 'httpsServer') return record.purposes.length > 0;
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
