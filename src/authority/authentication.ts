import { createHash } from 'node:crypto';
import { permissionsOf } from '../access/index.ts';
import type { PrincipalRecord } from '../access/ports.ts';
import type { Permission, Principal } from '../domain/index.ts';
import type { AuthorityContext } from './context.ts';

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
      return unitOfWork.read(async (transaction) => {
        const binding = await transaction.principals.findBinding(sha256(der));
        if (binding === undefined) {
          return undefined;
        }
        const { issuerId, serialNumber, principalId } = binding;
        const certificate = await transaction.inventory.find(
          binding.tenant,
          issuerId,
          serialNumber,
        );
        if (
          certificate?.certificate === undefined ||
          Buffer.compare(certificate.certificate, der) !== 0 ||
          certificate.issuanceState !== 'issued' ||
          certificate.status.status !== 'good' ||
          now < certificate.notBefore ||
          now > certificate.notAfter
        ) {
          return undefined;
        }
        const owner = await transaction.principals.findById(binding.tenant, principalId);
        return asPrincipal(owner, undefined);
      });
    },

    /** Who a bearer token belongs to: known, unexpired, unrevoked. Undefined: nobody. */
    async authenticateToken(token: string): Promise<Principal | undefined> {
      const now = clock.now();
      return unitOfWork.read(async (transaction) => {
        const credential = await transaction.principals.findCredentialByHash(
          sha256(Buffer.from(token)),
        );
        if (
          credential === undefined ||
          credential.revokedAt !== undefined ||
          now > credential.notAfter
        ) {
          return undefined;
        }
        const owner = await transaction.principals.findById(
          credential.tenant,
          credential.principalId,
        );
        return asPrincipal(owner, credential.scope);
      });
    },
  };
}

function asPrincipal(
  record: PrincipalRecord | undefined,
  scope: readonly Permission[] | undefined,
): Principal | undefined {
  if (record === undefined || record.disabledAt !== undefined || record.role === 'system') {
    return undefined;
  }
  const { id, name, role, tenant } = record;
  return { id, name, role, tenant, permissions: permissionsOf(role, scope) };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
