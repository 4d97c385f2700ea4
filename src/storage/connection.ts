import { readFile } from 'node:fs/promises';
import type { ClientConfig } from 'pg';
import { ChanceryError } from '../domain/index.ts';

/** What pg is given to reach a database; the password may be read anew for every connection. */
export type ConnectionConfig = Pick<ClientConfig, 'connectionString' | 'password'>;

const placeholderHost = 'socket.invalid';

/**
 * A database URL as it may stand in a log: without its password.
 */
export function redactDatabaseUrl(url: string): string {
  return url
    .replace(/^([a-z]+:\/\/[^:/?#@]*):[^/?#]*@/i, '$1:***@')
    .replace(/([?&](?:password|sslpassword)=)[^&#]*/gi, '$1***');
}

/** The role that a database URL logs in as. @throws ChanceryError `configuration` */
export function databaseUser(url: string): string {
  return decodeURIComponent(parseUrl(url).username);
}

/**
 * Reads a URL in libpq's form, `postgresql://user:password@host:port/database?…`, with the
 * parameters `host` (a socket's folder), `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, `passfile`.
 *
 * - `sslmode=require`, `prefer` and `verify-ca` are raised to `verify-full`: TLS without a check of
 *   the server's name protects against nobody who can redirect a connection.
 * - A server on another machine must name its sslmode; `disable` has to be written out.
 * - `passfile` is a file in libpq's format, or one that holds the password alone; it is read at every
 *   connection, so that a rotated password needs no restart.
 *
 * @throws ChanceryError `configuration`, without the password.
 */
export function connectionConfig(url: string): ConnectionConfig {
  const parsed = parseUrl(url);
  const parameters = parsed.searchParams;
  const host = parameters.get('host') ?? parsed.hostname;
  const mode = parameters.get('sslmode');
  if (mode === null) {
    if (!isLocal(host)) {
      throw refused(
        url,
        'does not say how to reach a server on another machine; add sslmode=verify-full and ' +
          'sslrootcert=FILE (or sslmode=disable to send everything in the clear)',
      );
    }
  } else if (['require', 'prefer', 'allow', 'verify-ca'].includes(mode)) {
    parameters.set('sslmode', 'verify-full');
  } else if (mode !== 'verify-full' && mode !== 'disable') {
    throw refused(url, `has the unknown sslmode=${mode}; use verify-full or disable`);
  }
  // A role's or a database's own setting must not make a commit return before it is durable.
  parameters.set(
    'options',
    `${parameters.get('options') ?? ''} -c synchronous_commit=on`.trimStart(),
  );
  const passfile = parameters.get('passfile');
  parameters.delete('passfile');
  const connectionString = parsed.toString();
  if (passfile === null) return { connectionString };
  const identity = {
    host,
    port: parsed.port === '' ? '5432' : parsed.port,
    database: decodeURIComponent(parsed.pathname.slice(1)),
    user: decodeURIComponent(parsed.username),
  };
  return {
    connectionString,
    password: async () => await readPassfile(passfile, identity),
  };
}

function parseUrl(url: string): URL {
  // A socket's URL has no host before the slash; the URL standard refuses that together with a user.
  const whole = url.replace(
    /^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)(?=\/|\?|$)/,
    `$1${placeholderHost}`,
  );
  if (!/^postgres(ql)?:\/\//.test(whole) || !URL.canParse(whole)) {
    throw refused(url, 'is not a database URL; write postgresql://user:password@host/database');
  }
  return new URL(whole);
}

function isLocal(host: string): boolean {
  return (
    host.startsWith('/') ||
    ['localhost', '127.0.0.1', '::1', '[::1]', placeholderHost].includes(host.toLowerCase())
  );
}

function refused(url: string, problem: string): ChanceryError {
  return new ChanceryError('configuration', {
    message: `the database URL ${redactDatabaseUrl(url)} ${problem}`,
  });
}

interface Identity {
  readonly host: string;
  readonly port: string;
  readonly database: string;
  readonly user: string;
}

async function readPassfile(file: string, identity: Identity): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new ChanceryError('configuration', {
      message: `the password file ${file} of the database can't be read; check its path and mode`,
      cause: error,
    });
  }
  const password = passwordIn(text, identity);
  if (password === undefined) {
    throw new ChanceryError('configuration', {
      message: `the password file ${file} has no line for ${identity.user} on ${identity.host}:${identity.port}/${identity.database}; a line is host:port:database:user:password`,
    });
  }
  return password;
}

/** The password that a pgpass file holds for a connection; a file of one field is the password. */
export function passwordIn(text: string, identity: Identity): string | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#'));
  const wanted = [
    identity.host.startsWith('/') ? 'localhost' : identity.host,
    identity.port,
    identity.database,
    identity.user,
  ];
  for (const line of lines) {
    // A backslash protects the next character (libpq's documentation, "The Password File").
    const fields = [...line.matchAll(/((?:\\.|[^:\\])*)(?::|$)/g)].map((match) =>
      (match[1] ?? '').replace(/\\(.)/g, '$1'),
    );
    if (fields.length < 5) continue;
    if (
      wanted.every((value, index) => {
        const field = fields[index];
        return field === '*' || field === value || (index === 0 && field === identity.host);
      })
    ) {
      return fields[4];
    }
  }
  return lines.length === 1 && !lines[0]?.includes(':') ? lines[0] : undefined;
}
