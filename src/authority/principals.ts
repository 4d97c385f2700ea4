import { permissionsOf } from '../access/index.ts';
import type { CredentialRecord, PrincipalRecord } from '../access/ports.ts';
import { ChanceryError, type Permission, type Principal, type Role } from '../domain/index.ts';
import { parseDistinguishedName } from '../pkix/index.ts';
import { act, recordDone } from './acts.ts';
import { issueEndEntity, readCsr } from './certificates.ts';
import type { AuthorityContext } from './context.ts';
import type { IssuedCertificate } from './issuance-core.ts';
import { sha256 } from './octets.ts';
import type { Transaction } from './ports.ts';

export interface CreatePrincipalRequest {
  readonly name: string;
  readonly role: Role;
  /** DER PKCS#10: also issues a client certificate and binds it. */
  readonly csr?: Uint8Array | undefined;
}

export interface CreateCredentialRequest {
  readonly principalName: string;
  /** Narrower than the role; undefined: all that the role allows. */
  readonly scope?: readonly Permission[] | undefined;
  /** Default 90, at most 365. */
  readonly days?: number | undefined;
}

const namePattern = /^[a-z0-9][a-z0-9._@-]{0,62}$/i;
/** How records name who is no principal of the inventory; nobody else may look like one of them. */
const reservedNames: ReadonlySet<string> = new Set(['system', 'init', 'anonymous', 'ceremony']);
const defaultCredentialDays = 90;
const longestCredentialDays = 365;
/** The profile of a principal's own client certificate. */
const clientProfile = 'tls-client';

/** Who may do what: principals, their bearer tokens and their bound certificates. */
export function principalUseCases(context: AuthorityContext) {
  const { dependencies } = context;
  const { unitOfWork, clock, random, tenant } = dependencies;

  const uuid = async (): Promise<string> => {
    const octets = Buffer.from(await random.bytes(16));
    octets.writeUInt8((octets.readUInt8(6) & 0x0f) | 0x40, 6);
    octets.writeUInt8((octets.readUInt8(8) & 0x3f) | 0x80, 8);
    return octets.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  };

  const named = async (transaction: Transaction, name: string): Promise<PrincipalRecord> => {
    const record = await transaction.principals.findByName(tenant, name);
    if (record === undefined) {
      throw new ChanceryError('notFound', {
        message: `there is no principal ${JSON.stringify(name)}; make one with \`chancery principal create NAME --role ROLE\``,
        field: 'principal',
      });
    }
    return record;
  };

  return {
    async createPrincipal(
      principal: Principal,
      request: CreatePrincipalRequest,
    ): Promise<{
      readonly principal: PrincipalRecord;
      readonly certificate?: IssuedCertificate | undefined;
    }> {
      const described = {
        act: 'principal.create',
        object: request.name,
        details: { role: request.role },
      };
      return act(dependencies, principal, 'principals:create', described, async () => {
        refuseUnfitName(request);
        refuseMoreThanOwn(principal, permissionsOf(request.role), request.name);
        const record: PrincipalRecord = {
          id: await uuid(),
          tenant,
          name: request.name,
          role: request.role,
          createdAt: clock.now(),
          createdBy: principal.name,
        };
        const refuseTaken = async (transaction: Transaction): Promise<void> => {
          if ((await transaction.principals.findByName(tenant, request.name)) !== undefined) {
            throw new ChanceryError('alreadyExists', {
              message: `there is a principal named ${request.name} already; take another name`,
              field: 'name',
            });
          }
        };
        const insert = async (transaction: Transaction): Promise<void> => {
          await refuseTaken(transaction);
          await transaction.principals.insert(record);
          await recordDone(dependencies, transaction, principal, described);
        };
        if (request.csr === undefined) {
          await unitOfWork.run(insert);
          return { principal: record };
        }
        const csr = readCsr(request.csr);
        await unitOfWork.read(refuseTaken);
        // Principal, certificate and binding come together: a refused CSR leaves nothing behind.
        const certificate = await bindNewCertificate(context, principal, record, csr, insert);
        return { principal: record, certificate };
      });
    },

    /**
     * The principal, made if it is new, with one more client certificate bound to it: for `init`,
     * which may have been cut off between the principal and its certificate.
     */
    async createClientCertificate(
      principal: Principal,
      request: { readonly name: string; readonly role: Role; readonly csr: Uint8Array },
    ): Promise<IssuedCertificate> {
      const described = {
        act: 'principal.create',
        object: request.name,
        details: { role: request.role },
      };
      return act(dependencies, principal, 'principals:create', described, async () => {
        const csr = readCsr(request.csr);
        const id = await uuid();
        const record = await unitOfWork.run(async (transaction) => {
          const existing = await transaction.principals.findByName(tenant, request.name);
          if (existing !== undefined) {
            if (existing.role !== request.role) {
              throw new ChanceryError('alreadyExists', {
                message: `the principal ${request.name} is there with the role ${existing.role}, not ${request.role}; take another name`,
                field: 'role',
              });
            }
            return existing;
          }
          const fresh: PrincipalRecord = {
            id,
            tenant,
            name: request.name,
            role: request.role,
            createdAt: clock.now(),
            createdBy: principal.name,
          };
          await transaction.principals.insert(fresh);
          await recordDone(dependencies, transaction, principal, described);
          return fresh;
        });
        return bindNewCertificate(context, principal, record, csr);
      });
    },

    async listPrincipals(principal: Principal): Promise<readonly PrincipalRecord[]> {
      return act(
        dependencies,
        principal,
        'principals:read',
        { act: 'principal.list', object: 'principals' },
        async () => unitOfWork.read(async (transaction) => transaction.principals.list(tenant)),
      );
    },

    async showPrincipal(principal: Principal, name: string): Promise<PrincipalRecord> {
      return act(
        dependencies,
        principal,
        'principals:read',
        { act: 'principal.read', object: name },
        async () => unitOfWork.read(async (transaction) => named(transaction, name)),
      );
    },

    /** The token itself is in the answer, once; only its SHA-256 is kept. */
    async createCredential(
      principal: Principal,
      request: CreateCredentialRequest,
    ): Promise<{ readonly record: CredentialRecord; readonly token: string }> {
      const described = {
        act: 'credential.create',
        object: request.principalName,
        details: { scope: request.scope },
      };
      return act(dependencies, principal, 'credentials:create', described, async () => {
        const days = request.days ?? defaultCredentialDays;
        if (!Number.isInteger(days) || days < 1 || days > longestCredentialDays) {
          throw new ChanceryError('invalidArgument', {
            message: `a credential lasts 1 to ${longestCredentialDays} days, not ${days}`,
            field: 'days',
          });
        }
        const token = `chancery_${Buffer.from(await random.bytes(32)).toString('base64url')}`;
        const id = await uuid();
        const record = await unitOfWork.run(async (transaction) => {
          const owner = await named(transaction, request.principalName);
          refuseWiderScope(owner, request.scope);
          refuseMoreThanOwn(principal, permissionsOf(owner.role, request.scope), owner.name);
          const now = clock.now();
          const credential: CredentialRecord = {
            id,
            tenant,
            principalId: owner.id,
            tokenHash: sha256(Buffer.from(token)),
            scope: request.scope,
            createdAt: now,
            notAfter: new Date(now.getTime() + days * 86_400_000),
          };
          await transaction.principals.insertCredential(credential);
          await recordDone(dependencies, transaction, principal, {
            ...described,
            details: { ...described.details, id, days },
          });
          return credential;
        });
        return { record, token };
      });
    },

    async listCredentials(
      principal: Principal,
      principalName?: string,
    ): Promise<readonly CredentialRecord[]> {
      return act(
        dependencies,
        principal,
        'credentials:read',
        { act: 'credential.list', object: principalName ?? 'all' },
        async () =>
          unitOfWork.read(async (transaction) =>
            principalName === undefined
              ? transaction.principals.listCredentials(tenant)
              : transaction.principals.listCredentials(
                  tenant,
                  (await named(transaction, principalName)).id,
                ),
          ),
      );
    },

    async revokeCredential(principal: Principal, id: string): Promise<void> {
      const described = { act: 'credential.revoke', object: id };
      await act(dependencies, principal, 'credentials:revoke', described, async () =>
        unitOfWork.run(async (transaction) => {
          if ((await transaction.principals.findCredential(tenant, id)) === undefined) {
            throw new ChanceryError('notFound', {
              message: `there is no credential ${id}; \`chancery credential list\` shows them`,
            });
          }
          await transaction.principals.revokeCredential(tenant, id, clock.now());
          await recordDone(dependencies, transaction, principal, described);
        }),
      );
    },
  };
}

/** Issues a principal's own client certificate and binds it in the same transaction. */
async function bindNewCertificate(
  context: AuthorityContext,
  administrator: Principal,
  owner: PrincipalRecord,
  csr: ReturnType<typeof readCsr>,
  beforeBinding: (transaction: Transaction) => Promise<void> = async () => undefined,
): Promise<IssuedCertificate> {
  const { dependencies, issuers } = context;
  const profile = dependencies.profiles.get(clientProfile);
  if (profile === undefined) {
    throw new ChanceryError('configuration', {
      message: `profile ${clientProfile} is missing from the profiles folder`,
    });
  }
  return issueEndEntity(
    context,
    administrator,
    await issuers.forIssuance(undefined),
    profile,
    csr,
    {
      overrides: { subject: parseDistinguishedName(`CN=${owner.name}`), names: [] },
      owner: owner.name,
      tags: ['principal'],
      bodyHash: '',
      act: { act: 'certificate.issue', object: owner.name },
      onIssued: async (transaction, record, certificate) => {
        await beforeBinding(transaction);
        await transaction.principals.bindCertificate({
          tenant: record.tenant,
          principalId: owner.id,
          certificateHash: sha256(certificate),
          issuerId: record.issuerId,
          serialNumber: record.serialNumber,
          boundAt: dependencies.clock.now(),
        });
      },
    },
  );
}

function refuseUnfitName({ name, role }: CreatePrincipalRequest): void {
  if (!namePattern.test(name) || reservedNames.has(name.toLowerCase()) || role === 'system') {
    throw new ChanceryError('invalidArgument', {
      message: `a principal needs a name of 1 to 63 letters, digits and . _ @ - that is none of ${[...reservedNames].join(', ')}, and a role other than system; got ${JSON.stringify(name)}, ${role}`,
      field: role === 'system' ? 'role' : 'name',
    });
  }
}

/**
 * No credential makes another that may do more than itself, or its scope would bound nothing. The
 * responders' door is left out: administrators open it for others and never have it themselves.
 */
function refuseMoreThanOwn(
  principal: Principal,
  granted: ReadonlySet<Permission>,
  name: string,
): void {
  const more = [...granted].filter(
    (permission) => permission !== 'responders:enrol' && !principal.permissions.has(permission),
  );
  if (more.length > 0) {
    throw new ChanceryError('forbidden', {
      message: `${name} would get ${more.join(', ')}, which the credential of ${principal.name} lacks itself; use one with a wider scope`,
      field: more[0],
    });
  }
}

function refuseWiderScope(owner: PrincipalRecord, scope: readonly Permission[] | undefined): void {
  const allowed = permissionsOf(owner.role);
  const wider = (scope ?? []).filter((permission) => !allowed.has(permission));
  if (wider.length > 0) {
    throw new ChanceryError('invalidArgument', {
      message: `the role ${owner.role} of ${owner.name} does not have ${wider.join(', ')}; a scope only narrows`,
      field: 'scope',
    });
  }
}
