import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { ChanceryError } from '../src/domain/index.ts';
import type { OcspExchange } from './exchange.ts';
import type { Readiness } from './readiness.ts';

/** Where a listener binds; port 0 takes a free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** The OCSP port: OCSP, /healthz and /readyz. Raw paths: no router stands before the exchange. */
export function createOcspServer(
  exchange: OcspExchange,
  readiness: Readiness,
  requestTimeout: number,
): Server {
  return createServer(
    {
      requestTimeout,
      headersTimeout: Math.min(requestTimeout, 15_000),
      keepAliveTimeout: 65_000,
      maxHeaderSize: 16_384,
    },
    (request, response) => {
      const { url } = request;
      if (url === '/healthz' || url === '/readyz') {
        answerHealth(request, response, url, readiness);
      } else {
        exchange.handle(request, response);
      }
    },
  );
}

function answerHealth(
  request: IncomingMessage,
  response: ServerResponse,
  url: '/healthz' | '/readyz',
  readiness: Readiness,
): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD', Connection: 'close' }).end();
    return;
  }
  const { ready, reasons } = readiness.state;
  const alive = url === '/healthz';
  const content = alive ? { status: 'alive' } : { ready, reasons };
  response
    .writeHead(alive || ready ? 200 : 503, {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
    })
    .end(`${JSON.stringify(content)}\n`);
}

/**
 * Binds one address; answers the port.
 *
 * @throws ChanceryError `configuration` naming the address and what to do when it can't be bound.
 */
export async function listen(server: Server, address: ListenAddress): Promise<number> {
  const { host, port } = address;
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: Error & { code?: string }): void => {
      const why = cause.code === 'EADDRINUSE' ? 'is in use' : `can't be bound (${cause.message})`;
      reject(
        new ChanceryError('configuration', {
          message: `OCSP address ${host} port ${port} ${why}; stop what listens there, or set CHANCERY_OCSP_PORT or CHANCERY_LISTEN`,
          cause,
        }),
      );
    };
    server.once('error', failed);
    server.listen({ host, port }, () => {
      server.off('error', failed);
      resolve();
    });
  });
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : port;
}

/** No new connections; running requests may finish within so many milliseconds. */
export async function drain(server: Server, milliseconds: number): Promise<void> {
  if (!server.listening) {
    return;
  }
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  server.closeIdleConnections();
  const timer = setTimeout(() => {
    server.closeAllConnections();
  }, milliseconds);
  await closed;
  clearTimeout(timer);
}
