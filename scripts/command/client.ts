import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { dataFolder } from '../../src/config/index.ts';
import { CommandError, exitCodes, usageError } from './exit.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** An answer of the server: JSON, or text for PEM. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
  json(): unknown;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/api/v1`, or an absolute path that starts with `/bundles`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>> | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Speaks REST to the server with the credential of the environment; every failure becomes a message and an exit code. */
export class Client {
  readonly #url: string;
  readonly #tls: { readonly ca: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
  readonly #token: string | undefined;

  constructor(environment: Environment) {
    const data = dataFolder(environment);
    const port = environment['CHANCERY_HTTPS_PORT'] ?? '8443';
    this.#url = serverUrl(environment['CHANCERY_URL'] ?? `https://localhost:${port}`);
    const ca = read(
      environment['CHANCERY_TRUST'] ?? join(data, 'trust', 'root.pem'),
      'the root to trust',
      'CHANCERY_TRUST',
    );
    const tokenFile = environment['CHANCERY_TOKEN_FILE'];
    if (tokenFile !== undefined) {
      this.#token = read(tokenFile, 'the bearer token', 'CHANCERY_TOKEN_FILE')
        .toString('utf8')
        .trim();
      this.#tls = { ca };
    } else {
      const certFile = environment['CHANCERY_CERT'] ?? join(data, 'admin', 'cert.pem');
      const keyFile = environment['CHANCERY_KEY'] ?? join(data, 'admin', 'key.pem');
      this.#token = undefined;
      this.#tls = {
        ca,
        cert: read(certFile, 'the client certificate', 'CHANCERY_CERT'),
        key: read(keyFile, 'its key', 'CHANCERY_KEY'),
      };
    }
  }

  /** @throws CommandError exit 1 with the problem's detail, 3 when the server does not answer or says 503 */
  async call(call: Call): Promise<Answer> {
    const answer = await answerOf(await this.#send(this.#locate(call), call));
    if (answer.status >= 400) {
      throw problemError(answer);
    }
    return answer;
  }

  /**
   * As {@link call}, the body piece by piece; each `write` is awaited.
   *
   * @throws Error also in the middle: what was written is then not the whole
   */
  async download(call: Call, write: (piece: Uint8Array) => Promise<void>): Promise<void> {
    const response = await this.#send(this.#locate(call), call);
    if ((response.statusCode ?? 0) >= 400) {
      throw problemError(await answerOf(response));
    }
    for await (const piece of response) {
      await write(piece as Buffer);
    }
  }

  #locate(call: Call): URL {
    const url = new URL(
      `${this.#url}${call.path.startsWith('/bundles') ? '' : '/api/v1'}${call.path}`,
    );
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) {
        url.searchParams.set(name, String(value));
      }
    }
    return url;
  }

  async #send(url: URL, { method, body, headers }: Call): Promise<IncomingMessage> {
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const request = httpsRequest(
        url,
        {
          method,
          ...this.#tls,
          // Longer than any deadline of the server: it answers 503 first.
          timeout: 60_000,
          headers: {
            accept: 'application/json, application/pem-certificate-chain, */*',
            ...(payload === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': payload.length }),
            ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
            ...headers,
          },
        },
        resolve,
      );
      request.on('timeout', () => request.destroy(new Error('no answer within 60 s')));
      request.on('error', (error: NodeJS.ErrnoException) => {
        reject(unreachable(this.#url, error));
      });
      request.end(payload);
    });
  }
}

async function answerOf(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const whole = Buffer.concat(chunks);
  return {
    status: response.statusCode ?? 0,
    contentType: response.headers['content-type'] ?? '',
    body: whole,
    json: () => (whole.length === 0 ? null : (JSON.parse(whole.toString('utf8')) as unknown)),
  };
}

function serverUrl(text: string): string {
  if (!URL.canParse(text) || new URL(text).protocol !== 'https:') {
    throw usageError(
      `CHANCERY_URL is not an https URL: ${text}; write it as https://pki.example.com:8443`,
    );
  }
  return text.replace(/\/+$/, '');
}

function read(file: string, what: string, variable: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CommandError(
      `${what} can't be read from ${file} (${(error as NodeJS.ErrnoException).code ?? 'error'}); run ./scripts/quickstart first, or set ${variable}`,
      exitCodes.failed,
      error,
    );
  }
}

function unreachable(url: string, error: NodeJS.ErrnoException): CommandError {
  const code = error.code ?? '';
  if (code.startsWith('ERR_TLS') || code.includes('CERT') || code.includes('SIGNATURE')) {
    return new CommandError(
      `${url} showed a certificate that the root does not vouch for (${code}); set CHANCERY_TRUST to the right root`,
      exitCodes.failed,
      error,
    );
  }
  return new CommandError(
    `${url} does not answer (${code || error.message}); is ./scripts/quickstart running? Another address goes into CHANCERY_URL`,
    exitCodes.unreachable,
    error,
  );
}

interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly code?: string;
  readonly clause?: string;
  readonly violations?: readonly {
    readonly rule: string;
    readonly field: string;
    readonly message: string;
    readonly mend?: string;
    readonly clause: string;
  }[];
}

function problemError(answer: Answer): CommandError {
  let problem: Problem = {};
  try {
    problem = answer.json() as Problem;
  } catch {
    // Not from Chancery: a proxy between. The status says enough.
  }
  const violations = problem.violations ?? [];
  const said = problem.detail ?? problem.title ?? `the server answered ${answer.status}`;
  // The detail ends with what the lines below say one by one.
  const end = said.indexOf(violations[0]?.message ?? '\0');
  const lines = [end > 0 ? said.slice(0, end).replace(/[\s:]+$/, ':') : said];
  for (const violation of violations) {
    const mend = violation.mend === undefined ? '' : ` Mend: ${violation.mend}`;
    lines.push(
      `  ${violation.field}: ${violation.message} [${violation.rule}, ${violation.clause}]${mend}`,
    );
  }
  if (problem.clause !== undefined && violations.length === 0) {
    lines.push(`  [${problem.clause}]`);
  }
  return new CommandError(
    lines.join('\n'),
    answer.status === 503 ? exitCodes.unreachable : exitCodes.failed,
  );
}
