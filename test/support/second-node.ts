/** One more CA process and one more responder on the database and the issuing token of an installation. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, copyFileSync, mkdirSync, openSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runningEmbeddedPostgres } from '../../scripts/supervisor/embedded-postgres.ts';
import type { Installation, Ran } from './installation.ts';
import { freePorts, until } from './quickstart-run.ts';

export class SecondNode {
  readonly #installation: Installation;
  readonly #folder: string;
  /** Folders, ports and URLs of this node alone. */
  readonly #own: Readonly<Record<string, string>>;
  readonly #database: Readonly<Record<string, string>>;
  readonly #ports: Readonly<Record<string, string>>;
  readonly #processes = new Map<'ca' | 'ocsp', ChildProcess>();

  private constructor(installation: Installation, ports: Readonly<Record<string, string>>) {
    this.#installation = installation;
    this.#ports = ports;
    this.#folder = join(installation.data, 'second-node');
    mkdirSync(this.#folder, { recursive: true });
    const database = runningEmbeddedPostgres(join(installation.data, 'postgres'));
    if (database === undefined) throw new Error('the embedded PostgreSQL does not run');
    this.#database = {
      CHANCERY_DATABASE_URL: database.url('application'),
      CHANCERY_OCSP_DATABASE_URL: database.url('responder'),
    };
    this.#own = {
      ...ports,
      CHANCERY_NODE_FOLDER: join(this.#folder, 'node'),
      CHANCERY_HTTPS_FOLDER: join(this.#folder, 'https'),
      CHANCERY_HTTP_URL: installation.httpUrl,
      CHANCERY_OCSP_URL: installation.ocspUrl,
      CHANCERY_OCSP_AUTHORITY_URL: `https://localhost:${ports['CHANCERY_HTTPS_PORT']}`,
      CHANCERY_OCSP_FOLDER: join(this.#folder, 'responder'),
      CHANCERY_RESPONDER_TOKEN_FOLDER: join(this.#folder, 'token'),
    };
  }

  /** Not joined and not started yet. */
  static async beside(installation: Installation): Promise<SecondNode> {
    return new SecondNode(installation, await freePorts());
  }

  get httpsUrl(): string {
    return `https://localhost:${this.#ports['CHANCERY_HTTPS_PORT']}`;
  }

  get httpUrl(): string {
    return `http://localhost:${this.#ports['CHANCERY_HTTP_PORT']}`;
  }

  get ocspUrl(): string {
    return `http://localhost:${this.#ports['CHANCERY_OCSP_PORT']}/`;
  }

  /** The command with this node's folders, the database as the installation's own command finds it. */
  async chancery(...parameters: readonly string[]): Promise<Ran> {
    return await this.#installation.chanceryAs(this.#own, ...parameters);
  }

  start(name: 'ca' | 'ocsp'): void {
    mkdirSync(join(this.#folder, 'responder'), { recursive: true });
    copyFileSync(this.#installation.root, join(this.#folder, 'responder', 'root.pem'));
    const log = openSync(join(this.#folder, `${name}.log`), 'a');
    const child = spawn(
      process.execPath,
      [resolve(name === 'ca' ? 'src/main.ts' : 'ocsp/main.ts')],
      {
        env: {
          PATH: process.env['PATH'],
          HOME: process.env['HOME'],
          NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
          ...this.#installation.environment,
          ...this.#own,
          ...this.#database,
        },
        stdio: ['ignore', log, log],
      },
    );
    closeSync(log);
    this.#processes.set(name, child);
  }

  async ready(name: 'ca' | 'ocsp'): Promise<void> {
    const url = name === 'ca' ? `${this.httpUrl}/readyz` : `${this.ocspUrl}readyz`;
    await until(
      `the second node's ${name} to be ready`,
      async () => (await fetch(url).catch(() => undefined))?.status === 200,
      60_000,
    );
  }

  /** SIGTERM to both; waits for their ends. */
  async stop(): Promise<void> {
    await Promise.all(
      [...this.#processes.values()].map(async (child) => {
        if (child.exitCode === null && child.signalCode === null) {
          const gone = new Promise((done) => child.once('exit', done));
          child.kill('SIGTERM');
          await gone;
        }
      }),
    );
  }
}
