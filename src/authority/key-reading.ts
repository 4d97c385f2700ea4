import type { KeyId, Principal } from '../domain/index.ts';
import {
  type KeyCustodian,
  type KeyDistribution,
  type KeyRecord,
  type KeyStrength,
  type KeyUsageCount,
  type KeyWarning,
  type ModuleStanding,
  moduleStanding,
  type StoredKeyTransition,
  strengthOf,
} from '../keys/index.ts';
import { act } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import { keySettings } from './dependencies.ts';
import { spkiHash } from './issuance-core.ts';
import { type KeyAccess, keyAccess } from './key-access.ts';
import { findKey } from './key-lookup.ts';
import type { KeyWarnings } from './key-warnings.ts';
import type { CertificateRecord, EvidenceRecord, IssuerRecord, Transaction } from './ports.ts';

/** A key in a list. */
export interface KeySummary {
  readonly record: KeyRecord;
  /** Over all nodes, as far as they have reported. */
  readonly signatures: number;
  readonly issuer?: IssuerRecord | undefined;
  readonly warnings: readonly KeyWarning[];
}

/** All that SP 800-57 Part 1 §6.2.3 asks to be known of a key. */
export interface KeyDetails extends KeySummary {
  readonly strength: KeyStrength;
  readonly module: ModuleStanding;
  readonly spkiHash: string;
  readonly usage: readonly KeyUsageCount[];
  readonly transitions: readonly StoredKeyTransition[];
  /** Those who hold it now. */
  readonly custodians: readonly KeyCustodian[];
  readonly distributions: readonly KeyDistribution[];
  /** By its public key's hash. */
  readonly certificates: readonly CertificateRecord[];
  readonly versions: readonly Pick<KeyRecord, 'keyId' | 'version' | 'privateState'>[];
  /** Of an issuer: when the last of its CRLs that are out expires first. */
  readonly crlsUntil?: Date | undefined;
  readonly evidence: readonly EvidenceRecord[];
}

const certificatesShown = 100;
const evidenceShown = 50;

export function keyReadingUseCases(context: AuthorityContext, keyWarnings: KeyWarnings) {
  const { dependencies } = context;
  const { unitOfWork, clock, tenant } = dependencies;
  const reading = async <T>(
    principal: Principal,
    name: string,
    object: string,
    work: (transaction: Transaction) => Promise<T>,
  ): Promise<T> =>
    act(dependencies, principal, 'keys:read', { act: `key.${name}`, object }, async () =>
      unitOfWork.read(work),
    );

  const detailsOf = async (transaction: Transaction, record: KeyRecord): Promise<KeyDetails> => {
    const { keyId } = record;
    const all = await transaction.keys.list(tenant);
    const usage = (await transaction.keys.usage(tenant)).filter((count) => count.keyId === keyId);
    const hash = spkiHash(record.subjectPublicKeyInfo);
    const custodians = await transaction.keys.custodians(tenant);
    const issuer = (await transaction.issuers.list(tenant)).find((one) => one.keyId === keyId);
    const settings = keySettings(dependencies);
    return {
      ...{ record, usage, issuer, spkiHash: hash },
      signatures: total(usage, keyId),
      warnings: keyWarnings.of(keyId),
      strength: strengthOf(record.keyAlgorithm, record.algorithm),
      module: moduleStanding(record.token, settings.validations[record.tokenRole]),
      transitions: await transaction.keys.transitions(tenant, keyId),
      custodians: custodians.filter(
        (one) =>
          one.until === undefined &&
          one.tokenRole === record.tokenRole &&
          (one.keyId === undefined || one.keyId === keyId),
      ),
      distributions: await transaction.keys.distributions(tenant, keyId),
      certificates: await transaction.inventory.findBySpkiHash(tenant, hash, certificatesShown),
      versions: all
        .filter((one) => one.record === record.record)
        .toSorted((a, b) => a.version - b.version)
        .map(({ keyId: id, version, privateState }) => ({ keyId: id, version, privateState })),
      crlsUntil:
        issuer === undefined
          ? undefined
          : crlsUntil(await transaction.crls.shardStates(tenant, issuer.issuerId)),
      evidence: await transaction.evidence.list(tenant, { subject: keyId, limit: evidenceShown }),
    };
  };

  return {
    listKeys: async (principal: Principal): Promise<readonly KeySummary[]> =>
      reading(principal, 'list', 'keys', async (transaction) => {
        const usage = await transaction.keys.usage(tenant);
        const issuers = await transaction.issuers.list(tenant);
        return (await transaction.keys.list(tenant)).map((record) => ({
          record,
          signatures: total(usage, record.keyId),
          issuer: issuers.find(({ keyId }) => keyId === record.keyId),
          warnings: keyWarnings.of(record.keyId),
        }));
      }),

    showKey: async (principal: Principal, key: string): Promise<KeyDetails> =>
      reading(principal, 'read', key, async (transaction) =>
        detailsOf(transaction, await findKey(transaction, tenant, key)),
      ),

    keyHistory: async (
      principal: Principal,
      key: string,
    ): Promise<readonly StoredKeyTransition[]> =>
      reading(principal, 'history', key, async (transaction) => {
        const { keyId } = await findKey(transaction, tenant, key);
        return transaction.keys.transitions(tenant, keyId);
      }),

    /** Who could use it and who could have seen it in the clear, at that time (§9.3). Audited. */
    showKeyAccess: async (
      principal: Principal,
      key: string,
      at: Date = clock.now(),
    ): Promise<{ readonly record: KeyRecord; readonly access: KeyAccess }> =>
      reading(principal, 'access', key, async (transaction) => {
        const record = await findKey(transaction, tenant, key);
        const { validations } = keySettings(dependencies);
        const access = keyAccess(record, at, {
          transitions: await transaction.keys.transitions(tenant, record.keyId),
          custodians: await transaction.keys.custodians(tenant),
          principals: await transaction.principals.list(tenant),
          module: moduleStanding(record.token, validations[record.tokenRole]),
        });
        return { record, access };
      }),

    /** What someone should do about keys, as this node last saw it; from memory. */
    keyWarnings: (): readonly KeyWarning[] => keyWarnings.all(),
  };
}

function total(usage: readonly KeyUsageCount[], keyId: KeyId): number {
  return usage
    .filter((count) => count.keyId === keyId)
    .reduce((sum, { signatures }) => sum + signatures, 0);
}

/** When the first of the newest CRLs expires: from then on nobody can be told of new revocations. */
export function crlsUntil(
  shards: readonly {
    readonly endedAt?: Date | undefined;
    readonly complete?: { readonly nextUpdate: Date } | undefined;
  }[],
): Date | undefined {
  const ends = shards
    .filter(({ endedAt }) => endedAt === undefined)
    .flatMap(({ complete }) => (complete === undefined ? [] : [complete.nextUpdate.getTime()]));
  return ends.length === 0 ? undefined : new Date(Math.min(...ends));
}
