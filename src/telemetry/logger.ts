import type { DestinationStream, Logger } from 'pino';
import { destination, pino } from 'pino';
import { redactText } from './redaction.ts';

/** The process's logger: one JSON object a line. */
export type { Logger } from 'pino';

export interface LoggerOptions {
  readonly level: string;
  /** `ca`, `ocsp`, `command`: stands in every line. */
  readonly process: string;
  /** Where lines go; standard error unless a test says otherwise. */
  readonly stream?: DestinationStream | undefined;
}

/** Members that never reach the log, wherever they stand in an object up to three levels deep. */
const secretMembers = [
  'authorization',
  'Authorization',
  'cookie',
  'token',
  'tokenHash',
  'pin',
  'soPin',
  'password',
  'secret',
  'privateKey',
  'hmacKey',
  'idempotencyKey',
];

/**
 * A logger that keeps secrets out: members with telling names are replaced whole, and in every text
 * (messages, errors, stacks) bearer tokens, passwords inside URLs and PEM private keys are.
 * Text that is secret and looks like nothing in particular can't be recognised: never log it.
 */
export function createLogger(options: LoggerOptions): Logger {
  const paths = secretMembers.flatMap((name) => [
    name,
    `*.${name}`,
    `*.*.${name}`,
    `*.*.*.${name}`,
  ]);
  return pino(
    {
      level: options.level,
      base: { process: options.process, pid: process.pid },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths, censor: '[redacted]' },
      serializers: {
        err: (error: unknown) => serializeError(error),
        error: (error: unknown) => serializeError(error),
      },
      hooks: {
        streamWrite: redactText,
      },
    },
    options.stream ?? destination({ dest: 2, sync: false }),
  );
}

/** Deeper causes say no more. */
const causes = 5;

/** Members that are objects are left out: a TLS error carries whole certificates, which no line can hold. */
function serializeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error;
  const plain = Object.entries(error).filter(([, value]) =>
    ['string', 'number', 'boolean'].includes(typeof value),
  );
  const { name, message, stack, cause } = error;
  return {
    ...Object.fromEntries(plain),
    type: error.constructor.name === 'Object' ? name : error.constructor.name,
    message,
    stack,
    // Connections to a name with several addresses fail together, without a message of their own.
    ...(error instanceof AggregateError && depth < causes
      ? { errors: error.errors.slice(0, causes).map((one) => serializeError(one, depth + 1)) }
      : {}),
    ...(cause === undefined || depth === causes ? {} : { cause: serializeError(cause, depth + 1) }),
  };
}
