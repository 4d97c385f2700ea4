import { describe, expect, it } from 'vitest';
import { rolePermissions } from '../../../src/access/index.ts';
import {
  ChanceryError,
  type ErrorCode,
  errorCodes,
  type Permission,
  roles,
} from '../../../src/domain/index.ts';
import { problemOf } from '../../../src/http/problem.ts';
import { routes } from '../../../src/http/routes/index.ts';

const people = roles.filter((role) => role !== 'system');

/** Who passes a route, in words. */
function whoPasses(access: string): string {
  if (access === 'public') return 'everyone';
  if (access === 'authenticated') return 'every role';
  return people.filter((role) => rolePermissions[role].includes(access as Permission)).join(', ');
}

function reference(): string {
  const routeRows = routes.map(
    ({ method, path, access, summary }) =>
      `| \`${method} ${path}\` | \`${access}\` | ${whoPasses(access)} | ${summary} |`,
  );
  const codeRows = (Object.keys(errorCodes) as ErrorCode[]).map((code) => {
    const { status, body } = problemOf(new ChanceryError(code, { message: '' }), '');
    return `| \`${code}\` | ${status} | ${body.title} |`;
  });
  return [
    '# REST interface',
    '',
    'Everything stands below `https://HOST:8443/api/v1`. The machine-readable description, with every',
    'request and answer, is the OpenAPI 3.1 document at `/api/v1/openapi.json`; it is made from the',
    'same table that the server runs (`src/http/routes`).',
    '',
    '(This page is generated from the tables in the code; a test compares it.)',
    '',
    '## Who asks',
    '',
    '- A client certificate: it counts when exactly its octets are bound to a principal and it is good',
    '  at that moment. Names, issuers and extended key usages grant nothing.',
    '- Or `Authorization: Bearer TOKEN`. With this header the certificate of the connection is not',
    '  looked at, not even when the token is wrong.',
    '',
    'No credential or a false one is answered 401, a missing permission 403; both are recorded.',
    'A credential may be scoped to fewer permissions than its role has, never to more.',
    '',
    '## Conventions',
    '',
    '- Bodies are JSON in UTF-8, at most 256 KiB, nested at most 16 deep; an unknown member is an error.',
    '- Times are RFC 3339 in UTC with `Z`. A CSR is PEM or base64 of its DER.',
    '- A list is `{"items": [...], "next": cursor or null}`; pass `next` as `cursor` for the next page.',
    '- `Idempotency-Key` on issue, renew and rekey: the same key and body give the same answer for',
    '  24 hours, another body 422, and 409 with `Retry-After` while the first still runs. It belongs',
    '  to the principal.',
    '- `X-Request-Id` of an answer, also `requestId` in a problem, finds the request in the log.',
    '',
    '## Routes',
    '',
    '| route | permission | roles | what |',
    '|---|---|---|---|',
    ...routeRows,
    '',
    'Outside of this table: ACME below `/acme` on the HTTPS port (`docs/acme.md`), `/metrics` there',
    '(`metrics:read`), and without authentication',
    '`/bundles/{name}.pem` and `.p7b` on both ports, `/crl/{issuerId}/{shard}.crl`, `/ca/{issuerId}.cer`,',
    '`/healthz` and `/readyz` on the HTTP port. CRLs, CA certificates and bundles have `ETag` and honour',
    '`If-None-Match`. A CRL may be cached for 60 s, so that a suspension is seen soon, and never past its',
    'nextUpdate.',
    '',
    '## Errors',
    '',
    'Problems as RFC 9457 describes them (`application/problem+json`): `type` is',
    '`urn:chancery:error:CODE`, `detail` says what is wrong, where and how to mend it, `violations` lists',
    'every broken rule with its clause. Of a 5xx only a fixed sentence leaves the server.',
    '',
    '| code | status | meaning |',
    '|---|---|---|',
    ...codeRows,
    '',
  ].join('\n');
}

describe('docs/rest.md', () => {
  it('tells what the tables say: after a change run vitest run test/unit/http/reference -u', async () => {
    await expect(reference()).toMatchFileSnapshot('../../../docs/rest.md');
  });
});
