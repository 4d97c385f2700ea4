import { ChanceryError, type Principal } from '../domain/index.ts';
import type { KeyChange, KeyDistribution, KeyRecord } from '../keys/index.ts';
import { type KeyAlgorithmName, keyAlgorithmOf } from '../pkix/index.ts';
import type { CaParameters } from '../policy/index.ts';
import { act, recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import type { PublishedCross } from './cross-certification.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import { profileNamed } from './issuer-parameters.ts';
import type { IssuerPolicyUseCases } from './issuer-policy.ts';
import type { CreateIssuerRequest, IssuerUseCases } from './issuers.ts';
import { mayActivateFrom, requireDistributed } from './key-distribution.ts';
import { type LoadedIssuer, requireCertificate } from './loaded-issuers.ts';
import type { IssuerRecord } from './ports.ts';
import { crossUrl } from './published-paths.ts';
import { type RolloverActivation, requirePrepared } from './rollover-activation.ts';
import { said, successorParameters } from './rollover-parameters.ts';

/** Who decided, and why: kept with the key's transitions and in the audit log. */
type Reason = Pick<KeyChange, 'reason' | 'approvals'>;

/** The next issuer. What is not said is as the issuer has it. */
export interface PrepareRequest extends Reason, CaParameters {
  readonly name: string;
  readonly keyAlgorithm?: KeyAlgorithmName | undefined;
  readonly signature?: 'pkcs1' | 'pss' | undefined;
  /** The new key under the same subject name: relying parties tell the two by key identifiers. */
  readonly sameName?: boolean | undefined;
  /** RFC 4514; default CN=NAME. */
  readonly subject?: string | undefined;
}

export interface RolloverStatus {
  readonly issuer: IssuerRecord;
  readonly predecessor?: IssuerRecord | undefined;
  readonly successor?: IssuerRecord | undefined;
  readonly key: KeyRecord;
  readonly distributions: readonly KeyDistribution[];
  /** Of a prepared issuer; undefined while its key is not distributed. */
  readonly mayActivateFrom?: Date | undefined;
  readonly crossCertificates: readonly PublishedCross[];
}

/** One issuer follows another: prepared, distributed, activated at a date; then the old one retires. */
export function rolloverUseCases(
  context: AuthorityContext,
  activation: RolloverActivation,
  {
    createIssuer,
    changeStatusPolicy,
  }: Pick<IssuerUseCases, 'createIssuer'> & Pick<IssuerPolicyUseCases, 'changeStatusPolicy'>,
) {
  const { dependencies, issuers, standing } = context;
  const { unitOfWork, clock, tenant } = dependencies;

  /** Names the one that follows; one that was named before is another's place. */
  const noteSuccessor = async (
    principal: Principal,
    old: IssuerRecord,
    made: IssuerRecord,
    reason: Reason,
  ): Promise<void> => {
    await unitOfWork.run(async (transaction) => {
      const record = await transaction.issuers.findForUpdate(tenant, old.issuerId);
      if (record?.successorId === made.issuerId) {
        return;
      }
      await transaction.issuers.advance(tenant, old.issuerId, 'issuing', {
        successorId: made.issuerId,
      });
      await recordDone(dependencies, transaction, principal, {
        act: 'issuer.rollover.prepare',
        object: old.issuerId,
        details: { successor: made.issuerId, name: made.name, ...reason },
      });
    });
    issuers.forget();
  };

  /** Whether the successor that was prepared will never issue: its key is destroyed or compromised. */
  const isGivenUp = async ({ successorId }: IssuerRecord): Promise<boolean> => {
    const prepared = (await issuers.all()).find(({ record }) => record.issuerId === successorId);
    if (prepared?.record.standing !== 'prepared') {
      return false;
    }
    const key = await unitOfWork.readOne(async ({ keys }) =>
      keys.find(tenant, prepared.record.keyId),
    );
    return key?.privateState === 'destroyed' || key?.privateState === 'compromised';
  };

  /** Shards, scopes, deltas and what responders answer: relying parties see no difference. */
  const keepStatusPolicy = async (
    principal: Principal,
    old: IssuerRecord,
    made: IssuerRecord,
  ): Promise<void> => {
    const { crl, ocsp } = old.statusPolicy;
    await changeStatusPolicy(principal, made.issuerId, {
      crl: { ...crl, deltaSeconds: crl.deltaSeconds ?? null },
      ocsp: { ...ocsp, archiveCutoffSeconds: ocsp.archiveCutoffSeconds ?? null },
    });
  };

  /** Under the parent that the old one has, or whoever follows that one already. */
  const underParent = async (
    { record: { kind, parentIssuerId } }: LoadedIssuer,
    request: CreateIssuerRequest,
  ): Promise<CreateIssuerRequest> =>
    kind === 'subordinate' && parentIssuerId !== undefined
      ? {
          ...request,
          parent: (await issuers.forIssuance(parentIssuerId, 'default')).record.issuerId,
        }
      : request;

  return {
    /**
     * Makes the next issuer: its key and certificate, of the same kind under the same parent; it is
     * distributed at once and issues nothing yet. What was cut off goes on when it is asked for again.
     *
     * @throws ChanceryError illegalTransition for an issuer that does not issue or is followed already
     */
    async prepareRollover(
      principal: Principal,
      nameOrId: string,
      request: PrepareRequest,
    ): Promise<IssuerRecord> {
      const { name, reason, approvals } = request;
      const described = { act: 'issuer.rollover.prepare', object: nameOrId, details: { name } };
      return act(dependencies, principal, 'issuers:create', described, async () => {
        issuers.forget();
        const old = await issuers.byNameOrId(nameOrId);
        const all = await issuers.all();
        const existing = all.find(({ record }) => record.name === name)?.record;
        const isOurs = existing?.predecessorId === old.record.issuerId;
        requireUnfollowed(old.record, isOurs ? existing : undefined, await isGivenUp(old.record));
        const made =
          isOurs && existing !== undefined && existing.state === 'active'
            ? existing
            : await createIssuer(
                principal,
                await underParent(old, successorRequest(dependencies, old, request)),
              );
        await keepStatusPolicy(principal, old.record, made);
        await noteSuccessor(principal, old.record, made, { reason, approvals });
        return (await issuers.byNameOrId(made.issuerId)).record;
      });
    },

    /**
     * A prepared issuer begins to issue: now, or at a date, when the schedule does it, late rather
     * than never. Null takes the date back.
     *
     * @returns standing still `prepared` while its first CRL or OCSP delegate is waited for
     * @throws ChanceryError illegalTransition before the key has been distributed long enough
     */
    async activateIssuer(
      principal: Principal,
      nameOrId: string,
      { at, ...reason }: Reason & { readonly at?: Date | null | undefined },
    ): Promise<IssuerRecord> {
      const described = { act: 'issuer.rollover.activate', object: nameOrId, details: { at } };
      return act(dependencies, principal, 'issuers:create', described, async () => {
        issuers.forget();
        const { issuerId } = (await issuers.byNameOrId(nameOrId)).record;
        const now = clock.now();
        await unitOfWork.run(async (transaction) => {
          const record = await transaction.issuers.findForUpdate(tenant, issuerId);
          if (record === undefined) {
            throw new ChanceryError('notFound', { message: `issuer ${issuerId} is gone` });
          }
          requirePrepared(record);
          if (at !== null) {
            await requireDistributed(dependencies, transaction, record, at ?? now);
          }
          await transaction.issuers.advance(tenant, issuerId, 'prepared', {
            activateAt: at === undefined ? now : at,
          });
          await recordDone(dependencies, transaction, principal, {
            ...described,
            object: issuerId,
            details: { activateAt: at === undefined ? now : at, ...reason },
          });
        });
        issuers.forget();
        return at === null || (at !== undefined && at > now)
          ? (await issuers.byNameOrId(issuerId)).record
          : activation.advance(principal, issuerId, reason);
      });
    },

    /**
     * Ends the issuing of an issuer whose successor issues: what names it gets the successor from then
     * on, its key signs CRLs and delegates alone, and its status goes on until its last certificate
     * has expired (SP 800-57 Part 1 §7.2: active, with narrower purposes).
     *
     * @throws ChanceryError illegalTransition without a successor that issues, unless that is wanted
     */
    async retireIssuer(
      principal: Principal,
      nameOrId: string,
      { withoutSuccessor, ...reason }: Reason & { readonly withoutSuccessor?: boolean | undefined },
    ): Promise<IssuerRecord> {
      const described = { act: 'issuer.retire', object: nameOrId, details: reason };
      return act(dependencies, principal, 'issuers:create', described, async () => {
        issuers.forget();
        const { record } = await issuers.byNameOrId(nameOrId);
        const { issuerId, name, successorId } = record;
        const successor = (await issuers.all()).find((one) => one.record.issuerId === successorId);
        if (successor?.record.standing !== 'issuing' && withoutSuccessor !== true) {
          throw new ChanceryError('illegalTransition', {
            message: `issuer ${name} has no successor that issues, so nobody would get a certificate from it or in its place; prepare and activate one, or say that none shall follow (--without-successor)`,
            field: 'issuer',
          });
        }
        await unitOfWork.run(async (transaction) => {
          const retired = await transaction.issuers.advance(tenant, issuerId, 'issuing', {
            standing: 'retiring',
            retiringSince: clock.now(),
          });
          if (!retired) {
            throw new ChanceryError('illegalTransition', {
              message: `issuer ${name} is ${record.standing}; only one that issues can retire`,
              field: 'issuer',
            });
          }
          await recordDone(dependencies, transaction, principal, {
            ...described,
            object: issuerId,
            details: { name, successorId, ...reason },
          });
        });
        issuers.forget();
        standing.forget();
        return (await issuers.byNameOrId(issuerId)).record;
      });
    },

    /** How far a rollover is: who follows whom, where the key stands, since when it is to be had. */
    async rolloverStatus(principal: Principal, nameOrId: string): Promise<RolloverStatus> {
      const described = { act: 'issuer.rollover.read', object: nameOrId };
      return act(dependencies, principal, 'issuers:read', described, async () => {
        issuers.forget();
        const { record } = await issuers.byNameOrId(nameOrId);
        const byId = async (id: string | undefined): Promise<IssuerRecord | undefined> =>
          (await issuers.all()).find((one) => one.record.issuerId === id)?.record;
        const found = await unitOfWork.read(async (transaction) => ({
          key: await transaction.keys.find(tenant, record.keyId),
          distributions: await transaction.keys.distributions(tenant, record.keyId),
          crossCertificates: (
            await transaction.crossCertificates.list(tenant, record.issuerId)
          ).map((cross) => ({ ...cross, url: crossUrl(dependencies.settings, cross) })),
        }));
        if (found.key === undefined) {
          throw new ChanceryError('internal', { message: `issuer ${record.name} has no key` });
        }
        return {
          issuer: record,
          predecessor: await byId(record.predecessorId),
          successor: await byId(record.successorId),
          ...found,
          key: found.key,
          mayActivateFrom:
            record.standing === 'prepared'
              ? mayActivateFrom(record, found.distributions, dependencies.settings)
              : undefined,
        };
      });
    },
  };
}

/** @throws ChanceryError illegalTransition */
function requireUnfollowed(
  { name, state, standing, successorId }: IssuerRecord,
  resumed: IssuerRecord | undefined,
  givenUp: boolean,
): void {
  if (state !== 'active' || standing !== 'issuing') {
    throw new ChanceryError('illegalTransition', {
      message: `issuer ${name} is ${state === 'active' ? standing : state}; only one that issues can be followed`,
      field: 'issuer',
    });
  }
  if (successorId !== undefined && successorId !== resumed?.issuerId && !givenUp) {
    throw new ChanceryError('illegalTransition', {
      message: `issuer ${name} is followed by ${successorId} already; see \`chancery issuer rollover status ${name}\`; a prepared one is given up by destroying its key (\`chancery key destroy\`)`,
      field: 'name',
    });
  }
}

/** What `createIssuer` is asked for: as the old one, where nothing else was said. */
function successorRequest(
  dependencies: AuthorityDependencies,
  old: LoadedIssuer,
  request: PrepareRequest,
): CreateIssuerRequest {
  const { record } = old;
  const certificate = requireCertificate(old);
  if (request.sameName === true && request.subject !== undefined) {
    throw new ChanceryError('invalidArgument', {
      message: 'say --same-name or --subject, not both',
      field: 'subject',
    });
  }
  const parameters =
    record.kind === 'external'
      ? said(request)
      : successorParameters(certificate, profileNamed(dependencies, record.profileName), request);
  const keyAlgorithm = request.keyAlgorithm ?? keyAlgorithmOf(old.subjectPublicKeyInfo);
  if (keyAlgorithm === undefined) {
    throw new ChanceryError('invalidArgument', {
      message: `say which kind of key the successor of ${record.name} gets (--key)`,
      field: 'key',
    });
  }
  const signature =
    request.signature ??
    (keyAlgorithm.startsWith('rsa') && record.signatureAlgorithm.includes('PSS')
      ? ('pss' as const)
      : undefined);
  return {
    ...parameters,
    name: request.name,
    kind: record.kind,
    ...(record.kind === 'external' ? {} : { profile: record.profileName, days: request.days }),
    keyAlgorithm,
    signature,
    subject: request.sameName === true ? certificate.subject : request.subject,
    predecessor: record.issuerId,
  };
}
