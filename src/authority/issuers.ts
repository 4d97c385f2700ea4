import { ChanceryError, type IssuerId, type Principal } from '../domain/index.ts';
import {
  defaultSignatureAlgorithm,
  type KeyAlgorithmName,
  keyAlgorithmOf,
  type Name,
  parseDistinguishedName,
} from '../pkix/index.ts';
import { type CaParameters, requestFromParameters } from '../policy/index.ts';
import { act, recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import { checkInstalledChain, emptyChain } from './installed-chain.ts';
import { checkOrder, type IssuanceOrder } from './issuance-core.ts';
import { type AdoptIssuerRequest, adoptIssuerKey } from './issuer-adoption.ts';
import { createIssuerKey, nameHashesOf } from './issuer-key.ts';
import {
  checkIssuerName,
  checkParameters,
  chosenParameters,
  profileNamed,
  profileOf,
} from './issuer-parameters.ts';
import { distributeKey } from './key-distribution.ts';
import { changeKeyState } from './key-states.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';
import { sameBytes } from './octets.ts';
import type { IssuerRecord, Transaction } from './ports.ts';

/** Beside what is named here, what its profile lets an administrator choose of its certificate. */
export interface CreateIssuerRequest extends CaParameters {
  readonly name: string;
  readonly kind: 'root' | 'subordinate' | 'external';
  /** Name or id of the issuer above; for `subordinate` only. */
  readonly parent?: string | undefined;
  readonly keyAlgorithm: KeyAlgorithmName;
  /** RSA only; default pkcs1. */
  readonly signature?: 'pkcs1' | 'pss' | undefined;
  /** RFC 4514, or the very name of the issuer that it follows; default CN=NAME. */
  readonly subject?: string | Name | undefined;
  /** A profile of type ca; default root-ca or issuing-ca. */
  readonly profile?: string | undefined;
  /** Of its CRLs; a ceremony chooses it for an issuer whose token will be absent. */
  readonly crlLifetimeSeconds?: number | undefined;
  /** The issuer that it will follow: it is prepared, and issues nothing before its activation. */
  readonly predecessor?: IssuerId | undefined;
}

/** Makes issuers: the key in its token first, then the certificate through the one path of issuance. */
export function issuerUseCases(context: AuthorityContext) {
  const { dependencies, issuers } = context;
  const { unitOfWork, tenant } = dependencies;

  return {
    async listIssuers(principal: Principal): Promise<readonly IssuerRecord[]> {
      return act(
        dependencies,
        principal,
        'issuers:read',
        { act: 'issuer.list', object: 'issuers' },
        async () => {
          issuers.forget();
          return (await issuers.all()).map(({ record }) => record);
        },
      );
    },

    async showIssuer(principal: Principal, nameOrId: string): Promise<IssuerRecord> {
      return act(
        dependencies,
        principal,
        'issuers:read',
        { act: 'issuer.read', object: nameOrId },
        async () => (await issuers.byNameOrId(nameOrId)).record,
      );
    },

    async createIssuer(principal: Principal, request: CreateIssuerRequest): Promise<IssuerRecord> {
      const described = {
        act: 'issuer.create',
        object: request.name,
        details: { kind: request.kind, key: request.keyAlgorithm },
      };
      return act(dependencies, principal, 'issuers:create', described, async () => {
        const parent = await checkRequest(context, request);
        const subject = subjectOf(request);
        const check = (made: LoadedIssuer): void => {
          if (request.kind !== 'external') {
            checkOrder(dependencies, certificateOrder(request, made, parent ?? made));
          }
        };
        const issuer =
          (await resumable(context, request, subject, parent)) ??
          (await createIssuerKey(context, principal, request, subject, parent, check));
        if (request.kind === 'external') {
          return issuer.record;
        }
        return certify(principal, request, issuer, parent ?? issuer);
      });
    },

    /** DER PKCS#10 of an external subordinate. */
    async issuerRequest(principal: Principal, nameOrId: string): Promise<Uint8Array> {
      return act(
        dependencies,
        principal,
        'issuers:create',
        { act: 'issuer.csr', object: nameOrId },
        async () => {
          const { record } = await issuers.byNameOrId(nameOrId);
          if (record.certificationRequest === undefined) {
            throw new ChanceryError('illegalTransition', {
              message: `issuer ${record.name} was not created with --external and has no CSR`,
            });
          }
          return record.certificationRequest;
        },
      );
    },

    /** Installs the chain that a parent elsewhere made: own certificate first, root last or left out. */
    async installIssuer(
      principal: Principal,
      nameOrId: string,
      chain: readonly Uint8Array[],
    ): Promise<IssuerRecord> {
      const described = { act: 'issuer.install', object: nameOrId };
      return act(dependencies, principal, 'issuers:create', described, async () => {
        const issuer = await issuers.byNameOrId(nameOrId);
        if (issuer.record.state !== 'pending') {
          throw new ChanceryError('illegalTransition', {
            message: `issuer ${issuer.record.name} is active already; a renewed chain needs an issuer of its own`,
          });
        }
        return install(principal, issuer, chain, described);
      });
    },

    /**
     * Takes a pair that is in a token already: an issuer as one made with --external, and with the chain
     * that its CA has, an active one.
     */
    async adoptIssuer(principal: Principal, request: AdoptIssuerRequest): Promise<IssuerRecord> {
      const described = {
        act: 'issuer.adopt',
        object: request.name,
        details: { keyId: request.keyId },
      };
      return act(dependencies, principal, 'issuers:create', described, async () => {
        checkIssuerName(request.name);
        const issuer = await adoptIssuerKey(context, principal, request);
        return request.chain === undefined
          ? issuer.record
          : install(principal, issuer, request.chain, {
              act: 'issuer.install',
              object: request.name,
            });
      });
    },
  };

  async function install(
    principal: Principal,
    issuer: LoadedIssuer,
    chain: readonly Uint8Array[],
    described: { readonly act: string; readonly object: string },
  ): Promise<IssuerRecord> {
    const certificates = checkInstalledChain(dependencies.clock.now(), issuer, chain);
    const [own, ...above] = certificates;
    if (own === undefined) {
      throw emptyChain();
    }
    const parent = (await issuers.all()).find(
      ({ signing }) =>
        signing.certificate !== undefined &&
        above[0] !== undefined &&
        sameBytes(signing.certificate.der, above[0].der),
    );
    await unitOfWork.run(async (transaction) => {
      await transaction.issuers.activate(
        tenant,
        issuer.record.issuerId,
        own.der,
        above.map(({ der }) => der),
        parent?.record.issuerId,
        { der: own.subject.der, nameHashes: nameHashesOf(own.subject) },
      );
      await activateKey(transaction, principal, issuer.record);
      await recordDone(dependencies, transaction, principal, described);
    });
    return activated(principal, issuer.record.issuerId);
  }

  /** What is asked of the issuer above, or of itself for a root. */
  function certificateOrder(
    request: CreateIssuerRequest,
    issuer: LoadedIssuer,
    signer: LoadedIssuer,
  ): Pick<IssuanceOrder, 'issuer' | 'profile' | 'request' | 'caParameters'> {
    return {
      issuer: signer,
      profile: profileNamed(dependencies, issuer.record.profileName),
      request: requestFromParameters({
        subjectPublicKeyInfo: issuer.subjectPublicKeyInfo,
        subject: issuer.input.subject,
        days: request.days,
      }),
      caParameters: chosenParameters(request),
    };
  }

  /** Its certificate exists: what was made for this issuer alone may now sign for it. */
  async function activateKey(
    transaction: Transaction,
    principal: Principal,
    { keyId, name, standing }: IssuerRecord,
  ): Promise<void> {
    // Of a prepared issuer the public key is distributed first (see rollover-activation.ts).
    if (standing === 'prepared') {
      return;
    }
    await changeKeyState(dependencies, transaction, principal, keyId, 'activate', {
      reason: `the certificate of issuer ${name} was installed`,
    });
  }

  async function activated(principal: Principal, issuerId: string): Promise<IssuerRecord> {
    issuers.forget();
    const issuer = await issuers.byNameOrId(issuerId);
    await context.keys.rebind(issuer.record.keyId);
    await distributeKey(context, principal, issuer);
    if (issuer.record.standing !== 'prepared') {
      await context.crls.publish(issuer, principal);
    }
    return issuer.record;
  }

  async function certify(
    principal: Principal,
    request: CreateIssuerRequest,
    issuer: LoadedIssuer,
    signer: LoadedIssuer,
  ): Promise<IssuerRecord> {
    await context.issue({
      principal,
      ...certificateOrder(request, issuer, signer),
      owner: principal.name,
      tags: [],
      act: { act: 'issuer.certify', object: request.name },
      evidence: { proofOfPossession: 'key pair made in the token by this process' },
      beforeIntent: async ({ keys }) => {
        const key = await keys.find(tenant, issuer.record.keyId);
        if (key?.privateState === 'pre-activation') return;
        throw new ChanceryError('illegalTransition', {
          message: `the key of issuer ${issuer.record.name} is ${key?.privateState ?? 'gone'}: it gets no certificate; make an issuer of another name, with a key of its own`,
          field: 'name',
          clause: 'SP 800-57 Part 1 §7',
        });
      },
      onIssued: async (transaction, _record, certificate) => {
        const above = signer === issuer ? [] : signer.chain.map(({ der }) => der);
        await transaction.issuers.activate(
          tenant,
          issuer.record.issuerId,
          certificate,
          above,
          signer === issuer ? undefined : signer.record.issuerId,
        );
        await activateKey(transaction, principal, issuer.record);
      },
    });
    return activated(principal, issuer.record.issuerId);
  }
}

export type IssuerUseCases = ReturnType<typeof issuerUseCases>;

async function checkRequest(
  { issuers, dependencies, standing }: AuthorityContext,
  request: CreateIssuerRequest,
): Promise<LoadedIssuer | undefined> {
  checkIssuerName(request.name);
  if ((request.kind === 'subordinate') !== (request.parent !== undefined)) {
    throw new ChanceryError('invalidArgument', {
      message: 'say one of --root, --parent NAME, --external',
      field: 'parent',
    });
  }
  if (request.signature === 'pss' && !request.keyAlgorithm.startsWith('rsa')) {
    throw new ChanceryError('invalidArgument', {
      message: `--signature pss needs an RSA key, not ${request.keyAlgorithm}`,
      field: 'signature',
      clause: 'RFC 4055 §3.1',
    });
  }
  checkParameters(dependencies, request);
  if (request.parent === undefined) {
    return undefined;
  }
  const issuer = await issuers.forIssuance(request.parent);
  await standing.require({ issuer, profile: profileNamed(dependencies, profileOf(request)) });
  return issuer;
}

function subjectOf(request: CreateIssuerRequest): Name {
  const { subject = `CN=${request.name}` } = request;
  return typeof subject === 'string' ? parseDistinguishedName(subject) : subject;
}

/** A creation that was cut off after its key was recorded goes on with that key. */
async function resumable(
  { issuers }: AuthorityContext,
  request: CreateIssuerRequest,
  subject: Name,
  parent: LoadedIssuer | undefined,
): Promise<LoadedIssuer | undefined> {
  issuers.forget();
  const existing = (await issuers.all()).find(({ record }) => record.name === request.name);
  if (existing === undefined) {
    return undefined;
  }
  const { record } = existing;
  const same =
    record.state === 'pending' &&
    record.kind === request.kind &&
    sameBytes(record.subject, subject.der) &&
    record.parentIssuerId === parent?.record.issuerId &&
    record.predecessorId === request.predecessor &&
    record.profileName === profileOf(request) &&
    keyAlgorithmOf(existing.subjectPublicKeyInfo) === request.keyAlgorithm &&
    record.signatureAlgorithm ===
      defaultSignatureAlgorithm(request.keyAlgorithm, request.signature ?? 'pkcs1').name &&
    record.kind !== 'external';
  if (!same) {
    throw new ChanceryError('alreadyExists', {
      message: `there is an issuer named ${request.name} already (${record.kind}, ${record.state}); take another name`,
      field: 'name',
    });
  }
  return existing;
}
