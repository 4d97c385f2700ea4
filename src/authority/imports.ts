import {
  isChanceryError,
  nextStatus,
  type Principal,
  type ReasonCode,
  type StatusChange,
} from '../domain/index.ts';
import { act, recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import { shardOfExisting } from './crl-shards.ts';
import { type ImportIssuer, type ImportIssuerChoice, importIssuers } from './import-issuers.ts';
import { type ImportedCertificate, readImportedCertificate } from './imported-certificate.ts';
import { certificateReference } from './issuance-core.ts';
import type { CertificateRecord, ForeignIssuerRecord, Transaction } from './ports.ts';
import { isCompromise } from './status-acts.ts';

/** One certificate to be taken over, by its bytes or by its serial number alone. */
export interface ImportEntry {
  /** File or line, for the report and the history. */
  readonly reference: string;
  /** DER. */
  readonly certificate?: Uint8Array | undefined;
  /** Without bytes: what an index of the CA says of it. */
  readonly known?:
    | { readonly serialNumber: string; readonly subject: string; readonly notAfter: Date }
    | undefined;
  /** What its CA said of it: revoked, or on hold (reasonCode certificateHold). */
  readonly revocation?:
    | {
        readonly at: Date;
        readonly reasonCode: ReasonCode;
        readonly invalidityDate?: Date | undefined;
      }
    | undefined;
}

export interface ImportRequest extends ImportIssuerChoice {
  readonly owner?: string | undefined;
  readonly tags: readonly string[];
  readonly dryRun: boolean;
  readonly entries: readonly ImportEntry[];
}

export interface ImportResult {
  readonly reference: string;
  /** `updated`: was there, and is revoked or on hold now as its CA says. */
  readonly outcome: 'imported' | 'updated' | 'known' | 'refused';
  readonly issuerId?: string | undefined;
  readonly serialNumber?: string | undefined;
  /** Why it was refused. */
  readonly reason?: string | undefined;
  /** Which rule it breaks although it can be read. */
  readonly lenient?: string | undefined;
}

/** An entry that may go in, before the inventory was asked. */
interface Draft {
  readonly entry: ImportEntry;
  readonly issuer: ImportIssuer;
  readonly record: CertificateRecord;
  readonly lenient?: string | undefined;
}

type CommonColumns = Omit<
  CertificateRecord,
  keyof ImportedCertificate['columns'] | 'issuerId' | 'shard' | 'requested' | 'certificate'
>;

class Refusal extends Error {}

/** Taking over certificates that another CA, or an issuer of ours elsewhere, made. */
export function importUseCases(context: AuthorityContext) {
  const { dependencies } = context;
  const { unitOfWork, clock } = dependencies;
  return {
    /** CAs elsewhere whose certificates stand in the inventory. */
    async listForeignIssuers(principal: Principal): Promise<readonly ForeignIssuerRecord[]> {
      const described = { act: 'issuer.listForeign', object: 'issuers' };
      return act(dependencies, principal, 'issuers:read', described, async () =>
        unitOfWork.read(async (transaction) => transaction.foreignIssuers.list(principal.tenant)),
      );
    },

    /**
     * Takes a batch over in one transaction; what is there already stays. Safe to run again.
     *
     * @throws ChanceryError notFound, malformed, invalidArgument when the issuer named can't be used
     */
    async importCertificates(
      principal: Principal,
      request: ImportRequest,
    ): Promise<readonly ImportResult[]> {
      const described = {
        act: 'certificates.import',
        object: request.issuer ?? 'certificates',
        details: { entries: request.entries.length },
      };
      return act(dependencies, principal, 'certificates:import', described, async () => {
        const issuers = await importIssuers(context, principal, request);
        const now = clock.now();
        const drafts = request.entries.map((entry) =>
          draftOf(entry, issuers, principal, request, now),
        );
        const work = async (transaction: Transaction): Promise<readonly ImportResult[]> => {
          const results: ImportResult[] = [];
          for (const draft of drafts) {
            results.push(
              'record' in draft
                ? await takeOver(transaction, principal, draft, request.dryRun)
                : draft,
            );
          }
          return results;
        };
        const results = await (request.dryRun ? unitOfWork.read(work) : unitOfWork.run(work));
        if (!request.dryRun) requestCrls(context, drafts);
        return results;
      });
    },
  };

  async function takeOver(
    transaction: Transaction,
    principal: Principal,
    draft: Draft,
    dryRun: boolean,
  ): Promise<ImportResult> {
    const { entry, issuer, record, lenient } = draft;
    const { reference } = entry;
    const { tenant, issuerId, serialNumber } = record;
    const result = { reference, issuerId, serialNumber, lenient };
    const { inventory } = transaction;
    const change = changeOf(entry, principal, clock.now());
    const found = dryRun
      ? await inventory.find(tenant, issuerId, serialNumber)
      : await inventory.findForUpdate(tenant, issuerId, serialNumber);
    if (found === undefined) {
      if (dryRun) return { ...result, outcome: 'imported' };
      if (issuer.foreign !== undefined) await transaction.foreignIssuers.insert(issuer.foreign);
      if (await inventory.insertImported(record)) {
        await recordDone(dependencies, transaction, principal, {
          act: 'certificate.import',
          object: certificateReference(record),
          details: {
            reference,
            subject: record.subject,
            ...(lenient === undefined ? {} : { lenient }),
          },
        });
        if (change !== undefined) await apply(transaction, principal, record, change);
        return { ...result, outcome: 'imported' };
      }
      // Another node was faster by a moment.
      return { ...result, outcome: 'known' };
    }
    const { certificate } = found;
    const differs =
      certificate !== undefined &&
      record.certificate !== undefined &&
      Buffer.compare(certificate, record.certificate) !== 0;
    if (differs) {
      const reason = 'another certificate of this issuer has its serial number (RFC 5280 §4.1.2.2)';
      return { ...result, outcome: 'refused', reason };
    }
    const worse =
      change !== undefined &&
      found.origin === 'imported' &&
      (found.status.status === 'good' ||
        (found.status.status === 'onHold' && change.act === 'revoke'));
    if (!worse) return { ...result, outcome: 'known' };
    if (!dryRun) await apply(transaction, principal, found, change);
    return { ...result, outcome: 'updated' };
  }

  async function apply(
    transaction: Transaction,
    principal: Principal,
    record: CertificateRecord,
    change: StatusChange,
  ): Promise<void> {
    const { tenant, issuerId, serialNumber, spkiHash } = record;
    const status = nextStatus(record.status, change);
    if (isCompromise(change) && spkiHash !== '') {
      const { reasonCode, effectiveAt } = change;
      await transaction.inventory.blockKey(
        tenant,
        spkiHash,
        reasonCode,
        effectiveAt,
        principal.name,
      );
    }
    await transaction.inventory.changeStatus(tenant, issuerId, serialNumber, status, change);
    await recordDone(dependencies, transaction, principal, {
      act: `certificate.${change.act}`,
      object: certificateReference(record),
      details: {
        reasonCode: change.reasonCode,
        effectiveAt: change.effectiveAt.toISOString(),
        comment: change.comment,
        statusBefore: record.status.status,
        statusAfter: status.status,
      },
    });
  }
}

function draftOf(
  entry: ImportEntry,
  issuers: readonly ImportIssuer[],
  principal: Principal,
  request: ImportRequest,
  now: Date,
): Draft | ImportResult {
  try {
    if (entry.revocation !== undefined && entry.revocation.at > now) {
      throw new Refusal(`its revocation lies in the future (${entry.revocation.at.toISOString()})`);
    }
    const base = {
      tenant: principal.tenant,
      origin: 'imported',
      issuanceState: 'issued',
      status: { status: 'good' },
      profileName: 'imported',
      profileHash: '',
      requestedAt: now,
      requestedBy: principal.name,
      owner: request.owner ?? principal.name,
      tags: request.tags,
      retentionClass: 'standard',
      granted: {},
    } as const;
    if (entry.certificate === undefined) {
      return { entry, ...bySerialNumber(entry, issuers, base, now) };
    }
    const read = readImportedCertificate(entry.certificate);
    const issuer = issuerOf(read, issuers);
    if (read.columns.notAfter < read.columns.notBefore) {
      throw new Refusal('its notAfter comes before its notBefore');
    }
    if (/[\0\p{Cs}]/u.test([read.columns.subject, ...read.columns.names].join())) {
      throw new Refusal('its names hold a NUL or half a character, which no database keeps');
    }
    const { lenient } = read;
    const requested = { import: entry.reference, ...(lenient === undefined ? {} : { lenient }) };
    const { issuerId } = issuer;
    const certificate = read.der;
    const shard = shardOf(issuer, { ...read.columns, crlUrls: read.crlUrls });
    const record = { ...base, ...read.columns, issuerId, shard, requested, certificate };
    return { entry, issuer, record, lenient };
  } catch (error) {
    const reason = error instanceof Refusal || isChanceryError(error) ? error.message : undefined;
    if (reason === undefined) throw error;
    return { reference: entry.reference, outcome: 'refused', reason };
  }
}

/** A certificate of which only an index tells: enough for status, and nothing else is known. */
function bySerialNumber(
  { reference, known }: ImportEntry,
  issuers: readonly ImportIssuer[],
  base: CommonColumns,
  now: Date,
): Pick<Draft, 'issuer' | 'record'> {
  const [issuer, second] = issuers;
  if (known === undefined) throw new Refusal('it has neither a certificate nor a serial number');
  if (issuer === undefined || second !== undefined) {
    throw new Refusal(
      'an index tells no issuer: name it with --issuer NAME or --issuer-certificate FILE',
    );
  }
  const serialNumber = known.serialNumber.toLowerCase().replace(/^0+/, '');
  if (!/^[1-9a-f][0-9a-f]{0,39}$/.test(serialNumber)) {
    throw new Refusal(`${JSON.stringify(known.serialNumber)} is no serial number`);
  }
  const { notAfter, subject } = known;
  const type = 'endEntity';
  const record: CertificateRecord = {
    ...base,
    issuerId: issuer.issuerId,
    serialNumber,
    shard: shardOf(issuer, { serialNumber, type, crlUrls: [] }),
    type,
    tbsCertificate: new Uint8Array(),
    subject,
    names: [],
    spkiHash: '',
    keyAlgorithm: '',
    signatureAlgorithm: '',
    policies: [],
    // Not known; the column wants one that is not after notAfter.
    notBefore: now < notAfter ? now : notAfter,
    notAfter,
    requested: { import: reference, serialNumberOnly: true },
  };
  return { issuer, record };
}

/** Of an issuer of ours one that is published and takes it; a CA elsewhere has one number for all. */
function shardOf(
  { name, shards }: ImportIssuer,
  certificate: Parameters<typeof shardOfExisting>[0],
): number {
  if (shards === undefined) return 0;
  const shard = shardOfExisting(certificate, shards.urls, shards.sharding);
  if (shard !== undefined) return shard;
  throw new Refusal(
    `issuer ${name} has no open CRL shard that speaks of it; raise the number with \`chancery issuer policy ${name} --crl-shards N\``,
  );
}

/** The issuer by name and key, whatever the certificate says of itself. */
function issuerOf({ x509 }: ImportedCertificate, issuers: readonly ImportIssuer[]): ImportIssuer {
  const named = issuers.filter((issuer) => x509.checkIssued(issuer.x509));
  const issuer = named.find((candidate) => x509.verify(candidate.x509.publicKey));
  if (issuer !== undefined) return issuer;
  throw new Refusal(
    named.length > 0
      ? 'its signature does not verify with the key of its issuer'
      : `its issuer (${x509.issuer.replaceAll('\n', ', ').slice(0, 200)}) is none of those asked for; give the CA's certificate with --issuer-certificate FILE`,
  );
}

function changeOf(
  { reference, revocation }: ImportEntry,
  principal: Principal,
  now: Date,
): StatusChange | undefined {
  if (revocation === undefined) return undefined;
  const { at, reasonCode, invalidityDate } = revocation;
  const common = {
    comment: `imported from ${reference}`,
    invalidityDate,
    requestedAt: now,
    requestedBy: principal.name,
    effectiveAt: at,
  };
  return reasonCode === 'certificateHold'
    ? { act: 'hold', reasonCode, cause: 'other', ...common }
    : { act: 'revoke', reasonCode, ...common };
}

/** New entries on the CRLs of issuers of ours; others publish theirs themselves. */
function requestCrls(
  { crls, standing }: AuthorityContext,
  drafts: readonly (Draft | ImportResult)[],
): void {
  const revoked = drafts.flatMap((draft) =>
    'record' in draft && draft.entry.revocation !== undefined ? [draft] : [],
  );
  if (revoked.some(({ record }) => record.type === 'ca')) standing.forget();
  const own = revoked.filter(({ issuer }) => issuer.foreign === undefined);
  for (const issuerId of new Set(own.map(({ issuer }) => issuer.issuerId))) crls.request(issuerId);
}
