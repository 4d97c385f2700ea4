import { act, recordDone } from '../authority/index.ts';
import type { Transaction } from '../authority/ports.ts';
import { ChanceryError, type Principal } from '../domain/index.ts';
import type { AcmeDependencies } from './dependencies.ts';
import { newBinding, parseAllowed, secretId } from './external-account.ts';
import type { DirectoryPolicy, EabCredential } from './ports.ts';

/** An external account binding to be made: what it grants to the accounts that use it. */
export interface CreateEabRequest {
  readonly directory: string;
  /** Name of the principal that will own the certificates. */
  readonly owner: string;
  readonly allow?: readonly string[] | undefined;
  /** Default true. False needs names in `allow`. */
  readonly challengeRequired?: boolean | undefined;
  /** Undefined: those of the directory. */
  readonly profiles?: readonly string[] | undefined;
  readonly quota?: number | undefined;
  /** How long accounts may be bound; undefined: until it is revoked. */
  readonly days?: number | undefined;
  readonly singleUse?: boolean | undefined;
  readonly tags?: readonly string[] | undefined;
}

const longestDays = 3650;
const largestQuota = 1_000_000_000;
const mostAllowed = 1000;
const mostTags = 50;
const longestTag = 100;

/** External account bindings as policy objects (RFC 8555 §7.3.4). */
export function credentialUseCases(deps: AcmeDependencies) {
  const { unitOfWork, clock, tenant } = deps;

  const find = async (
    transaction: { readonly acme: { findCredential: FindCredential } },
    kid: string,
  ) => {
    const credential = await transaction.acme.findCredential(tenant, kid);
    if (credential === undefined) {
      throw new ChanceryError('notFound', {
        message: `there is no external account binding ${JSON.stringify(kid.slice(0, 100))}; \`chancery acme eab list\` shows what there is`,
        field: 'kid',
      });
    }
    return credential;
  };

  return {
    /** The MAC key is in the answer, once: it is derived, and stands nowhere. */
    async createCredential(
      principal: Principal,
      request: CreateEabRequest,
    ): Promise<{ readonly credential: EabCredential; readonly hmacKey: string }> {
      const described = {
        act: 'acmeCredential.create',
        object: request.directory,
        details: { ...request },
      };
      return act(deps, principal, 'acme:manage', described, async () => {
        refuseUnfit(request, directoryOf(deps, request.directory));
        const [secret] = deps.secrets;
        if (secret === undefined) throw new TypeError('there is no ACME secret');
        const now = clock.now();
        const { kid, hmacKey } = newBinding(secret, deps.randomBytes);
        const credential: EabCredential = {
          tenant,
          kid,
          directory: request.directory,
          owner: request.owner,
          secretId: secretId(secret),
          allow: parseAllowed(request.allow ?? []),
          challengeRequired: request.challengeRequired ?? true,
          profiles: request.profiles,
          quota: request.quota,
          issued: 0,
          singleUse: request.singleUse ?? false,
          accounts: 0,
          tags: request.tags ?? [],
          createdAt: now,
          createdBy: principal.name,
          notAfter:
            request.days === undefined
              ? undefined
              : new Date(now.getTime() + request.days * 86_400_000),
        };
        await unitOfWork.run(async (transaction) => {
          await requireOwner(transaction, tenant, request.owner);
          await transaction.acme.insertCredential(credential);
          await recordDone(deps, transaction, principal, { ...described, object: kid });
        });
        return { credential, hmacKey };
      });
    },

    async listCredentials(
      principal: Principal,
      filter: {
        readonly directory?: string | undefined;
        readonly cursor?: string | undefined;
        readonly limit: number;
      },
    ): Promise<{ readonly items: readonly EabCredential[]; readonly next: string | null }> {
      const described = { act: 'acmeCredential.list', object: filter.directory ?? 'all' };
      return act(deps, principal, 'acme:read', described, async () =>
        unitOfWork.readOne(async ({ acme }) => acme.listCredentials(tenant, filter)),
      );
    },

    async showCredential(principal: Principal, kid: string): Promise<EabCredential> {
      return act(
        deps,
        principal,
        'acme:read',
        { act: 'acmeCredential.read', object: kid },
        async () => unitOfWork.readOne(async (transaction) => find(transaction, kid)),
      );
    },

    /** Stops every account that is bound to it, at their next request. The first revocation stays. */
    async revokeCredential(principal: Principal, kid: string): Promise<EabCredential> {
      const described = { act: 'acmeCredential.revoke', object: kid };
      return act(deps, principal, 'acme:manage', described, async () =>
        unitOfWork.run(async (transaction) => {
          const credential = await find(transaction, kid);
          const revoked = await transaction.acme.revokeCredential(
            tenant,
            kid,
            clock.now(),
            principal.name,
          );
          if (!revoked) {
            throw new ChanceryError('alreadyRevoked', {
              message: `the external account binding ${kid} was revoked already${credential.revokedAt === undefined ? '' : ` at ${credential.revokedAt.toISOString()} by ${credential.revokedBy ?? 'somebody'}`}`,
              field: 'kid',
            });
          }
          await recordDone(deps, transaction, principal, {
            ...described,
            details: { directory: credential.directory, accounts: credential.accounts },
          });
          return find(transaction, kid);
        }),
      );
    },
  };
}

type FindCredential = (tenant: string, kid: string) => Promise<EabCredential | undefined>;

function directoryOf({ directories }: AcmeDependencies, name: string): DirectoryPolicy {
  const policy = directories.get(name);
  if (policy === undefined) {
    throw new ChanceryError('notFound', {
      message: `there is no ACME directory ${JSON.stringify(name.slice(0, 100))}; there are ${[...directories.keys()].join(', ')}`,
      field: 'directory',
    });
  }
  return policy;
}

async function requireOwner(
  { principals }: Transaction,
  tenant: string,
  name: string,
): Promise<void> {
  const owner = await principals.findByName(tenant, name);
  if (owner === undefined) {
    throw new ChanceryError('notFound', {
      message: `there is no principal ${JSON.stringify(name.slice(0, 100))}; make one with \`chancery principal create NAME --role subscriber\``,
      field: 'owner',
    });
  }
  if (owner.disabledAt !== undefined) {
    throw invalid('owner', `${name} is disabled and can own nothing new; name another principal`);
  }
}

function refuseUnfit(request: CreateEabRequest, policy: DirectoryPolicy): void {
  const { allow = [], profiles, quota, days, tags = [] } = request;
  if (allow.length > mostAllowed) {
    throw invalid('allow', `${allow.length} names are given, and no more than ${mostAllowed} fit`);
  }
  parseAllowed(allow);
  if (request.challengeRequired === false && allow.length === 0) {
    throw invalid(
      'allow',
      'without a challenge any name could be had: say with --allow which names need none',
    );
  }
  const unknown = profiles?.find((profile) => !policy.profiles.has(profile));
  if (unknown !== undefined) {
    throw invalid(
      'profiles',
      `the directory ${policy.name} does not offer the profile ${JSON.stringify(unknown.slice(0, 100))}; it offers ${[...policy.profiles.keys()].join(', ')}`,
    );
  }
  if (profiles?.length === 0) {
    throw invalid('profiles', 'no profile is named; leave it out for those of the directory');
  }
  refuseOutside('quota', quota, largestQuota);
  refuseOutside('days', days, longestDays);
  if (tags.length > mostTags || tags.some((tag) => tag === '' || tag.length > longestTag)) {
    throw invalid('tags', `there are at most ${mostTags} tags of 1 to ${longestTag} characters`);
  }
}

function refuseOutside(field: string, value: number | undefined, most: number): void {
  if (value !== undefined && !(Number.isInteger(value) && value >= 1 && value <= most)) {
    throw invalid(field, `${field} is a whole number of 1 to ${most}, not ${value}`);
  }
}

function invalid(field: string, message: string): ChanceryError {
  return new ChanceryError('invalidArgument', { message, field });
}
