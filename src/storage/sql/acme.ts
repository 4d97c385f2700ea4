import { acmeAccountStatements } from './acme-accounts.ts';
import { acmeAuthorizationStatements } from './acme-authorizations.ts';
import { acmeLimitStatements } from './acme-limits.ts';
import { acmeOrderStatements } from './acme-orders.ts';

/** Statements of ACME, by what they are about. */
export function acmeStatements(schema: string) {
  return {
    accounts: acmeAccountStatements(schema),
    orders: acmeOrderStatements(schema),
    authorizations: acmeAuthorizationStatements(schema),
    limits: acmeLimitStatements(schema),
  };
}

export type AcmeStatements = ReturnType<typeof acmeStatements>;
