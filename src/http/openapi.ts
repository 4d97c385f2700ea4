import { z } from 'zod';
import type { Route } from './route.ts';

type Json = Readonly<Record<string, unknown>>;

const problemSchema: Json = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code', 'requestId'],
  properties: {
    type: { type: 'string', description: 'urn:chancery:error:<code>' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What is wrong, where, and how to mend it' },
    code: { type: 'string' },
    field: { type: 'string' },
    clause: { type: 'string' },
    requestId: { type: 'string' },
    violations: {
      type: 'array',
      items: {
        type: 'object',
        required: ['rule', 'field', 'message', 'clause'],
        properties: {
          rule: { type: 'string' },
          field: { type: 'string' },
          value: { type: 'string' },
          message: { type: 'string' },
          mend: { type: 'string' },
          clause: { type: 'string' },
        },
      },
    },
  },
};

/**
 * The OpenAPI 3.1 document of a route table, so that documentation and server can't differ.
 * `x-permission` names what a route asks for.
 *
 * @param baseUrl `https://HOST:8443`
 */
export function openApiDocument(routes: readonly Route[], baseUrl: string): Json {
  const schemas: Record<string, unknown> = { Problem: problemSchema };
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const operations = (paths[route.path] ??= {});
    operations[route.method.toLowerCase()] = operation(route, schemas);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Chancery',
      version: '1',
      description:
        'REST interface of a private certificate authority. Errors are RFC 9457 problems.',
    },
    servers: [{ url: `${baseUrl}/api/v1` }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        clientCertificate: { type: 'mutualTLS' },
      },
    },
  };
}

function operation(route: Route, schemas: Record<string, unknown>): Json {
  const problem = {
    description: 'Refused or failed (RFC 9457)',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  const parameters = [
    ...parametersOf(route.parameters, 'path'),
    ...parametersOf(route.query, 'query'),
    ...(route.idempotent
      ? [
          {
            name: 'Idempotency-Key',
            in: 'header',
            required: false,
            description: 'The same key and body give the same answer for 24 hours',
            schema: { type: 'string', maxLength: 255 },
          },
        ]
      : []),
  ];
  return {
    operationId: operationId(route),
    summary: route.summary,
    'x-permission': route.access,
    security: route.access === 'public' ? [] : [{ bearer: [] }, { clientCertificate: [] }],
    parameters,
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: requiredOf(route.body).length > 0,
            content: { 'application/json': { schema: schemaOf(route.body, 'input', schemas) } },
          },
        }),
    responses: { [String(route.answer.status)]: success(route, schemas), default: problem },
  };
}

function success(route: Route, schemas: Record<string, unknown>): Json {
  const { schema, mediaTypes } = route.answer;
  if (schema !== undefined) {
    const content = { 'application/json': { schema: schemaOf(schema, 'output', schemas) } };
    return { description: 'Done', content };
  }
  if (mediaTypes !== undefined) {
    const content = Object.fromEntries(
      mediaTypes.map((type) => [type, { schema: { type: 'string' } }]),
    );
    return { description: 'Done', content };
  }
  return { description: 'Done' };
}

function parametersOf(schema: z.ZodObject, where: 'path' | 'query'): Json[] {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  const required = requiredOf(schema);
  return Object.entries(json.properties ?? {}).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: property,
  }));
}

function requiredOf(schema: z.ZodObject): readonly string[] {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }).required ?? [];
}

/** Schemas with an id go to the components once. */
function schemaOf(
  schema: z.ZodType,
  io: 'input' | 'output',
  schemas: Record<string, unknown>,
): unknown {
  const json = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  const { $schema: _, $defs: definitions, ...rest } = json;
  // A definition may refer to another.
  const moved = (value: unknown): Record<string, unknown> =>
    JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/')) as Record<
      string,
      unknown
    >;
  for (const [name, definition] of Object.entries(definitions ?? {})) {
    schemas[name] = moved(definition);
  }
  const plain = moved(rest);
  const id = plain['id'];
  if (typeof id === 'string') {
    schemas[id] = plain;
    return { $ref: `#/components/schemas/${id}` };
  }
  return plain;
}

/** `POST /certificates/{serialNumber}/hold` becomes postCertificatesSerialNumberHold. */
function operationId(route: Route): string {
  const words = route.path.match(/\w+/g) ?? [];
  const rest = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return `${route.method.toLowerCase()}${rest}`;
}
