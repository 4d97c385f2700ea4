import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { inSeconds } from './deadline.ts';
import { codeOf, ValidationFailure } from './failure.ts';
import type { Host } from './host.ts';
import type { Attempt } from './settings.ts';

/** For an address that is not the last to try. */
const patienceMilliseconds = 3000;

/** A connection, and where it leads. */
export interface Connection {
  readonly socket: Socket;
  readonly address: string;
}

/** Connects to the first of the host's addresses that accepts: the address itself, no name. */
export async function connect(host: Host, port: number, attempt: Attempt): Promise<Connection> {
  const { deadline } = attempt;
  const failures: string[] = [];
  for (const [index, address] of host.addresses.entries()) {
    const left = host.addresses.length - index;
    const remaining = deadline.remaining();
    const patience =
      left === 1 ? remaining : Math.min(patienceMilliseconds, Math.ceil(remaining / left));
    const outcome = deadline.expired
      ? 'not tried, the time is over'
      : await tryAddress(address, port, patience, attempt.settings.sourceAddress);
    if (typeof outcome !== 'string') return { socket: outcome, address };
    failures.push(`${address} ${outcome}`);
  }
  throw new ValidationFailure(
    'connection',
    `could not connect to ${host.name} at port ${port}: ${failures.join('; ')}`,
  );
}

/** The connected socket, or what happened in words. */
async function tryAddress(
  address: string,
  port: number,
  patience: number,
  localAddress: string | undefined,
): Promise<Socket | string> {
  return new Promise((resolve) => {
    const socket = connectTcp({
      host: address,
      port,
      autoSelectFamily: false,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    const timer = setTimeout(() => {
      socket.destroy();
      resolve(`did not answer within ${inSeconds(patience)}`);
    }, patience);
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
    // Stays, so that what happens to the socket later has a listener.
    socket.on('error', (error) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(inWords(codeOf(error)));
    });
  });
}

function inWords(code: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'refused the connection';
    case 'ECONNRESET':
      return 'reset the connection';
    case 'ETIMEDOUT':
      return 'did not answer';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'is not reachable from here';
    default:
      return `failed (${code})`;
  }
}

/** Speaks TLS 1.2 or higher over a connection. No certificate is verified here. */
export async function secure(
  connection: Connection,
  where: string,
  options: Pick<ConnectionOptions, 'servername' | 'ALPNProtocols'>,
  attempt: Attempt,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      ...options,
      socket: connection.socket,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: false,
    });
    const release = attempt.deadline.onExpiry(() => fail(timeUp(where, attempt)));
    const fail = (failure: ValidationFailure): void => {
      release();
      socket.destroy();
      connection.socket.destroy();
      reject(failure);
    };
    socket.once('secureConnect', () => {
      release();
      resolve(socket);
    });
    socket.once('close', () =>
      fail(new ValidationFailure('tls', `${where} closed the connection in the TLS handshake`)),
    );
    socket.on('error', (error) =>
      fail(new ValidationFailure('tls', `TLS with ${where} failed: ${tlsInWords(codeOf(error))}`)),
    );
  });
}

function tlsInWords(code: string): string {
  switch (code) {
    case 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL':
    case 'ERR_SSL_TLS_ALERT_NO_APPLICATION_PROTOCOL':
      return 'the server does not speak the protocol asked for (no_application_protocol)';
    case 'ECONNRESET':
      return 'the connection was closed in the handshake';
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return `the server does not speak TLS there (${code})`;
    case 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION':
    case 'ERR_SSL_UNSUPPORTED_PROTOCOL':
      return `the server must speak TLS 1.2 or 1.3 (${code})`;
    default:
      return code;
  }
}

/** The attempt's time ran out while a host was answering. */
export function timeUp(where: string, { deadline }: Attempt): ValidationFailure {
  return new ValidationFailure(
    'connection',
    `${where} did not answer in full within ${inSeconds(deadline.milliseconds)}`,
  );
}
