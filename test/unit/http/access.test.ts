import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rolePermissions } from '../../../src/access/index.ts';
import { type Permission, type Role, roles } from '../../../src/domain/index.ts';
import { checkRoutes } from '../../../src/http/rest.ts';
import { type Route, route } from '../../../src/http/route.ts';
import { routes } from '../../../src/http/routes/index.ts';
import { ask, type Edge, type Overrides, startEdge, tokenOf } from './edge.ts';

interface Operation {
  readonly 'x-permission': string;
  readonly security: unknown[];
}

let edge: Edge;
let operations: { method: string; path: string; permission: string; security: unknown[] }[];

beforeAll(async () => {
  edge = await startEdge();
  const document = (await ask(edge, { path: '/api/v1/openapi.json' })).json();
  const paths = document['paths'] as Record<string, Record<string, Operation>>;
  operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path: `/api/v1${path}`.replaceAll(/\{\w+\}/g, 'ab'),
      permission: operation['x-permission'],
      security: operation.security,
    })),
  );
});
afterAll(async () => edge.close());

const callers = roles.filter((role) => role !== 'system');

/** Use cases reached, authentication and its like apart. */
function reached(): string[] {
  const edgeOnly = [
    'authenticateToken',
    'authenticateCertificate',
    'recordUnauthenticated',
    'authorize',
    'readiness',
  ];
  return edge.calls.map(({ name }) => name).filter((name) => !edgeOnly.includes(name));
}

describe('T-RBAC-1: every route of the OpenAPI document', () => {
  it('is every row of the table', () => {
    expect(operations).toHaveLength(routes.length);
    expect(operations.length).toBeGreaterThan(25);
  });

  it('refuses whoever presents nothing or something false, before any use case', async () => {
    for (const { method, path, permission, security } of operations) {
      if (permission === 'public') {
        expect(security).toEqual([]);
        continue;
      }
      for (const authorization of [undefined, 'Bearer wrong-token', 'Basic YTpi', 'Bearer', '']) {
        edge.calls.length = 0;
        const reply = await ask(edge, {
          method,
          path,
          headers: authorization === undefined ? {} : { authorization },
        });
        expect(reply.status, `${method} ${path} ${authorization}`).toBe(401);
        expect(reply.headers['www-authenticate']).toMatch(/^Bearer/);
        expect(reply.json()['code']).toBe('unauthenticated');
        expect(reached()).toEqual([]);
        expect(edge.calls.at(-1)).toMatchObject({
          name: 'recordUnauthenticated',
          arguments: [{ act: expect.stringContaining(method) }],
        });
      }
    }
  });

  it('lets exactly the roles pass that hold its permission, and has each refusal recorded', async () => {
    for (const role of callers) {
      for (const { method, path, permission } of operations) {
        edge.calls.length = 0;
        edge.refusals.length = 0;
        const body = method === 'POST' ? {} : undefined;
        const { status } = await ask(edge, { method, path, as: role, body });
        const where = `${role} ${method} ${path}: ${status}`;
        const may =
          permission === 'public' ||
          permission === 'authenticated' ||
          rolePermissions[role].includes(permission as Permission);
        if (may) {
          // The stand-in has no use cases, so that passing shows as anything but 401 and 403.
          expect([401, 403], where).not.toContain(status);
        } else {
          expect(status, where).toBe(403);
          expect(reached(), where).toEqual([]);
          expect(edge.refusals, where).toEqual([{ principal: `the-${role}`, permission }]);
        }
      }
    }
  });

  it('does not let the system in, even if a store handed it out', async () => {
    const { status } = await ask(edge, { path: '/api/v1/whoami', as: 'system' });
    expect(status).toBe(401);
  });

  it('protects /metrics likewise', async () => {
    const statuses = await Promise.all(
      [undefined, ...callers].map(async (as) => (await ask(edge, { path: '/metrics', as })).status),
    );
    const expected = callers.map((role) =>
      rolePermissions[role].includes('metrics:read') ? 200 : 403,
    );
    expect(statuses).toEqual([401, ...expected]);
  });
});

describe('T-AUTH-1: an exception in an auth function', () => {
  const nobody = {
    id: 'x',
    name: 'x',
    role: 'administrator' satisfies Role,
    tenant: 'default',
    permissions: new Set(),
  };

  const boom = (): Promise<never> => Promise.reject(new Error('hunter2 exploded'));
  const thrown = (): Promise<never> => {
    throw new Error('hunter2 exploded');
  };

  const faults: readonly (readonly [string, Overrides])[] = [
    ['authenticateToken rejects', { authenticateToken: boom }],
    ['authenticateToken throws', { authenticateToken: thrown }],
    ['authorize rejects', { authorize: boom }],
    ['authorize throws', { authorize: thrown }],
    ['authenticateToken answers rubbish', { authenticateToken: async () => ({}) }],
    [
      'authenticateToken answers a principal without permissions',
      { authenticateToken: async () => ({ id: 'x', name: 'x', role: 'administrator' }) },
    ],
    [
      'authorize passes what is not granted',
      { authorize: async () => undefined, authenticateToken: async () => nobody },
    ],
  ];

  it.each(faults)('gives no access when %s', async (_, overrides) => {
    const faulty = await startEdge({ overrides });
    try {
      for (const row of routes.filter(
        ({ access }) => access !== 'public' && access !== 'authenticated',
      )) {
        faulty.calls.length = 0;
        const reply = await ask(faulty, {
          method: row.method,
          path: `/api/v1${row.path.replaceAll(/\{\w+\}/g, 'ab')}`,
          as: 'administrator',
          body: row.method === 'POST' ? {} : undefined,
        });
        const where = `${row.method} ${row.path}`;
        expect(reply.status, where).toBeGreaterThanOrEqual(400);
        expect(reply.body, where).not.toContain('hunter2');
        const names = faulty.calls.map(({ name }) => name);
        expect(
          names.filter((name) => !name.startsWith('auth')),
          where,
        ).toEqual([]);
      }
    } finally {
      await faulty.close();
    }
  });
});

describe('a route table', () => {
  const good = routes[0] as Route;

  it.each([
    ['without a permission', { ...good, access: undefined }],
    ['with an unknown permission', { ...good, access: 'certificates:everything' }],
    ['with an empty permission', { ...good, access: '' }],
    ['that changes something for everyone', { ...good, access: 'public' }],
  ])('%s does not start', (_, row) => {
    expect(() => checkRoutes([row as Route])).toThrow(/route POST \/certificates/);
  });

  it('with a row twice does not start', () => {
    expect(() => checkRoutes([good, good])).toThrow(/twice/);
    expect(() => checkRoutes(routes)).not.toThrow();
  });

  it('never calls a handler without a principal, whatever stands before it', async () => {
    let called = false;
    const row = route({
      method: 'GET',
      path: '/x',
      access: 'audit:read',
      summary: '',
      answer: { status: 200 },
      handle: async () => {
        called = true;
        return {};
      },
    });
    const raw = {
      parameters: {},
      query: new URLSearchParams(),
      body: {},
      idempotencyKey: undefined,
    };
    await expect(row.run(raw, undefined, {} as never)).rejects.toMatchObject({
      code: 'unauthenticated',
    });
    expect(called).toBe(false);
  });
});

describe('whoami', () => {
  it('tells the caller who it is and what it may', async () => {
    const reply = await ask(edge, { path: '/api/v1/whoami', as: 'auditor' });
    expect(reply.json()).toMatchObject({ name: 'the-auditor', role: 'auditor' });
    expect(reply.json()['permissions']).toContain('audit:read');
  });

  it('takes the scheme name in any case (RFC 9110 §11.1)', async () => {
    const headers = { authorization: `bEARER ${tokenOf('auditor')}` };
    expect((await ask(edge, { path: '/api/v1/whoami', headers })).status).toBe(200);
  });
});
