import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ChanceryError } from '../domain/index.ts';
import type { ServerCertificate } from './server-certificate.ts';

/** Limits of every listener. */
export interface ListenerLimits {
  /** A request must have arrived whole within this time. */
  readonly requestTimeoutMilliseconds: number;
}

/** A port on one or more addresses. */
export interface Listener {
  /** The port bound; the one asked for, or a free one for 0. */
  readonly port: number;
  /**
   * Stops accepting at once, lets requests under way finish for as long as given, then cuts them.
   */
  close(drainMilliseconds: number): Promise<void>;
}

/** Where to listen, and what the setting is called when it does not work. */
export interface Binding {
  readonly addresses: readonly string[];
  readonly port: number;
  /** Variable that changes the port. */
  readonly variable: string;
}

/** An HTTP listener. @throws ChanceryError `configuration` when an address can't be bound */
export async function listenHttp(
  application: RequestListener,
  binding: Binding,
  limits: ListenerLimits,
): Promise<Listener> {
  return bindAll(binding, () => createServer(serverOptions(limits), application));
}

/**
 * An HTTPS listener: TLS 1.2 and 1.3 only. A client certificate is asked for, never required, and
 * deliberately not verified here: which exact certificate may do what is the authority's decision
 * for each request, and a chain that verifies grants nothing (invariant 8).
 *
 * @throws ChanceryError `configuration` when an address can't be bound
 */
export async function listenHttps(
  application: RequestListener,
  binding: Binding,
  limits: ListenerLimits,
  certificate: ServerCertificate,
): Promise<Listener> {
  const servers: TlsServer[] = [];
  certificate.onRenewal(({ key, cert }) => {
    for (const server of servers) server.setSecureContext({ key, cert, minVersion: 'TLSv1.2' });
  });
  return bindAll(binding, () => {
    const { key, cert } = certificate.current();
    const server = createTlsServer(
      {
        ...serverOptions(limits),
        key,
        cert,
        minVersion: 'TLSv1.2',
        requestCert: true,
        rejectUnauthorized: false,
        handshakeTimeout: 10_000,
      },
      application,
    );
    // A TLS 1.2 connection must keep the client certificate that it began with.
    server.on('secureConnection', (socket: TLSSocket) => socket.disableRenegotiation());
    servers.push(server);
    return server;
  });
}

function serverOptions({ requestTimeoutMilliseconds }: ListenerLimits) {
  return {
    requestTimeout: requestTimeoutMilliseconds,
    headersTimeout: Math.min(requestTimeoutMilliseconds, 10_000),
    keepAliveTimeout: 65_000,
    maxHeaderSize: 16_384,
    connectionsCheckingInterval: 5_000,
  };
}

async function bindAll(binding: Binding, create: () => Server): Promise<Listener> {
  const servers: Server[] = [];
  let port = binding.port;
  try {
    for (const address of binding.addresses) {
      const server = create();
      // A connection that breaks before a request is nobody's error.
      server.on('clientError', (_error, socket) => {
        if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
      });
      await bind(server, address, port, binding.variable);
      servers.push(server);
      // With port 0 the second address takes the port that the first one got.
      port = (server.address() as AddressInfo).port;
    }
  } catch (error) {
    await Promise.all(servers.map((server) => drain(server, 0)));
    throw error;
  }
  return {
    port,
    close: async (milliseconds) => {
      await Promise.all(servers.map((server) => drain(server, milliseconds)));
    },
  };
}

function bind(server: Server, address: string, port: number, variable: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) =>
      reject(bindError(error, address, port, variable));
    server.once('error', failed);
    server.listen({ port, host: address, ipv6Only: address.includes(':') }, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

function bindError(
  error: NodeJS.ErrnoException,
  address: string,
  port: number,
  variable: string,
): ChanceryError {
  const where = `port ${port} on ${address}`;
  const why: Readonly<Record<string, string>> = {
    EADDRINUSE: `${where} is in use; stop what uses it or choose another with ${variable}`,
    EACCES: `${where} needs more rights; choose one above 1023 with ${variable}`,
    EADDRNOTAVAIL: `this machine has no address ${address}; change CHANCERY_LISTEN`,
    EAFNOSUPPORT: `this machine has no address ${address}; change CHANCERY_LISTEN`,
  };
  return new ChanceryError('configuration', {
    message: why[error.code ?? ''] ?? `${where} can't be bound (${error.message}); see ${variable}`,
    cause: error,
  });
}

function drain(server: Server, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), milliseconds);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
