import { ChanceryError, isChanceryError } from '../domain/index.ts';

/** Seconds after which a caller may try again when the database is away. */
const retryAfter = 5;

/** SQLSTATEs after which the same transaction may succeed: serialization failure and deadlock. */
const retryable = new Set(['40001', '40P01']);

/**
 * SQLSTATEs and system errors that say nothing of the request: the server is away, stopping, full,
 * read only (a standby) or too slow.
 */
const unavailable = new Set([
  '25006', // read_only_sql_transaction: a standby, or promoted the other way
  '25P02', // in_failed_sql_transaction, when the first error was lost
  '25P03', // idle_in_transaction_session_timeout
  '25P04', // transaction_timeout
  '53000',
  '53100', // disk_full
  '53200', // out_of_memory
  '53300', // too_many_connections
  '53400',
  '55P03', // lock_not_available
  '57014', // query_canceled: statement_timeout
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '57P04', // database_dropped
  '58000',
  '58030', // io_error
]);

const systemErrors = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
]);

/** pg gives its own connection errors no code. */
const connectionMessages =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout exceeded when trying to connect|Query read timeout|write after end|This socket has been ended|Cannot use a pool)/;

interface DatabaseError {
  readonly code?: unknown;
  readonly constraint?: unknown;
  readonly severity?: unknown;
  readonly message?: unknown;
}

/** What a driver's error says, as far as it says it. */
function read(error: unknown): { code: string; constraint: string; message: string } {
  const { code, constraint, message } = (
    typeof error === 'object' && error !== null ? error : {}
  ) as DatabaseError;
  return {
    code: typeof code === 'string' ? code : '',
    constraint: typeof constraint === 'string' ? constraint : '',
    message: typeof message === 'string' ? message : '',
  };
}

/** True when the whole unit of work may be run again: it was rolled back for another's sake. */
export function isRetryable(error: unknown): boolean {
  const { code, constraint } = read(error);
  return (
    retryable.has(code) ||
    // Two first changes of one status at once, or two accounts that change to one key: the second
    // finds the other's row at its next run.
    (code === '23505' &&
      ['certificate_status_pkey', 'acme_accounts_thumbprint_key'].includes(constraint))
  );
}

/** True when the connection is not to be used again. */
export function isConnectionError(error: unknown): boolean {
  const { code, message } = read(error);
  return (
    systemErrors.has(code) ||
    code.startsWith('08') ||
    code.startsWith('57P') ||
    ['25P03', '25P04', '53300'].includes(code) ||
    (code === '' && connectionMessages.test(message))
  );
}

/**
 * The one mapper of database errors. What it does not know stays as it is and is `internal` at the edge.
 *
 * - connection lost or refused, server stopping, full or too slow: `databaseUnavailable`, 5 s
 * - unique violation: `alreadyExists`; refused by a status or issuer trigger: `illegalTransition`
 * - text that PostgreSQL can't keep (NUL): `malformed`
 */
export function mapDatabaseError(error: unknown): unknown {
  if (isChanceryError(error)) return error;
  const { code, constraint, message } = read(error);
  if (unavailable.has(code) || isConnectionError(error) || retryable.has(code)) {
    return new ChanceryError('databaseUnavailable', {
      message: 'the database does not answer; try again',
      retryAfter,
      cause: error,
    });
  }
  if (code === '23505') {
    return new ChanceryError('alreadyExists', {
      message: `${uniqueNames[constraint] ?? 'it'} exists already`,
      cause: error,
    });
  }
  if (code === '23000') {
    return new ChanceryError('illegalTransition', { message, cause: error });
  }
  if (code === '22021' || code === '22P05') {
    return new ChanceryError('malformed', {
      message: 'the text holds a character that can not be kept (NUL)',
      cause: error,
    });
  }
  if (code.startsWith('28') || code === '3D000') {
    return new ChanceryError('configuration', {
      message: `the database refuses the connection: ${message}; check the user, the password and the database name`,
      cause: error,
    });
  }
  if (code === '42501') {
    return new ChanceryError('configuration', {
      message: `the database role lacks a right: ${message}; run the migrations again, they grant what is needed`,
      cause: error,
    });
  }
  return error;
}

const uniqueNames: Readonly<Record<string, string>> = {
  certificates_issuer_serial_key: 'a certificate of that issuer with that serial number',
  issuers_pkey: 'an issuer with that key',
  issuers_issuer_id_key: 'an issuer with that key',
  issuers_name_key: 'an issuer of that name',
  cross_certificates_certificate: 'that certificate of the issuer',
  keys_pkey: 'that key',
  principals_pkey: 'that principal',
  principals_name_key: 'a principal of that name',
  credentials_pkey: 'that credential',
  credentials_token_hash_key: 'that credential',
  certificate_bindings_pkey: 'a binding of that certificate',
  certificate_bindings_serial_key: 'a binding of that certificate',
  installation_pkey: 'the installation',
  acme_external_accounts_kid_key: 'a credential with that key identifier',
  acme_accounts_account_id_key: 'an account with that id',
  acme_accounts_thumbprint_key: 'an account with that key',
  acme_orders_pkey: 'an order with that id',
  acme_orders_replacing: 'another order that replaces that certificate',
  acme_authorizations_pkey: 'an authorization with that id',
  acme_renewal_incidents_incident_id_key: 'an incident with that id',
};

/** The connection was lost while the commit was on its way: it may have happened or not. */
export function outcomeUnknown(cause: unknown): ChanceryError {
  return new ChanceryError('outcomeUnknown', {
    message:
      'the connection to the database was lost during the commit: it is not known whether the act was done; look before trying again',
    retryAfter,
    cause,
  });
}
