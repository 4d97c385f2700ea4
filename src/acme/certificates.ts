import { certificatesToPem } from '../authority/index.ts';
import { isSelfSigned } from '../pkix/index.ts';
import { accountPrincipal } from './account-principal.ts';
import { alternatesOf } from './alternate-chains.ts';
import type { AccountContext } from './context.ts';
import { type Handler, link, noSuch } from './context.ts';
import { namedOrder } from './orders.ts';
import type { OrderRecord } from './ports.ts';

/**
 * The certificate of a valid order with a chain that ends below the root (RFC 8555 §7.4.2): PEM, the
 * leaf first, each next one certifies the one before, nothing outside the blocks. Each chain links
 * the others as alternates. PEM is all that is offered, whatever Accept says: the clause's default.
 */
export const downloadCertificate: Handler = async (context) => {
  const { urls, parameters } = context;
  const order = namedOrder(context);
  const wanted = Number(parameters['alternate'] ?? '0');
  const chains = await chainsOf(context, order);
  const chain = chains[wanted];
  if (chain === undefined || (parameters['alternate'] !== undefined && wanted === 0)) {
    throw noSuch('certificate');
  }
  return {
    status: 200,
    headers: { 'content-type': 'application/pem-certificate-chain' },
    links: chains.flatMap((_, index) =>
      index === wanted
        ? []
        : [link(urls.certificate(order.orderId, index === 0 ? undefined : index), 'alternate')],
    ),
    body: certificatesToPem(chain),
  };
};

/** The default chain, then the alternates; none while the order is not valid. */
async function chainsOf(
  { deps, access, policy, now }: AccountContext,
  { status, issuerId, serialNumber }: OrderRecord,
): Promise<readonly (readonly Uint8Array[])[]> {
  if (status !== 'valid' || issuerId === undefined || serialNumber === undefined) return [];
  const principal = accountPrincipal(deps, access.account, ['certificates:read']);
  const ref = { serialNumber, issuer: issuerId };
  const chain = await deps.authority.certificateChain(principal, ref);
  const [leaf = new Uint8Array()] = chain;
  const made = (await deps.authority.alternatePaths(issuerId)).map((path) => ({
    issuerId,
    certificates: path.filter((certificate) => !isSelfSigned(certificate)),
  }));
  return [
    chain,
    ...alternatesOf(leaf, issuerId, [...(policy.alternateChains ?? []), ...made], now),
  ];
}
