import { request as httpRequest, type IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { connect, secure, timeUp } from './connection.ts';
import { codeOf, ValidationFailure } from './failure.ts';
import { findHost } from './host.ts';
import type { Attempt } from './settings.ts';

const maximumHeaderBytes = 16 * 1024;
const maximumBodyBytes = 16 * 1024;
const maximumInformational = 8;

/** What one GET brought. The body is read of a 200 only. */
export interface HttpAnswer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: Buffer;
  /** Where it came from. */
  readonly address: string;
  /** Scheme, host, port and address in words. */
  readonly where: string;
}

/**
 * GETs a URL over a connection of its own, to an address that was found and checked for exactly this
 * request; redirects are the caller's. Over https the server's certificate is not verified: the
 * challenge shows control of port 80 of the name, the one who answered there chose to point here,
 * and a certificate that verifies is what the subscriber is about to ask for.
 */
export async function httpGet(url: URL, hostHeader: string, attempt: Attempt): Promise<HttpAnswer> {
  const isTls = url.protocol === 'https:';
  const name = url.hostname.replace(/^\[|\]$/g, '');
  const port = portOf(url);
  const host = await findHost(name, attempt);
  const connection = await connect(host, port, attempt);
  const { address } = connection;
  const where =
    address === name
      ? `${isTls ? 'https' : 'http'} server ${address} port ${port}`
      : `${isTls ? 'https' : 'http'} server ${name} (${address} port ${port})`;
  try {
    const socket = isTls
      ? await secure(
          connection,
          where,
          {
            ALPNProtocols: ['http/1.1'],
            ...(isIP(name) === 0 ? { servername: name.replace(/\.$/, '') } : {}),
          },
          attempt,
        )
      : connection.socket;
    return await new Promise<HttpAnswer>((resolve, reject) => {
      const release = attempt.deadline.onExpiry(() => finish(timeUp(where, attempt)));
      const request = httpRequest({
        createConnection: () => socket,
        method: 'GET',
        path: `${url.pathname}${url.search}`,
        setHost: false,
        maxHeaderSize: maximumHeaderBytes,
        headers: {
          Host: hostHeader,
          'User-Agent': attempt.settings.userAgent ?? 'Chancery ACME validation',
          Accept: '*/*',
          'Accept-Encoding': 'identity',
          Connection: 'close',
        },
      });
      const finish = (outcome: ValidationFailure | Omit<HttpAnswer, 'address' | 'where'>): void => {
        release();
        request.destroy();
        if (outcome instanceof ValidationFailure) reject(outcome);
        else resolve({ ...outcome, address, where });
      };
      let informational = 0;
      request.on('information', () => {
        informational += 1;
        if (informational > maximumInformational) finish(tooMuch(where, 'interim answers'));
      });
      request.on('error', (error) => finish(explain(codeOf(error), where)));
      request.on('close', () => finish(explain('ECONNRESET', where)));
      request.on('upgrade', () => finish(explain('HPE_UPGRADE', where)));
      request.on('response', (response) => read(response, where, finish));
      request.end();
    });
  } finally {
    connection.socket.destroy();
  }
}

/** The port of an http or https URL. */
export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

function read(
  response: IncomingMessage,
  where: string,
  finish: (outcome: ValidationFailure | Omit<HttpAnswer, 'address' | 'where'>) => void,
): void {
  const { statusCode: status = 0, headers } = response;
  const { location } = headers;
  if (status !== 200) {
    finish({ status, location, body: Buffer.alloc(0) });
    return;
  }
  const chunks: Buffer[] = [];
  let length = 0;
  response.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > maximumBodyBytes) finish(tooMuch(where, 'a body'));
    else chunks.push(chunk);
  });
  response.on('error', (error) => finish(explain(codeOf(error), where)));
  response.on('end', () => finish({ status, location, body: Buffer.concat(chunks) }));
}

function tooMuch(where: string, what: string): ValidationFailure {
  return new ValidationFailure(
    'incorrectResponse',
    `${where} sent ${what} of more than ${maximumBodyBytes / 1024} KiB; a key authorization is far shorter`,
  );
}

function explain(code: string, where: string): ValidationFailure {
  if (code === 'HPE_HEADER_OVERFLOW') return tooMuch(where, 'headers');
  if (code.startsWith('HPE_')) {
    return new ValidationFailure(
      'incorrectResponse',
      `what ${where} sent is no answer in HTTP/1.1 (${code})`,
    );
  }
  return code === 'ECONNRESET'
    ? new ValidationFailure('connection', `${where} closed the connection before its answer ended`)
    : new ValidationFailure('connection', `the connection to ${where} failed (${code})`);
}
