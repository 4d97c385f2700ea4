/** A whole installation of its own for one test file: quickstart, its processes, and the command. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { freePorts, pidOf, type QuickstartRun, startQuickstart, until } from './quickstart-run.ts';

/** What a program printed and how it ended. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: the test asserts what it reads.
  json(): unknown;
}

/** Runs a program to its end; standard input is what `input` says. Never throws for an exit code. */
export async function run(
  program: string,
  parameters: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string | undefined>>;
    readonly input?: string | Uint8Array;
    readonly timeout?: number;
  } = {},
): Promise<Ran> {
  return await new Promise((done) => {
    const child = execFile(
      program,
      [...parameters],
      {
        cwd: options.cwd,
        env: { ...process.env, ...options.env },
        timeout: options.timeout ?? 60_000,
        maxBuffer: 64 * 1024 * 1024,
        encoding: 'utf8',
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        done({ code, stdout, stderr: code === null ? `${stderr}${error?.message}` : stderr });
      },
    );
    if (options.input !== undefined) child.stdin?.write(options.input);
    child.stdin?.end();
  });
}

/** An installation that runs; every file and port is its own. */
export class Installation {
  readonly folder: string;
  readonly data: string;
  readonly work: string;
  #ports: Record<string, string> = {};
  #run: QuickstartRun | undefined;
  readonly #extra: Readonly<Record<string, string>>;

  constructor(extra: Readonly<Record<string, string>> = {}) {
    this.folder = mkdtempSync(join(tmpdir(), 'chancery-e2e-'));
    this.data = join(this.folder, 'data');
    this.work = join(this.folder, 'work');
    this.#extra = extra;
  }

  get environment(): Readonly<Record<string, string>> {
    return { CHANCERY_DATA: this.data, ...this.#ports, ...this.#extra };
  }

  get httpUrl(): string {
    return `http://localhost:${this.#ports['CHANCERY_HTTP_PORT']}`;
  }

  get httpsUrl(): string {
    return `https://localhost:${this.#ports['CHANCERY_HTTPS_PORT']}`;
  }

  get ocspUrl(): string {
    return `http://localhost:${this.#ports['CHANCERY_OCSP_PORT']}/`;
  }

  get root(): string {
    return join(this.data, 'trust', 'root.pem');
  }

  get output(): string {
    return `${this.#run?.standardOutput() ?? ''}${this.#run?.standardError() ?? ''}`;
  }

  /** Starts quickstart's supervisor (npm and apt were done by scripts/test) and waits for `ready`. */
  async start(extra: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.launch(extra);
    await until(
      'the line "ready"',
      () => {
        if (this.#run?.process.exitCode !== null)
          throw new Error(`quickstart ended: ${this.output}`);
        return /^ready/m.test(this.output);
      },
      100_000,
    );
  }

  /** Starts quickstart's supervisor and waits for nothing. */
  async launch(extra: Readonly<Record<string, string>> = {}): Promise<void> {
    mkdirSync(this.work, { recursive: true });
    if (Object.keys(this.#ports).length === 0) this.#ports = await freePorts();
    this.#run = startQuickstart('scripts/supervisor/main.ts', { ...this.environment, ...extra });
  }

  /** SIGTERM; @returns the exit code. */
  async stop(): Promise<number | null> {
    const current = this.#run;
    if (current === undefined) return null;
    if (current.process.exitCode === null && current.process.signalCode === null) {
      current.process.kill('SIGTERM');
    }
    const code = await current.exited;
    this.#run = undefined;
    return code;
  }

  /** SIGKILL of quickstart alone. */
  async killSupervisor(): Promise<void> {
    this.#run?.process.kill('SIGKILL');
    await this.#run?.exited;
    this.#run = undefined;
  }

  pid(name: 'ca' | 'ocsp' | 'postgres'): number | undefined {
    return pidOf(this.data, name);
  }

  /** SIGKILL of one of its processes. */
  kill(name: 'ca' | 'ocsp' | 'postgres'): void {
    const pid = this.pid(name);
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  }

  /** Runs the chancery command in the working folder of this test. */
  async chancery(...parameters: readonly string[]): Promise<Ran> {
    return await this.chanceryAs({}, ...parameters);
  }

  async chanceryAs(
    environment: Readonly<Record<string, string>>,
    ...parameters: readonly string[]
  ): Promise<Ran> {
    return await run(process.execPath, [resolve('scripts/command/main.ts'), ...parameters], {
      cwd: this.work,
      env: { ...this.environment, ...environment },
    });
  }

  /** As `chancery`, and fails with what it printed unless it exits 0. */
  async ok(...parameters: readonly string[]): Promise<string> {
    const ran = await this.chancery(...parameters);
    if (ran.code !== 0) {
      throw new Error(
        `chancery ${parameters.join(' ')}: exit ${ran.code}\n${ran.stdout}${ran.stderr}`,
      );
    }
    return ran.stdout;
  }

  /** As `ok` with --json, parsed. */
  async json<T>(...parameters: readonly string[]): Promise<T> {
    return JSON.parse(await this.ok(...parameters, '--json')) as T;
  }

  path(name: string): string {
    return join(this.work, name);
  }

  write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.path(name), content);
    return this.path(name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  async openssl(parameters: readonly string[], input?: string | Uint8Array): Promise<Ran> {
    return await run('openssl', parameters, {
      cwd: this.work,
      ...(input === undefined ? {} : { input }),
    });
  }

  #agent: Agent | undefined;

  /** One REST call as the first administrator, or with the bearer token given; `base` is another node's URL. */
  async rest(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
    base = this.httpsUrl,
  ): Promise<RestAnswer> {
    const asAdmin = headers['authorization'] === undefined;
    this.#agent ??= new Agent({ keepAlive: true, maxSockets: 64 });
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    return await new Promise((done, fail) => {
      const call = request(
        `${base}${path}`,
        {
          method,
          agent: this.#agent,
          ca: readFileSync(this.root),
          ...(asAdmin
            ? {
                cert: readFileSync(join(this.data, 'admin', 'cert.pem')),
                key: readFileSync(join(this.data, 'admin', 'key.pem')),
              }
            : {}),
          headers: {
            ...(payload === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': String(payload.length) }),
            ...headers,
          },
          timeout: 40_000,
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('error', fail);
          response.on('end', () =>
            done({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text,
              json: () => JSON.parse(text) as unknown,
            }),
          );
        },
      );
      call.on('timeout', () => call.destroy(new Error('no answer in 40 s')));
      call.on('error', fail);
      call.end(payload);
    });
  }

  /** `database verify`: every column, signature, state and number of this installation agrees. */
  async verifyDatabase(): Promise<Ran> {
    return await this.chancery('database', 'verify');
  }

  dispose(): void {
    this.#agent?.destroy();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** One installation for a test file: started before, verified and stopped after, kept when a test failed. */
export function useInstallation(extra: Readonly<Record<string, string>> = {}): Installation {
  const installation = new Installation(extra);
  let failed = false;
  beforeAll(async () => {
    await installation.start();
  }, 120_000);
  afterEach((context) => {
    failed ||= context.task.result?.state === 'fail';
  });
  afterAll(async () => {
    const verified = existsSync(installation.data)
      ? await installation.verifyDatabase()
      : undefined;
    await installation.stop();
    if (failed || verified?.code !== 0) {
      console.log(`The installation of a failed test is kept in ${installation.folder}`);
    } else {
      installation.dispose();
    }
    if (verified?.code !== 0) {
      throw new Error(`database verify: ${verified?.stdout ?? ''}${verified?.stderr ?? ''}`);
    }
  }, 120_000);
  return installation;
}

/** A server process of the test's own that is ended with the file. */
export function startProgram(
  program: string,
  parameters: readonly string[],
  cwd: string,
): { readonly stop: () => Promise<void>; output: () => string } {
  const child = spawn(program, [...parameters], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  return {
    output: () => text,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = new Promise((done) => child.once('exit', done));
        child.kill('SIGTERM');
        await gone;
      }
    },
  };
}
