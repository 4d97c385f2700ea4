import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

/** Milliseconds that haproxy's socket and the command may take. */
const socketTimeout = 5000;
const commandTimeout = 60_000;

/** What the TLS server must be told. */
export type StapleEvent = 'good' | 'revoked' | 'expired';

export interface Delivery {
  /** The staple's file. */
  readonly out: string;
  readonly haproxySocket: string | undefined;
  /** Program and its arguments, run without a shell; empty for none. */
  readonly onChange: readonly string[];
}

/** The staple in the file, or undefined when there is none. */
export function readStaple(out: string): Buffer | undefined {
  try {
    return readFileSync(out);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}

/**
 * Tells the server that runs: haproxy by `set ssl ocsp-response` on its runtime socket, any other
 * by the command. The command finds what happened in CHANCERY_STAPLE_EVENT and the file in
 * CHANCERY_STAPLE_FILE; nothing that a responder sent ever reaches a shell.
 *
 * @throws Error that says what did not take it
 */
export async function announce(
  delivery: Delivery,
  event: StapleEvent,
  der: Buffer | undefined,
): Promise<void> {
  if (delivery.haproxySocket !== undefined && der !== undefined) {
    await setInHaproxy(delivery.haproxySocket, der);
  }
  const [program, ...parameters] = delivery.onChange;
  if (program !== undefined) {
    await run(program, parameters, {
      CHANCERY_STAPLE_EVENT: event,
      CHANCERY_STAPLE_FILE: delivery.out,
    });
  }
}

/** `set ssl ocsp-response <<` and base64 lines, ended by an empty one (haproxy management guide §9.3). */
async function setInHaproxy(socket: string, der: Buffer): Promise<void> {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  const said = await new Promise<string>((resolve, reject) => {
    const connection = connect(socket);
    let text = '';
    connection.setTimeout(socketTimeout, () => {
      connection.destroy(new Error(`no answer within ${socketTimeout} ms`));
    });
    connection.setEncoding('utf8');
    connection.on('data', (chunk: string) => {
      text = (text + chunk).slice(0, 4096);
    });
    connection.on('error', reject);
    connection.on('close', () => {
      resolve(text.trim());
    });
    connection.write(`set ssl ocsp-response <<\n${lines.join('\n')}\n\n`);
  }).catch((cause: unknown) => {
    throw new Error(
      `haproxy at ${socket} does not answer: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  });
  if (!/ocsp response updated/i.test(said)) {
    throw new Error(
      `haproxy did not take the staple: ${said.slice(0, 200)}; it takes one only for a certificate that had a .ocsp file when haproxy started`,
    );
  }
}

async function run(
  program: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const child = spawn(program, parameters, {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: commandTimeout,
    });
    child.on('error', (error) => {
      reject(new Error(`${program} can't be run: ${error.message}`, { cause: error }));
    });
    child.on('exit', (code, signal) => {
      if (code === 0) {
        resolve();
      } else {
        reject(new Error(`${program} ended with ${signal ?? `exit status ${String(code)}`}`));
      }
    });
  });
}
