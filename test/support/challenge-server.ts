/** Answers http-01 and tls-alpn-01 in tests, as a subscriber's client would, or as badly as a test wants. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIP, type Server as NetServer, type Socket } from 'node:net';
import {
  createSecureContext,
  createServer as createTlsServer,
  type TLSSocket,
  type TlsOptions,
} from 'node:tls';
import { challengeCertificate, type TlsIdentity } from './challenge-certificate.ts';

export interface HttpRequestSeen {
  readonly url: string;
  readonly host: string | undefined;
  readonly headers: IncomingMessage['headers'];
  /** Address that the request came to. */
  readonly localAddress: string | undefined;
  readonly remoteAddress: string | undefined;
}

export interface TlsHandshakeSeen {
  readonly serverName: string;
}

export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void;

export interface TestChallengeServer {
  /** The addresses that it listens on, each with the same two ports. */
  readonly hosts: readonly string[];
  readonly httpPort: number;
  readonly tlsPort: number;
  readonly requests: readonly HttpRequestSeen[];
  readonly handshakes: readonly TlsHandshakeSeen[];
  /** Answers http-01 for a token with 200 and this body. */
  answerHttp(token: string, keyAuthorization: string): void;
  removeHttp(token: string): void;
  /** Handles every request that no token answers; 404 before. */
  handle(handler: HttpHandler): void;
  /** Answers tls-alpn-01 for a DNS name or an address with a proper certificate. */
  answerTls(identifier: string, keyAuthorization: string): void;
  /** Answers tls-alpn-01 for a server name with this certificate. */
  setCertificate(serverName: string, identity: TlsIdentity): void;
  removeTls(identifier: string): void;
  /** What to do with a TLS connection after its handshake; nothing before. */
  onTls(handler: (socket: TLSSocket) => void): void;
  close(): Promise<void>;
}

export interface ChallengeServerOptions {
  /** Default 127.0.0.1 alone. */
  readonly hosts?: readonly string[];
  readonly httpPort?: number;
  readonly tlsPort?: number;
  /** Protocols that the TLS server speaks; default `acme-tls/1` alone. */
  readonly protocols?: readonly string[];
  readonly tls?: TlsOptions;
}

const prefix = '/.well-known/acme-challenge/';

/** Starts both servers, on free ports unless told otherwise. */
export async function startChallengeServer(
  options: ChallengeServerOptions = {},
): Promise<TestChallengeServer> {
  const hosts = options.hosts ?? ['127.0.0.1'];
  const tokens = new Map<string, string>();
  const identities = new Map<string, TlsIdentity>();
  const requests: HttpRequestSeen[] = [];
  const handshakes: TlsHandshakeSeen[] = [];
  const sockets = new Set<Socket>();
  let handler: HttpHandler = (_, response) => response.writeHead(404).end('nothing here\n');
  let tlsHandler: (socket: TLSSocket) => void = () => undefined;

  const onRequest: HttpHandler = (request, response) => {
    const { url = '', headers, socket } = request;
    requests.push({
      url,
      headers,
      host: headers.host,
      localAddress: socket.localAddress,
      remoteAddress: socket.remoteAddress,
    });
    const body = url.startsWith(prefix) ? tokens.get(url.slice(prefix.length)) : undefined;
    if (body === undefined) return handler(request, response);
    response.writeHead(200, { 'Content-Type': 'application/octet-stream' }).end(body);
  };
  const httpServers = hosts.map(() => createServer(onRequest));
  const tlsServers = hosts.map(() =>
    createTlsServer(
      {
        ALPNProtocols: [...(options.protocols ?? ['acme-tls/1'])],
        SNICallback: (serverName, done) => {
          handshakes.push({ serverName });
          const identity = identities.get(serverName.toLowerCase());
          if (identity === undefined) done(new Error('no certificate for this name'));
          else done(null, createSecureContext({ ...identity }));
        },
        ...options.tls,
      },
      (socket) => {
        socket.on('error', () => socket.destroy());
        tlsHandler(socket);
      },
    ).on('tlsClientError', (_, socket) => socket.destroy()),
  );
  for (const server of [...httpServers, ...tlsServers]) {
    (server as NetServer).on('connection', (socket) => {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.once('close', () => sockets.delete(socket));
    });
  }
  const httpPort = await listenAlike(httpServers, hosts, options.httpPort ?? 0);
  const tlsPort = await listenAlike(tlsServers, hosts, options.tlsPort ?? 0);
  return {
    hosts,
    httpPort,
    tlsPort,
    requests,
    handshakes,
    answerHttp: (token, keyAuthorization) => tokens.set(token, keyAuthorization),
    removeHttp: (token) => tokens.delete(token),
    handle: (next) => {
      handler = next;
    },
    answerTls: (identifier, keyAuthorization) =>
      identities.set(
        serverNameOf(identifier),
        challengeCertificate({ identifier, keyAuthorization }),
      ),
    setCertificate: (serverName, identity) => identities.set(serverName.toLowerCase(), identity),
    removeTls: (identifier) => identities.delete(serverNameOf(identifier)),
    onTls: (next) => {
      tlsHandler = next;
    },
    close: async () => {
      const servers: NetServer[] = [...httpServers, ...tlsServers];
      const closed = servers.map(
        async (server) => new Promise<void>((done) => server.close(() => done())),
      );
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
    },
  };
}

/** The server name that tls-alpn-01 asks for: an address stands in its reverse form (RFC 8738 §6). */
export function serverNameOf(identifier: string): string {
  if (isIP(identifier) === 0) return identifier.toLowerCase();
  if (isIP(identifier) === 4) return `${identifier.split('.').reverse().join('.')}.in-addr.arpa`;
  const [left = '', right] = identifier.split('::');
  const groups = (text: string | undefined): string[] =>
    text === undefined || text === '' ? [] : text.split(':');
  const missing = right === undefined ? 0 : 8 - groups(left).length - groups(right).length;
  const all = [...groups(left), ...new Array<string>(missing).fill('0'), ...groups(right)];
  const digits = all.map((group) => group.padStart(4, '0')).join('');
  return `${[...digits].reverse().join('.')}.ip6.arpa`;
}

/** Listens with all servers on one port; with port 0 another one is tried when it is taken somewhere. */
async function listenAlike(
  servers: readonly (Server | NetServer)[],
  hosts: readonly string[],
  wanted: number,
): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    let port = wanted;
    try {
      for (const [index, server] of servers.entries()) {
        await new Promise<void>((done, fail) => {
          server.once('error', fail);
          server.listen(port, hosts[index], () => {
            server.off('error', fail);
            done();
          });
        });
        const address = server.address();
        if (address !== null && typeof address === 'object') port = address.port;
      }
      return port;
    } catch (error) {
      for (const server of servers.filter(({ listening }) => listening)) {
        await new Promise<void>((done) => server.close(() => done()));
      }
      if (wanted !== 0 || attempt === 20) throw error;
    }
  }
}
