import type { IssuerId, KeyId } from '../domain/index.ts';
import type { KeyCustodian, KeyRecord } from '../keys/index.ts';
import type { AuthorityContext } from './context.ts';
import type { IncidentScope } from './incident-scope.ts';
import { spkiHash } from './issuance-core.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';
import type { Reach, ReachedCertificate, SignaturesSince, Transaction } from './ports.ts';
import { anchorsOf } from './trust-anchors.ts';

/** Another key that whoever has this one may have, too, and why. */
export interface SiblingKey {
  readonly keyId: KeyId;
  readonly label: string;
  readonly type: KeyRecord['type'];
  readonly privateState: KeyRecord['privateState'];
  readonly issuerId?: IssuerId | undefined;
  readonly because: readonly ('sameToken' | 'sameCustodian' | 'sameRecord' | 'sameOwner')[];
}

export interface SubordinateIssuer {
  readonly issuerId: IssuerId;
  readonly name: string;
  /** 1: its certificate was signed by the compromised key. */
  readonly depth: number;
  /** Certificates below it. */
  readonly certificates: number;
}

/** Everything that a compromise reaches; nothing is changed by looking. */
export interface BlastRadius {
  readonly kind: IncidentScope['kind'];
  readonly spkiHash?: string | undefined;
  readonly keyId?: KeyId | undefined;
  readonly issuerId?: IssuerId | undefined;
  readonly issuer?: string | undefined;
  readonly reach: Reach;
  /** CA certificates that the key signed. */
  readonly caCertificates: readonly ReachedCertificate[];
  /** CA certificates of the compromised key itself: its own, links and cross-certificates. */
  readonly ownCertificates: readonly ReachedCertificate[];
  /** Trust bundles that carry the key. */
  readonly trustBundles: readonly string[];
  readonly subordinateIssuers: readonly SubordinateIssuer[];
  readonly siblingKeys: readonly SiblingKey[];
  /** Of a key of ours: since the invalidity date, or since the key was made. */
  readonly signatures?:
    | (SignaturesSince & {
        readonly since: Date;
        /** All that signer processes counted in the key's life: more than is on record is a finding. */
        readonly counted: number;
      })
    | undefined;
  /** What a reader must know to judge it. */
  readonly notes: readonly string[];
}

/** Entries of lists that are cut; the counts beside them are whole. */
const listed = 1000;

/** Reads all of it, in the caller's snapshot. */
export async function blastRadiusOf(
  context: AuthorityContext,
  transaction: Transaction,
  scope: IncidentScope,
  invalidityDate: Date | undefined,
): Promise<BlastRadius> {
  const { tenant } = scope.query;
  const { issuer, key, query } = scope;
  const all = await context.issuers.all();
  const reach = await transaction.incidents.reach(query, listed);
  const caCertificates =
    scope.kind === 'keyCompromise' ? [] : await transaction.incidents.caCertificates(query);
  const ownCertificates =
    scope.spkiHash === undefined
      ? []
      : await transaction.incidents.caCertificates({
          tenant,
          spkiHash: scope.spkiHash,
          now: query.now,
        });
  const since = invalidityDate ?? key?.createdAt;
  const signatures =
    issuer === undefined || since === undefined
      ? undefined
      : {
          ...(await transaction.incidents.signaturesSince(
            tenant,
            issuer.record.issuerId,
            since,
            listed,
          )),
          since,
          counted: (await transaction.keys.usage(tenant))
            .filter(({ keyId }) => keyId === issuer.record.keyId)
            .reduce((sum, count) => sum + count.signatures, 0),
        };
  return {
    kind: scope.kind,
    spkiHash: scope.spkiHash,
    keyId: key?.keyId,
    issuerId: issuer?.record.issuerId,
    issuer: issuer?.record.name,
    reach,
    caCertificates,
    ownCertificates,
    trustBundles: bundlesWith(all, scope.spkiHash),
    subordinateIssuers:
      issuer === undefined ? [] : await subordinates(transaction, scope, all, issuer),
    siblingKeys: key === undefined ? [] : await siblings(transaction, key),
    signatures,
    notes: notesOf(scope, reach),
  };
}

/** `default` has every anchor; one whose compromise is declared is out of it already. */
function bundlesWith(all: readonly LoadedIssuer[], hash: string | undefined): readonly string[] {
  const carried = anchorsOf(all).some(
    ({ subjectPublicKeyInfo }) => spkiHash(subjectPublicKeyInfo.der) === hash,
  );
  return carried ? ['default'] : [];
}

async function subordinates(
  { incidents }: Transaction,
  { query }: IncidentScope,
  all: readonly LoadedIssuer[],
  compromised: LoadedIssuer,
): Promise<readonly SubordinateIssuer[]> {
  const found: SubordinateIssuer[] = [];
  const seen = new Set([compromised.record.issuerId]);
  let above = [compromised.record.issuerId];
  for (let depth = 1; above.length > 0; depth += 1) {
    const level = all.filter(
      ({ record }) =>
        record.parentIssuerId !== undefined &&
        above.includes(record.parentIssuerId) &&
        !seen.has(record.issuerId),
    );
    for (const { record } of level) {
      const { issuerId, name } = record;
      seen.add(issuerId);
      const { certificates } = await incidents.reach(
        { tenant: query.tenant, issuerId, now: query.now },
        0,
      );
      found.push({ issuerId, name, depth, certificates });
    }
    above = level.map(({ record }) => record.issuerId);
  }
  return found;
}

async function siblings({ keys }: Transaction, key: KeyRecord): Promise<readonly SiblingKey[]> {
  const custodians = await keys.custodians(key.tenant);
  const people = peopleOf(custodians, key);
  return (await keys.list(key.tenant)).flatMap((other): SiblingKey[] => {
    if (other.keyId === key.keyId) return [];
    const because: SiblingKey['because'][number][] = [];
    if (
      other.tokenRole !== 'software' &&
      other.tokenRole === key.tokenRole &&
      other.token.serialNumber === key.token.serialNumber
    ) {
      because.push('sameToken');
    }
    if ([...peopleOf(custodians, other)].some((person) => people.has(person))) {
      because.push('sameCustodian');
    }
    if (other.record === key.record) because.push('sameRecord');
    if (other.owner === key.owner) because.push('sameOwner');
    const { keyId, label, type, privateState, issuerId } = other;
    return because.length === 0 ? [] : [{ keyId, label, type, privateState, issuerId, because }];
  });
}

/** Everyone who holds it, or held it: of the whole token, or of this key. */
function peopleOf(custodians: readonly KeyCustodian[], key: KeyRecord): ReadonlySet<string> {
  return new Set(
    custodians
      .filter(
        ({ tokenRole, keyId }) =>
          tokenRole === key.tokenRole && (keyId === undefined || keyId === key.keyId),
      )
      .map(({ person }) => person),
  );
}

function notesOf({ kind, issuer }: IncidentScope, reach: Reach): readonly string[] {
  switch (kind) {
    case 'issuerCompromise':
      return [
        'whoever has the key can sign certificates and CRLs that no register knows; only the status of its own certificate tells relying parties',
        'its last CRL stays published until its nextUpdate; the key signs no other',
        'delegates and the present credentials of principals stay good in the register; replace the credentials with `chancery rekey`, then `chancery incident revoke` again',
        ...(issuer?.record.kind === 'external'
          ? ['its certificate was issued elsewhere: that CA must revoke it']
          : []),
        ...(issuer?.record.kind === 'root'
          ? [
              'nobody can revoke a root: it is left out of trust bundles from the declaration on, and relying parties must take it out of their trust stores',
            ]
          : []),
        ...(reach.abandoned > 0
          ? [`${reach.abandoned} certificates were abandoned or are under way: they may exist`]
          : []),
      ];
    case 'keyCompromise':
      return ['what a subscriber’s key has signed is not known here'];
    case 'query':
      return [];
    default:
      return kind satisfies never;
  }
}
