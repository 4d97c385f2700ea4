import { ChanceryError, type IssuerId, type TenantId } from '../domain/index.ts';
import type { SigningIssuer } from '../issuance/index.ts';
import {
  type Certificate,
  importVerificationKey,
  isSelfSigned,
  keyIdentifier,
  parseCertificate,
  parseNameDer,
  parseSubjectPublicKeyInfo,
  type SubjectPublicKeyInfo,
  signatureAlgorithms,
} from '../pkix/index.ts';
import type { IssuerInput } from '../policy/index.ts';
import { type OpenShard, openShardsOf, type Sharding } from './crl-shards.ts';
import type { CrlShardState, IssuerRecord, Transaction, UnitOfWork } from './ports.ts';

/** An issuer with everything parsed and imported once: importing a key costs more than verifying with it. */
export interface LoadedIssuer {
  readonly record: IssuerRecord;
  readonly signing: SigningIssuer;
  readonly subjectPublicKeyInfo: SubjectPublicKeyInfo;
  /** Its certificate, then those above it, root last; empty while pending. */
  readonly chain: readonly Certificate[];
  readonly input: IssuerInput;
  /** Which shards its new certificates get. */
  readonly sharding: Sharding;
  /** Its key is compromised and signs nothing more; who issues instead, where that was decided. */
  readonly compromise?: IssuerCompromise | undefined;
}

export interface IssuerCompromise {
  readonly reissueBy?: IssuerId | undefined;
}

/** Every issuer begins with it. */
const firstShard: readonly OpenShard[] = [{ shard: 0, scope: 'all' }];

/**
 * When an issuer that was followed by another makes way for it. `named`: once it retires; whoever names
 * one that still issues gets it. `default`: as soon as its successor issues, for what names no issuer
 * in the request itself.
 */
export type Following = 'named' | 'default';

/** Issuers by id and name, read once and kept; a change of an issuer drops it from memory. */
export interface LoadedIssuers {
  /** @throws ChanceryError notFound */
  byNameOrId(nameOrId: string): Promise<LoadedIssuer>;
  /**
   * The issuer named, or the default for issuance, or who followed it.
   *
   * @throws ChanceryError notFound, illegalTransition
   */
  forIssuance(nameOrId: string | undefined, following?: Following): Promise<LoadedIssuer>;
  all(): Promise<readonly LoadedIssuer[]>;
  forget(): void;
  /** Forgets when another node has made or activated one since. */
  refresh(): Promise<void>;
}

export function loadedIssuers(
  unitOfWork: UnitOfWork,
  tenant: TenantId,
  defaultIssuer: string | undefined,
): LoadedIssuers {
  let loading: Promise<readonly LoadedIssuer[]> | undefined;
  const all = (): Promise<readonly LoadedIssuer[]> => {
    if (loading === undefined) {
      const attempt = unitOfWork.read(async (transaction) => {
        const records = await transaction.issuers.list(tenant);
        const states = await transaction.crls.shardStates(tenant);
        const compromised = await transaction.incidents.compromisedIssuers(tenant);
        return Promise.all(
          records.map(async (record) => ({
            ...(await loadIssuerOf(transaction, record, openOf(record, states))),
            compromise: compromised.get(record.issuerId),
          })),
        );
      });
      loading = attempt;
      attempt.catch(() => {
        if (loading === attempt) {
          loading = undefined;
        }
      });
    }
    return loading;
  };
  const find = async (nameOrId: string): Promise<LoadedIssuer | undefined> => {
    const match = (issuers: readonly LoadedIssuer[]): LoadedIssuer | undefined =>
      issuers.find(({ record }) => record.issuerId === nameOrId.toLowerCase()) ??
      issuers.find(({ record }) => record.name === nameOrId);
    const found = match(await all());
    if (found !== undefined) {
      return found;
    }
    // Another node may have made it since.
    loading = undefined;
    return match(await all());
  };
  const byNameOrId = async (nameOrId: string): Promise<LoadedIssuer> => {
    const issuer = await find(nameOrId);
    if (issuer === undefined) {
      const names = (await all()).map(({ record }) => record.name).join(', ');
      throw new ChanceryError('notFound', {
        message: `there is no issuer ${JSON.stringify(nameOrId)}; there are: ${names || 'none yet'}`,
        field: 'issuer',
      });
    }
    return issuer;
  };
  return {
    all,
    byNameOrId,
    forget() {
      loading = undefined;
    },
    async refresh() {
      const known = (await all()).map(({ record, sharding, compromise }) =>
        standingOf(record, sharding.open, compromise),
      );
      const stored = await unitOfWork.read(async (transaction) => {
        const states = await transaction.crls.shardStates(tenant);
        const compromised = await transaction.incidents.compromisedIssuers(tenant);
        return (await transaction.issuers.list(tenant)).map((record) =>
          standingOf(record, openOf(record, states), compromised.get(record.issuerId)),
        );
      });
      if (stored.join() !== known.join()) {
        loading = undefined;
      }
    },
    async forIssuance(nameOrId, following) {
      const named = nameOrId ?? defaultIssuer;
      const first =
        named === undefined ? (await all()).find(mayBeDefault) : await byNameOrId(named);
      const issuer =
        first &&
        successorOf(
          await all(),
          first,
          following ?? (nameOrId === undefined ? 'default' : 'named'),
        );
      if (issuer === undefined) {
        throw new ChanceryError('notFound', {
          message:
            'there is no active issuing CA; make one with `chancery issuer create NAME --parent ROOT --key p256`',
          field: 'issuer',
        });
      }
      requireCertificate(issuer);
      refuseCompromised(issuer);
      return issuer;
    },
  };
}

/** All that changes of an issuer. */
function standingOf(
  { issuerId, state, statusPolicy, standing, successorId, activateAt, closedAt }: IssuerRecord,
  open: readonly OpenShard[],
  compromise: IssuerCompromise | undefined,
): string {
  const rollover = [standing, successorId, activateAt, closedAt];
  return JSON.stringify([issuerId, state, statusPolicy, rollover, open, compromise]);
}

/** @throws ChanceryError illegalTransition while its parent elsewhere has not certified it */
export function requireCertificate({ signing, record: { name } }: LoadedIssuer): Certificate {
  if (signing.certificate === undefined) {
    throw new ChanceryError('illegalTransition', {
      message: `issuer ${name} waits for its chain; run \`chancery issuer install ${name} --chain FILE\` first`,
      field: 'issuer',
    });
  }
  return signing.certificate;
}

/** Whether CRLs are due of it: a compromised key signs none, and nobody would believe them. */
export function publishesCrls({ record, compromise }: LoadedIssuer): boolean {
  return record.state === 'active' && record.standing !== 'prepared' && compromise === undefined;
}

/** @throws ChanceryError certificateRevoked when its key is compromised */
export function refuseCompromised({
  compromise,
  record: { name },
}: Pick<LoadedIssuer, 'compromise'> & { readonly record: Pick<IssuerRecord, 'name'> }): void {
  if (compromise !== undefined) {
    throw new ChanceryError('certificateRevoked', {
      message: `the key of issuer ${name} is compromised: it signs nothing any more; name another issuer`,
      field: 'issuer',
      clause: 'SP 800-57 Part 1 §7.5',
    });
  }
}

function mayBeDefault({ record, compromise }: LoadedIssuer): boolean {
  return (
    record.kind !== 'root' &&
    record.state === 'active' &&
    record.standing === 'issuing' &&
    (compromise === undefined || compromise.reissueBy !== undefined)
  );
}

/** Along the successors; the first itself when nobody follows it yet. */
function successorOf(
  all: readonly LoadedIssuer[],
  first: LoadedIssuer,
  following: Following,
): LoadedIssuer {
  let current = first;
  for (let steps = 0; steps < all.length; steps += 1) {
    const { standing, successorId } = current.record;
    const { compromise } = current;
    const nextId = compromise?.reissueBy ?? successorId;
    const next = all.find(({ record }) => record.issuerId === nextId);
    const makesWay =
      following === 'default' ||
      standing === 'retiring' ||
      standing === 'retired' ||
      compromise !== undefined;
    if (next === undefined || next.record.standing === 'prepared' || !makesWay) {
      return current;
    }
    current = next;
  }
  return current;
}

function openOf(
  { issuerId }: IssuerRecord,
  states: readonly CrlShardState[],
): readonly OpenShard[] {
  return openShardsOf(states.filter((shard) => shard.issuerId === issuerId));
}

/** An issuer's record with its key's, parsed. @throws ChanceryError internal without a key record */
export async function loadIssuerOf(
  transaction: Transaction,
  record: IssuerRecord,
  open: readonly OpenShard[] = firstShard,
): Promise<LoadedIssuer> {
  const key = await transaction.keys.find(record.tenant, record.keyId);
  if (key === undefined) {
    throw new ChanceryError('internal', { message: `issuer ${record.name} has no key record` });
  }
  return loadIssuer(record, parseSubjectPublicKeyInfo(key.subjectPublicKeyInfo), open);
}

/** Parses and imports all that an issuer's record holds. */
export function loadIssuer(
  record: IssuerRecord,
  spki: SubjectPublicKeyInfo,
  open: readonly OpenShard[] = firstShard,
): LoadedIssuer {
  const certificate =
    record.certificate === undefined ? undefined : parseCertificate(record.certificate);
  const chain =
    certificate === undefined
      ? []
      : [certificate, ...record.chain.map((der) => parseCertificate(der))];
  const signatureAlgorithm = signatureAlgorithms[record.signatureAlgorithm];
  const signing: SigningIssuer = {
    issuerId: record.issuerId satisfies IssuerId,
    certificate,
    keyId: record.keyId,
    signatureAlgorithm,
    publicKey: importVerificationKey(spki),
  };
  return {
    record,
    signing,
    subjectPublicKeyInfo: spki,
    chain,
    sharding: { scopes: record.statusPolicy.crl.scopes, open },
    input: {
      issuerId: record.issuerId,
      certificate,
      chain,
      signatureAlgorithm,
      urls: record.urls,
      subject: certificate?.subject ?? parseNameDer(record.subject),
      subjectKeyIdentifier: keyIdentifier(spki),
    },
  };
}

/** The issuers' certificates above a leaf, without the root (a self-signed certificate ends the chain). */
export function chainWithoutRoot(issuer: LoadedIssuer): readonly Uint8Array[] {
  return issuer.chain.filter((certificate) => !isSelfSigned(certificate)).map(({ der }) => der);
}
