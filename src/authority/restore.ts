import {
  ChanceryError,
  type CrlScope,
  initialStatus,
  nextStatus,
  type Principal,
} from '../domain/index.ts';
import {
  findExtension,
  formatDistinguishedName,
  oids,
  parseIssuingDistributionPoint,
  resolveSignatureAlgorithm,
  verifySignature,
} from '../pkix/index.ts';
import { recordDone } from './acts.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import { abandonment, certificateReference } from './issuance-core.ts';
import { type LoadedIssuer, loadIssuerOf } from './loaded-issuers.ts';
import { sha256 } from './octets.ts';
import type { CertificateRecord, Installation, Transaction } from './ports.ts';
import { aheadOf, type PublishedList, publishedLists } from './published-lists.ts';
import { drawSerialPrefix } from './serial-numbers.ts';

/** What `accept-restore` found and did. */
export interface AcceptedRestore {
  readonly installation: Installation;
  readonly previousPrefix: string;
  /** Certificates whose record or status was taken over from published CRLs. */
  readonly recorded: readonly string[];
}

export interface AcceptRestoreOptions {
  /** Take over what the published CRLs prove and the restored database does not know. */
  readonly recordPublished: boolean;
}

type Entry = ReturnType<PublishedList['list']['entries']> extends Iterable<infer E> ? E : never;

/**
 * After a restore: a new prefix, so that no serial number issued since the backup comes again.
 *
 * Refuses while a published crlNumber, a serial number on a published CRL or its status has no
 * record in the database: what relying parties were told would go back. With `recordPublished` the
 * published CRLs, each verified with its issuer's key, are recorded first: their numbers, the
 * statuses that they show, and the serial numbers that the database does not know, as abandoned
 * (revoked, without the certificate, until the issuer's own end). What no CRL names (certificates
 * issued since the backup and good) can't be known here: OCSP calls them unknown.
 *
 * @throws ChanceryError illegalTransition with the first finding and the way out
 */
export async function acceptRestore(
  dependencies: AuthorityDependencies,
  principal: Principal,
  options: AcceptRestoreOptions,
): Promise<AcceptedRestore> {
  const { unitOfWork, installationFile, random } = dependencies;
  // Drawn before the transaction, which is never held across the token (invariant 10).
  const first = await drawSerialPrefix(random);
  const second = await drawSerialPrefix(random, first);
  const kept = await installationFile.read();
  const accepted = await unitOfWork.run(async (transaction) => {
    const stored = await transaction.installation.find();
    if (stored === undefined) {
      throw new ChanceryError('notFound', {
        message: 'the database has no installation record; run `chancery init` first',
      });
    }
    const recorded: string[] = [];
    for await (const published of publishedLists(dependencies, transaction)) {
      recorded.push(...(await reconcile(dependencies, transaction, principal, published, options)));
    }
    const highest = [stored.generation, kept?.generation ?? 0n].reduce((a, b) => (a > b ? a : b));
    // The prefix that the folder keeps may be newer than the database's: neither comes again.
    const taken = new Set([stored.serialPrefix, kept?.serialPrefix]);
    const serialPrefix = [first, second].find((prefix) => !taken.has(prefix));
    if (serialPrefix === undefined) {
      throw new ChanceryError('tokenUnavailable', {
        message: 'the random generator repeats itself; it is defective',
      });
    }
    const installation: Installation = { id: stored.id, serialPrefix, generation: highest + 1n };
    await transaction.installation.update(installation);
    await recordDone(dependencies, transaction, principal, {
      act: 'database.acceptRestore',
      object: installation.id,
      details: { previousPrefix: stored.serialPrefix, serialPrefix, recorded: recorded.length },
    });
    return { installation, previousPrefix: stored.serialPrefix, recorded };
  });
  await installationFile.write(accepted.installation);
  return accepted;
}

/** Compares one published CRL with the database; records what is missing, or refuses. */
async function reconcile(
  dependencies: AuthorityDependencies,
  transaction: Transaction,
  principal: Principal,
  published: PublishedList,
  { recordPublished }: AcceptRestoreOptions,
): Promise<readonly string[]> {
  const { issuer, list } = published;
  const ahead = await aheadOf(dependencies, transaction, published);
  const behind: { readonly entry: Entry; readonly record: CertificateRecord | undefined }[] = [];
  for (const entry of list.entries()) {
    // What was released since the backup stays on hold here: the safe side, and an operator's to decide.
    if (entry.reasonCode === 'removeFromCRL') {
      continue;
    }
    const record = await transaction.inventory.find(
      issuer.tenant,
      issuer.issuerId,
      entry.serialNumber,
    );
    if (record === undefined || isBehind(record, entry)) {
      behind.push({ entry, record });
    }
  }
  if (ahead === undefined && behind.length === 0) {
    return [];
  }
  if (!recordPublished) {
    const first = behind[0]?.entry.serialNumber;
    throw new ChanceryError('illegalTransition', {
      message: `accept-restore is refused: ${[
        ahead,
        first === undefined
          ? undefined
          : `the published CRL of ${issuer.name} names ${behind.length} serial numbers that the database does not know or knows better of (first: ${first})`,
      ]
        .filter((reason) => reason !== undefined)
        .join(
          '; ',
        )}. Restore a newer backup, or record what the published CRLs prove with \`chancery database accept-restore --record-published\``,
      clause: 'RFC 5280 §5.2.3',
    });
  }
  const loaded = await loadIssuerOf(transaction, issuer);
  refuseForged(loaded, list);
  for (const { entry, record } of behind) {
    await recordEntry(dependencies, transaction, principal, loaded, published, entry, record);
  }
  await recordList(dependencies, transaction, published);
  return behind.map(({ entry }) =>
    certificateReference({ issuerId: issuer.issuerId, serialNumber: entry.serialNumber }),
  );
}

function isBehind({ status }: CertificateRecord, { reasonCode }: Entry): boolean {
  return reasonCode === 'certificateHold' ? status.status === 'good' : status.status !== 'revoked';
}

/** The folder is no authority by itself: only what the issuer's key signed is taken over. */
function refuseForged({ record, signing }: LoadedIssuer, list: PublishedList['list']): void {
  const algorithm = resolveSignatureAlgorithm(list.signatureAlgorithm);
  if (
    algorithm === undefined ||
    !verifySignature(algorithm, signing.publicKey, list.tbsDer, list.signature)
  ) {
    throw new ChanceryError('illegalTransition', {
      message: `the published CRL of ${record.name} does not verify with its issuer's key, so nothing is taken over from it; move it out of the published folder and find out who put it there`,
    });
  }
}

async function recordEntry(
  dependencies: AuthorityDependencies,
  transaction: Transaction,
  principal: Principal,
  issuer: LoadedIssuer,
  { shard, list }: PublishedList,
  entry: Entry,
  known: CertificateRecord | undefined,
): Promise<void> {
  const { tenant, issuerId } = issuer.record;
  const { serialNumber } = entry;
  const now = dependencies.clock.now();
  const comment = 'recorded from the published CRL after a restore';
  const hold = entry.reasonCode === 'certificateHold';
  if (known === undefined || known.issuanceState === 'prepared') {
    if (known === undefined) {
      const at = { shard, scope: scopeOfList(list) };
      await transaction.inventory.insertPrepared(
        unknownCertificate(issuer, entry, at, principal, now),
      );
    }
    const change = {
      ...abandonment(principal.name, now, comment),
      // An abandoned row can only be revoked, also when its last known status was a hold.
      reasonCode: hold ? ('unspecified' as const) : (entry.reasonCode ?? 'unspecified'),
      invalidityDate: entry.invalidityDate,
      effectiveAt: entry.revocationDate,
    };
    const state = nextStatus(initialStatus, change);
    await transaction.inventory.markAbandoned(tenant, issuerId, serialNumber, state, change);
  } else {
    const change = {
      act: hold ? ('hold' as const) : ('revoke' as const),
      reasonCode: entry.reasonCode ?? ('unspecified' as const),
      ...(hold ? { cause: 'other' as const } : {}),
      invalidityDate: entry.invalidityDate,
      comment,
      requestedAt: now,
      requestedBy: principal.name,
      effectiveAt: entry.revocationDate,
    };
    const state = nextStatus(known.status, change);
    await transaction.inventory.changeStatus(tenant, issuerId, serialNumber, state, change);
  }
  await recordDone(dependencies, transaction, principal, {
    act: 'certificate.recordPublished',
    object: certificateReference({ issuerId, serialNumber }),
    details: {
      known: known !== undefined,
      reasonCode: entry.reasonCode,
      revocationDate: entry.revocationDate,
    },
  });
}

/** All that is known of it is its serial number; it stays listed until its issuer's end. */
function unknownCertificate(
  issuer: LoadedIssuer,
  { serialNumber }: Entry,
  { shard, scope }: { readonly shard: number; readonly scope: CrlScope },
  principal: Principal,
  now: Date,
): CertificateRecord {
  const validity = issuer.signing.certificate?.validity;
  return {
    tenant: issuer.record.tenant,
    issuerId: issuer.record.issuerId,
    serialNumber,
    origin: 'issued',
    issuanceState: 'prepared',
    status: initialStatus,
    type: scope === 'ca' ? 'ca' : 'endEntity',
    tbsCertificate: new Uint8Array(),
    profileName: 'unknown',
    profileHash: '',
    subject: `CN=unknown (issued by ${formatDistinguishedName(issuer.input.subject).slice(0, 200)} before a restore)`,
    names: [],
    spkiHash: sha256(`no key is known for ${serialNumber}`),
    keyAlgorithm: 'unknown',
    signatureAlgorithm: issuer.signing.signatureAlgorithm.oid,
    policies: [],
    notBefore: validity?.notBefore ?? now,
    notAfter: validity?.notAfter ?? now,
    requestedAt: now,
    requestedBy: principal.name,
    owner: principal.name,
    tags: ['restored'],
    retentionClass: 'standard',
    shard,
    requested: {},
    granted: {},
  };
}

/** The scope that a CRL says it has (RFC 5280 §5.2.5): a shard that the database has forgotten is opened with it. */
function scopeOfList(list: PublishedList['list']): CrlScope {
  const extension = findExtension(list.extensions, oids.issuingDistributionPoint);
  const point = extension && parseIssuingDistributionPoint(extension.value);
  if (point?.onlyContainsCACerts === true) {
    return 'ca';
  }
  return point?.onlyContainsUserCerts === true ? 'endEntity' : 'all';
}

async function recordList(
  { clock, tenant }: AuthorityDependencies,
  transaction: Transaction,
  { issuer: { issuerId }, shard, kind, list }: PublishedList,
): Promise<void> {
  let entries = 0;
  for (const _ of list.entries()) {
    entries += 1;
  }
  const scope = scopeOfList(list);
  await transaction.crls.openShard({ tenant, issuerId, shard, scope, openedAt: list.thisUpdate });
  await transaction.crls.recordPublished({
    tenant,
    issuerId,
    shard,
    kind,
    crlNumber: list.crlNumber ?? 0n,
    baseCrlNumber: list.baseCrlNumber,
    thisUpdate: list.thisUpdate,
    nextUpdate: list.nextUpdate ?? list.thisUpdate,
    publishedAt: clock.now(),
    sha256: sha256(list.der),
    size: list.der.length,
    entries,
    // Of an epoch of the feed that is gone, and without a snapshot: the next CRL is due at once, and
    // no delta builds upon this one.
    coversChange: 0n,
  });
}
