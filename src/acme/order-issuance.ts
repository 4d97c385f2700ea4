import type { CertificateRecord } from '../authority/ports.ts';
import { ChanceryError } from '../domain/index.ts';
import { accountPrincipal } from './account-principal.ts';
import type { AcmeDependencies } from './dependencies.ts';
import { findHeld, heldError } from './hold.ts';
import { requireAdmitted } from './identifier-admission.ts';
import { toGeneralName } from './identifiers.ts';
import { requireOffered } from './order-terms.ts';
import type { AccountAccess, OrderRecord } from './ports.ts';
import { refuseReplacementOfHeld, replacedReference } from './replacement.ts';

/** The order was not in the state that this issuance began from: another request or node was first. */
export class OrderMoved extends Error {
  override readonly name = 'OrderMoved';
}

/**
 * Issues an order's certificate: it goes to processing with the intent and to valid with the
 * completion, in the authority's own transactions. A crash leaves it as it was before, processing
 * with a certificate that will be settled as abandoned, or valid.
 *
 * @throws OrderMoved; AcmeProblem for what the directory takes no more; ChanceryError of the authority,
 *   of a key that the order can't have, `forbidden` when the quota is used up
 */
export async function issueOrder(
  deps: AcmeDependencies,
  access: AccountAccess,
  order: OrderRecord,
  csr: Uint8Array,
): Promise<OrderRecord> {
  const { unitOfWork, clock, tenant } = deps;
  const { credential } = access;
  requireStillAdmitted(deps, access, order);
  const principal = accountPrincipal(deps, access.account, ['certificates:issue']);
  let moved = false;
  try {
    const { record } = await deps.authority.enrolCertificate(principal, {
      csr,
      profile: order.profile,
      issuer: deps.directories.get(order.directory)?.issuer,
      names: order.identifiers.map(toGeneralName),
      notBefore: order.notBefore,
      notAfter: order.notAfter,
      owner: credential?.owner ?? principal.name,
      tags: credential?.tags ?? [],
      replaces: replacedReference(order.replaces),
      details: { order: order.orderId, attempt: order.attempts + 1 },
      afterIntent: async (transaction, { issuerId, serialNumber, spkiHash }) => {
        const acme = unitOfWork.storeOf(transaction);
        const now = clock.now();
        // Sent together, judged before the commit.
        const [isAccountKey, held, begun, spent] = await Promise.all([
          acme.isAccountKey(tenant, spkiHash),
          findHeld(transaction, tenant, spkiHash, order.identifiers, now),
          acme.beginProcessing(order, { csr, now, issuerId, serialNumber }),
          // A repetition after a crash is the same certificate to its holder.
          credential === undefined || order.attempts > 0 || acme.spendQuota(tenant, credential.kid),
          refuseReplacementOfHeld(transaction, tenant, order.replaces),
        ]);
        refuseKey(isAccountKey, held);
        moved = !begun;
        if (!begun) {
          throw new ChanceryError('illegalTransition', {
            message: `the order can't be issued now: it was ${order.status}, and it or an authorization of it changed meanwhile`,
          });
        }
        if (!spent) throw quotaUsedUp(credential?.kid ?? '');
      },
      onIssued: async (transaction, { issuerId, serialNumber }) => {
        const acme = unitOfWork.storeOf(transaction);
        if (!(await acme.completeOrder(tenant, order.orderId, issuerId, serialNumber))) {
          throw new ChanceryError('illegalTransition', {
            message: 'the order went on without this certificate, which is not handed out',
          });
        }
      },
    });
    const { issuerId, serialNumber } = record;
    return { ...order, status: 'valid', csr, issuerId, serialNumber };
  } catch (cause) {
    throw moved ? new OrderMoved('', { cause }) : cause;
  }
}

/**
 * What was agreed at newOrder may be days old: a directory that names or profiles were taken out of
 * meanwhile issues none of them any more.
 *
 * @throws AcmeProblem rejectedIdentifier, invalidProfile
 */
function requireStillAdmitted(
  deps: AcmeDependencies,
  access: AccountAccess,
  order: OrderRecord,
): void {
  const policy = deps.directories.get(order.directory);
  if (policy === undefined) throw new TypeError(`there is no directory ${order.directory}`);
  requireAdmitted({ deps, policy, access, now: deps.clock.now() }, order.identifiers);
  requireOffered(order.profile, policy, access.credential?.profiles);
}

/** @throws ChanceryError badCsr for an account's key (RFC 8555 §11.1), certificateOnHold for one that is on hold for these names */
function refuseKey(isAccountKey: boolean, held: CertificateRecord | undefined): void {
  if (isAccountKey) {
    throw new ChanceryError('badCsr', {
      message:
        'the CSR has the key of an account; whoever holds the certificate could act for the account: make a key of its own (RFC 8555 §11.1)',
      field: 'csr',
    });
  }
  if (held !== undefined) throw heldError(held, 'a certificate of this key for these names');
}

/** Of a binding that has issued all it may. */
export function quotaUsedUp(kid: string): ChanceryError {
  return new ChanceryError('forbidden', {
    message: `the quota of the external account binding ${kid} is used up; ask the CA's operator for another binding`,
    field: 'quota',
  });
}
