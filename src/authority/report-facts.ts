import { permissionsOf } from '../access/index.ts';
import { roles } from '../domain/index.ts';
import {
  type EvidenceFacts,
  type IssuerFacts,
  type KeyFacts,
  type KeyRecord,
  moduleStanding,
  type PrincipalFacts,
  type ReportFacts,
  type TokenFacts,
} from '../keys/index.ts';
import {
  findExtension,
  oids,
  parseAuthorityKeyIdentifier,
  parseKeyUsage,
  parseSubjectKeyIdentifier,
} from '../pkix/index.ts';
import type { AuthorityContext } from './context.ts';
import { type KeySettings, keySettings } from './dependencies.ts';
import { spkiHash } from './issuance-core.ts';
import { responderTokenSubject } from './key-reconciliation.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';
import { sameBytes, sha256 } from './octets.ts';
import type { CrlShardState, EvidenceStore, Transaction } from './ports.ts';
import { caPath } from './published-paths.ts';
import { reportPeriods, reportSettings } from './report-settings.ts';
import { isWhole } from './verification.ts';

const mostAuditRecords = 1000;
const mostCertificates = 200;
/** Of one key. */
const mostOfKey = 50;

/** Destructions are looked for key by key, comparisons token by token: one comes every hour, another once a year. */
function evidenceLooked(
  records: readonly KeyRecord[],
): readonly Parameters<EvidenceStore['list']>[1][] {
  const responders = records
    .filter(({ tokenRole }) => tokenRole === 'responder')
    .map(({ owner }) => responderTokenSubject(owner));
  return [
    ...[
      ...['backup', 'ceremony', 'audit.review', 'practice.review', 'incident.report'],
      ...['drill.failover', 'drill.compromise', 'drill.restore'],
    ].map((kind) => ({ kind, limit: 1000 })),
    ...['root', 'issuing', ...new Set(responders)].map((subject) => ({
      ...{ kind: 'key.reconciliation', subject, limit: 1 },
    })),
    { kind: 'key.destruction', limit: 100_000 },
  ];
}

/**
 * Everything that the reports look at. The records are one snapshot; tokens and published files are asked
 * before it.
 *
 * @param trustAnchors SHA-256 of the certificates in the default bundle
 * @throws ChanceryError databaseUnavailable
 */
export async function collectReportFacts(
  context: AuthorityContext,
  trustAnchors: readonly string[],
): Promise<ReportFacts> {
  const { unitOfWork, tenant, clock, settings } = context.dependencies;
  const issuers = await context.issuers.all();
  const published = await publishedCertificates(context, issuers);
  const issuing = await askIssuingToken(context);
  const at = clock.now();
  const { validations, requireValidatedModule, minimumStrength } = keySettings({ settings });
  return unitOfWork.read(async (transaction) => {
    const records = await transaction.keys.list(tenant);
    const keys: KeyFacts[] = [];
    for (const record of records) keys.push(await keyFacts(transaction, record));
    const shards = await transaction.crls.shardStates(tenant);
    const issuerFacts: IssuerFacts[] = [];
    for (const issuer of issuers) {
      issuerFacts.push({
        ...(await factsOf(transaction, issuer, shards, records, at)),
        published: published.get(issuer.record.issuerId) ?? { path: '', agrees: false },
      });
    }
    const evidence: EvidenceFacts[] = [];
    for (const query of evidenceLooked(records)) {
      const found = await transaction.evidence.list(tenant, query);
      evidence.push(...found.map((record) => ({ ...record, id: String(record.id) })));
    }
    return {
      at,
      keys,
      custodians: await transaction.keys.custodians(tenant),
      usage: await transaction.keys.usage(tenant),
      evidence,
      issuers: issuerFacts,
      trustAnchors,
      tokens: [issuing, ...tokensOf(records)].map((token) => validated(token, validations)),
      principals: await principalFacts(transaction, tenant),
      roles: Object.fromEntries(roles.map((role) => [role, [...permissionsOf(role)].sort()])),
      audit: await auditFacts(transaction, tenant),
      certificates: await certificateFacts(transaction, tenant, at),
      periods: reportPeriods(settings),
      settings: {
        'urls.https': reportSettings(settings).httpsUrl,
        'urls.http': settings.distributionUrl,
        'urls.ocsp': settings.ocspUrl,
        'crl.lifetime': `${settings.crlLifetimeSeconds} s`,
        'keys.minimumStrength': `${minimumStrength} bits`,
        'keys.requireValidatedModule': String(requireValidatedModule),
      },
    };
  });
}

async function keyFacts(transaction: Transaction, record: KeyRecord): Promise<KeyFacts> {
  const { tenant, keyId } = record;
  const hash = spkiHash(record.subjectPublicKeyInfo);
  const certificates = await transaction.inventory.findBySpkiHash(tenant, hash, mostOfKey);
  const audited = await transaction.audit.list({ tenant, object: keyId, limit: mostAuditRecords });
  return {
    record,
    transitions: await transaction.keys.transitions(tenant, keyId),
    distributions: await transaction.keys.distributions(tenant, keyId),
    certificates: certificates
      .filter(({ issuanceState }) => issuanceState === 'issued')
      .map(({ issuerId, serialNumber, status, notBefore, notAfter }) => ({
        reference: `${issuerId}/${serialNumber}`,
        status: status.status,
        notBefore,
        notAfter,
      })),
    audited: audited
      .filter(({ outcome }) => outcome === 'done')
      .map(({ act, at }) => ({ act, at })),
  };
}

async function factsOf(
  transaction: Transaction,
  { record, chain }: LoadedIssuer,
  shards: readonly CrlShardState[],
  keys: readonly KeyRecord[],
  now: Date,
): Promise<Omit<IssuerFacts, 'published'>> {
  const { tenant, issuerId, name, kind, state, keyId, parentIssuerId } = record;
  const key = keys.find((one) => one.keyId === keyId);
  const [certificate] = chain;
  const before = key?.cryptoperiod.activatedAt;
  const early = await transaction.inventory.search({
    tenant,
    issuerId,
    now,
    requestedBefore: before ?? now,
    limit: mostOfKey,
  });
  const own = key && spkiHash(key.subjectPublicKeyInfo);
  const signed = early.items.find(
    (one) => one.origin === 'issued' && one.issuanceState === 'issued' && one.spkiHash !== own,
  );
  return {
    issuerId,
    name,
    kind,
    state,
    keyId,
    parentIssuerId,
    signedBeforeActivation: signed && `${signed.issuerId}/${signed.serialNumber}`,
    certificate:
      certificate === undefined
        ? undefined
        : {
            subjectAgrees: sameBytes(certificate.subject.der, record.subject),
            publicKeyAgrees:
              key !== undefined &&
              sameBytes(certificate.subjectPublicKeyInfo.der, key.subjectPublicKeyInfo),
            keyUsage: extension(certificate, oids.keyUsage, parseKeyUsage) ?? [],
            subjectKeyIdentifier: hex(
              extension(certificate, oids.subjectKeyIdentifier, parseSubjectKeyIdentifier),
            ),
            authorityKeyIdentifier: hex(
              extension(certificate, oids.authorityKeyIdentifier, parseAuthorityKeyIdentifier),
            ),
            notAfter: certificate.validity.notAfter,
            sha256: sha256(certificate.der),
          },
    shards: shards
      .filter((shard) => shard.issuerId === issuerId && shard.endedAt === undefined)
      .map(({ shard, complete }) => ({
        shard,
        thisUpdate: complete?.thisUpdate,
        nextUpdate: complete?.nextUpdate,
      })),
  };
}

function extension<T>(
  certificate: LoadedIssuer['chain'][number],
  oid: string,
  parse: (value: Uint8Array) => T,
): T | undefined {
  const found = findExtension(certificate.extensions, oid);
  return found && parse(found.value);
}

function hex(octets: Uint8Array | undefined): string | undefined {
  return octets && Buffer.from(octets).toString('hex');
}

async function publishedCertificates(
  { dependencies }: AuthorityContext,
  issuers: readonly LoadedIssuer[],
): Promise<ReadonlyMap<string, IssuerFacts['published']>> {
  const files = new Map<string, IssuerFacts['published']>();
  for (const { record, chain } of issuers) {
    const path = caPath(record.issuerId);
    const [certificate] = chain;
    // A store that is away is told as a file that is missing: relying parties see the same.
    const content = await dependencies.publisher.read(path).catch(() => undefined);
    files.set(record.issuerId, {
      path,
      agrees:
        certificate !== undefined && content !== undefined && sameBytes(content, certificate.der),
    });
  }
  return files;
}

/** The issuing token answers or not; the root's is opened for its own acts alone. */
async function askIssuingToken({ dependencies }: AuthorityContext): Promise<TokenFacts> {
  const { issuing } = dependencies.tokens;
  try {
    const identity = await issuing.identity();
    const selfTest = await issuing.selfTest().then(
      () => true,
      () => false,
    );
    return { role: 'issuing', identity, selfTest };
  } catch {
    return { role: 'issuing' };
  }
}

/** SoftHSM never counts as validated, whatever the configuration says. */
function validated(token: TokenFacts, validations: KeySettings['validations']): TokenFacts {
  if (token.identity === undefined) return token;
  const standing = moduleStanding(token.identity, validations[token.role]);
  return standing.validated ? { ...token, validation: standing.text } : token;
}

/** The other tokens, as they were when their newest key was made. */
function tokensOf(keys: readonly KeyRecord[]): readonly TokenFacts[] {
  return (['root', 'responder'] as const).flatMap((role) => {
    const newest = keys.findLast(({ tokenRole }) => tokenRole === role);
    return newest === undefined ? [] : [{ role, identity: newest.token }];
  });
}

async function principalFacts(
  { principals }: Transaction,
  tenant: string,
): Promise<readonly PrincipalFacts[]> {
  const credentials = await principals.listCredentials(tenant);
  return (await principals.list(tenant)).map((one) => ({
    name: one.name,
    role: one.role,
    createdAt: one.createdAt,
    createdBy: one.createdBy,
    disabledAt: one.disabledAt,
    credentials: credentials
      .filter(({ principalId }) => principalId === one.id)
      .map(({ id, createdAt, notAfter, revokedAt }) => ({ id, createdAt, notAfter, revokedAt })),
  }));
}

async function auditFacts({ audit }: Transaction, tenant: string): Promise<ReportFacts['audit']> {
  const records = await audit.newest(tenant, mostAuditRecords);
  return {
    looked: records.length,
    newest: records[0]?.at,
    disagreeing: records.filter((record) => !isWhole(record)).map(({ id }) => String(id)),
  };
}

async function certificateFacts(
  { inventory }: Transaction,
  tenant: string,
  now: Date,
): Promise<ReportFacts['certificates']> {
  const found = await inventory.search({
    tenant,
    now,
    issuanceState: 'issued',
    limit: mostCertificates,
  });
  const issued = found.items.filter(
    ({ origin, type, purgedAt }) => origin === 'issued' && type !== 'ca' && purgedAt === undefined,
  );
  const reference = (one: (typeof issued)[number]): string => `${one.issuerId}/${one.serialNumber}`;
  return {
    looked: issued.length,
    newest: issued[0]?.requestedAt,
    withoutProof: issued
      .filter(
        ({ requested, granted }) => !provesPossession(requested) && !provesPossession(granted),
      )
      .map(reference),
    shortSerialNumbers: issued
      .filter(({ serialNumber }) => serialNumber.length <= 14)
      .map(reference),
  };
}

function provesPossession(fields: Readonly<Record<string, unknown>>): boolean {
  const { proofOfPossession } = fields;
  return typeof proofOfPossession === 'string' && proofOfPossession !== '';
}
