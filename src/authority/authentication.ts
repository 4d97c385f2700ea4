import { permissionsOf } from '../access/index.ts';
import type { PrincipalRecord } from '../access/ports.ts';
import type { Permission, Principal } from '../domain/index.ts';
import type { AuthorityContext } from './context.ts';
import { sha256 } from './octets.ts';

/** Who asks: a bound client certificate or a bearer token, both only while they are good. */
export function authenticationUseCases({ dependencies }: AuthorityContext) {
  const { unitOfWork, clock } = dependencies;
  return {
    /**
     * Who a TLS client is: only exactly this certificate, bound to a principal, issued, good and in
     * its validity right now (invariant 8). Names and EKUs grant nothing. Undefined: nobody.
     */
    async authenticateCertificate(der: Uint8Array): Promise<Principal | undefined> {
      const now = clock.now();
      const bound = await unitOfWork.readOne(async (transaction) =>
        transaction.principals.findBoundCertificate(sha256(der)),
      );
      if (
        bound?.certificate === undefined ||
        Buffer.compare(bound.certificate, der) !== 0 ||
        bound.issuanceState !== 'issued' ||
        bound.status !== 'good' ||
        now < bound.notBefore ||
        now > bound.notAfter
      ) {
        return undefined;
      }
      return asPrincipal(bound.principal, undefined);
    },

    /** Who a bearer token belongs to: known, unexpired, unrevoked. Undefined: nobody. */
    async authenticateToken(token: string): Promise<Principal | undefined> {
      const now = clock.now();
      const credential = await unitOfWork.readOne(async (transaction) =>
        transaction.principals.findCredentialOwner(sha256(Buffer.from(token))),
      );
      if (
        credential === undefined ||
        credential.revokedAt !== undefined ||
        now > credential.notAfter
      ) {
        return undefined;
      }
      return asPrincipal(credential.principal, credential.scope);
    },
  };
}

function asPrincipal(
  record: PrincipalRecord,
  scope: readonly Permission[] | undefined,
): Principal | undefined {
  if (record.disabledAt !== undefined || record.role === 'system') {
    return undefined;
  }
  const { id, name, role, tenant } = record;
  return { id, name, role, tenant, permissions: permissionsOf(role, scope) };
}
