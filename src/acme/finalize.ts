import { type CertificationRequest, oids, parseCertificationRequest } from '../pkix/index.ts';
import { decodeBase64url } from './base64url.ts';
import type { AccountContext, Handler } from './context.ts';
import { requireSameIdentifiers } from './csr-identifiers.ts';
import { issueOrder, OrderMoved } from './order-issuance.ts';
import { orderAnswer } from './order-object.ts';
import { namedOrder, ownOrder } from './orders.ts';
import type { OrderRecord } from './ports.ts';
import { AcmeProblem, problemDocument, toAcmeProblem } from './problem.ts';
import { authorizationStatusAt, orderStatusAt } from './states.ts';

/**
 * finalize (RFC 8555 §7.4): the certificate is issued before the answer, so the order in it is
 * valid at once. What is wrong with the CSR leaves the order ready for another.
 *
 * The clause wants `orderNotReady` for an order that is not ready. One that is processing or valid
 * by this very request (same key, names and extensions) is answered with the order all the same: a
 * client whose connection broke, or whose server crashed, sends its finalize again and would take
 * the error for the end of its order, although the certificate is there.
 */
export const finalizeOrder: Handler = async (context) => {
  const order = namedOrder(context);
  const status = orderStatusAt(order, context.now);
  if (status === 'pending' || status === 'invalid') throw notReady(order, status);
  const csr = readCsr(context.payload?.['csr']);
  if (status !== 'ready') {
    if (!isSameRequest(order, csr)) throw notReady(order, status);
    return orderAnswer(context, order, 200);
  }
  requireSameIdentifiers(csr, order.identifiers);
  refuseUnproven(csr);
  return orderAnswer(context, await issue(context, order, csr), 200);
};

function notReady({ error }: OrderRecord, status: string): AcmeProblem {
  const why = error === undefined ? '' : `: ${error.detail}`;
  const mend = {
    pending: 'answer a challenge of each of its authorizations first',
    invalid: 'order again',
  }[status];
  return new AcmeProblem('orderNotReady', {
    detail: `the order is ${status}${why}; ${mend ?? 'it is being issued for another CSR already, or was: poll the order, or order again'}`,
  });
}

/**
 * PKCS#10 as base64url of its DER (RFC 8555 §7.4). That its own key signed it (RFC 2986 §4.2) is
 * verified by the authority, before anything is committed: a signature costs more than all else here.
 */
function readCsr(text: unknown): CertificationRequest {
  const der = typeof text === 'string' ? decodeBase64url(text) : undefined;
  if (der === undefined || der.length === 0) {
    throw new AcmeProblem('badCSR', {
      detail:
        'csr is no base64url text; send the DER of the CSR as base64url without padding, not PEM (RFC 8555 §7.4)',
    });
  }
  return parseCertificationRequest(der);
}

/** All that is asked for; an ECDSA client that signs again does it with another signature. */
function isSameRequest({ csr }: OrderRecord, again: CertificationRequest): boolean {
  return (
    csr !== undefined && Buffer.compare(parseCertificationRequest(csr).infoDer, again.infoDer) === 0
  );
}

/** A challenge proves a name and nothing of who stands behind it: that is refused, not dropped. */
function refuseUnproven({ subject }: CertificationRequest): void {
  const unproven = subject.rdns.flat().find(({ oid }) => oid !== oids.commonName);
  if (unproven !== undefined) {
    throw new AcmeProblem('badCSR', {
      detail: `the CSR's subject has the attribute ${unproven.oid}, which no challenge proves; leave all but the commonName out of it`,
    });
  }
}

async function issue(
  context: AccountContext,
  order: OrderRecord,
  csr: CertificationRequest,
): Promise<OrderRecord> {
  try {
    return await issueOrder(context.deps, context.access, order, csr.der);
  } catch (error) {
    const current = await ownOrder(context);
    // After the intent the order is processing: it is tried again with another serial number.
    if (current.status === 'processing' || current.status === 'valid') {
      if (!isSameRequest(current, csr)) throw notReady(current, current.status);
      return current;
    }
    if (error instanceof OrderMoved) throw await endedOrder(context, current);
    throw toAcmeProblem(error);
  }
}

/** Ready, but not all that it rests on: the order ends, as it would have when that was found (RFC 8555 §7.1.6). */
async function endedOrder({ deps }: AccountContext, order: OrderRecord): Promise<AcmeProblem> {
  const { unitOfWork, tenant, clock } = deps;
  if (order.status !== 'ready') return notReady(order, order.status);
  const authorizations = await unitOfWork.readOne(async ({ acme }) =>
    acme.listAuthorizations(tenant, order.authorizations),
  );
  const lost = authorizations.find((one) => authorizationStatusAt(one, clock.now()) !== 'valid');
  if (lost === undefined) return notReady(order, order.status);
  const error = problemDocument(
    'unauthorized',
    `the authorization of ${lost.identifier.value} is ${authorizationStatusAt(lost, clock.now())}`,
    { status: 403 },
  );
  await unitOfWork.run(async ({ acme }) => acme.failOrder(tenant, order.orderId, error));
  return notReady({ ...order, error }, 'invalid');
}
