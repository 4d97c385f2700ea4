import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Authority } from '../authority/index.ts';
import type { Principal } from '../domain/index.ts';
import { unauthenticated } from './route.ts';

/** The two questions that authentication asks of the authority. */
export type Authenticator = Pick<Authority, 'authenticateCertificate' | 'authenticateToken'>;

/** RFC 6750 §2.1: token68, here of bounded length. */
const bearer = /^Bearer +([A-Za-z0-9._~+/-]{8,512}=*)$/i;

/** One connection has one client certificate: renegotiation is off (TLS 1.2), TLS 1.3 has none. */
const certificates = new WeakMap<TLSSocket, Uint8Array | null>();

/**
 * Who asks. An Authorization header is the only credential when there is one: a bad token never
 * falls back to the connection's certificate. A client certificate counts by its exact octets and
 * nothing else: neither its names nor its chain are looked at here (I44), the TLS handshake proved
 * that the caller holds the key, and the authority knows whether these octets are bound and good.
 *
 * @returns undefined when no credential was presented
 * @throws ChanceryError `unauthenticated` for a credential that is not valid; whatever the authority
 *   throws goes on as it is, so that a failure never becomes an access
 */
export async function authenticate(
  request: IncomingMessage,
  authenticator: Authenticator,
): Promise<Principal | undefined> {
  const header = request.headers.authorization;
  if (header !== undefined) {
    const token = bearer.exec(header)?.[1];
    return valid(token === undefined ? undefined : await authenticator.authenticateToken(token));
  }
  const certificate = clientCertificate(request.socket);
  if (certificate === undefined) return undefined;
  return valid(await authenticator.authenticateCertificate(certificate));
}

/** DER of the client certificate of a TLS connection. */
export function clientCertificate(socket: unknown): Uint8Array | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const known = certificates.get(socket);
  if (known !== undefined) return known ?? undefined;
  const raw = socket.getPeerX509Certificate()?.raw;
  const der = raw === undefined || raw.length === 0 ? null : new Uint8Array(raw);
  certificates.set(socket, der);
  return der ?? undefined;
}

function valid(principal: Principal | undefined): Principal {
  // `system` acts on schedules; should a store ever hand it out, it still can't come through here.
  if (principal === undefined || principal.role === 'system') throw unauthenticated();
  return principal;
}
