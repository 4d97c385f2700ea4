import { describe, expect, it } from 'vitest';
import { openApiDocument } from '../../../src/http/openapi.ts';
import { routes } from '../../../src/http/routes/index.ts';

interface Operation {
  readonly operationId: string;
  readonly parameters: { name: string; in: string; required: boolean }[];
  readonly requestBody?: {
    content: Record<string, { schema: { additionalProperties?: boolean } }>;
  };
  readonly responses: Record<string, unknown>;
}

const document = openApiDocument(routes, 'https://ca.example:8443');
const paths = document['paths'] as Record<string, Record<string, Operation>>;
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
);

function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    key === '$ref' && typeof member === 'string' ? [member] : references(member),
  );
}

describe('the OpenAPI document', () => {
  it('is version 3.1 and plain JSON', () => {
    expect(document['openapi']).toMatch(/^3\.1\./);
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  });

  it('has no reference that leads nowhere', () => {
    const schemas = Object.keys((document['components'] as { schemas: object }).schemas);
    expect(references(document).length).toBeGreaterThan(20);
    for (const reference of references(document)) {
      expect(reference).toMatch(/^#\/components\/schemas\//);
      expect(schemas).toContain(reference.split('/').at(-1));
    }
    expect(schemas).toEqual(expect.arrayContaining(['Problem', 'Certificate', 'Issuer', 'Crl']));
  });

  it('gives each operation a name of its own, its path parameters and a problem answer', () => {
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    for (const operation of operations) {
      const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const declared = operation.parameters.filter((parameter) => parameter.in === 'path');
      expect(
        declared.map(({ name }) => name),
        operation.path,
      ).toEqual(inPath);
      expect(declared.every(({ required }) => required)).toBe(true);
      expect(operation.responses).toHaveProperty('default');
    }
  });

  it('says that bodies are strict', () => {
    for (const { path, requestBody } of operations) {
      if (requestBody === undefined) continue;
      const schema = requestBody.content['application/json']?.schema;
      expect(schema?.additionalProperties, path).toBe(false);
    }
  });

  it('offers an Idempotency-Key wherever a certificate is issued', () => {
    const offering = operations
      .filter(({ parameters }) => parameters.some(({ name }) => name === 'Idempotency-Key'))
      .map(({ path }) => path);
    expect(offering).toEqual([
      '/certificates',
      '/certificates/{serialNumber}/renew',
      '/certificates/{serialNumber}/rekey',
    ]);
  });
});
