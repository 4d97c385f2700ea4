import type { AcmeStore } from '../acme/ports.ts';
import { accountStore } from './acme-accounts.ts';
import { authorizationStore } from './acme-authorizations.ts';
import { limitStore } from './acme-limits.ts';
import { orderStore } from './acme-orders.ts';
import type { Session } from './pool.ts';
import type { AcmeStatements } from './sql/acme.ts';

/** The rows of ACME within one transaction. */
export function acmeStore(session: Session, sql: AcmeStatements): AcmeStore {
  return {
    ...accountStore(session, sql.accounts),
    ...orderStore(session, sql.orders),
    ...authorizationStore(session, sql.authorizations),
    ...limitStore(session, sql),
  };
}
