/** What tests of the order side share: names that no other test has, bound accounts, accounts after a while. */
import type { CreateEabRequest } from '../../src/acme/index.ts';
import { AcmeClient } from './acme-client.ts';
import { externalAccountBinding } from './acme-keys.ts';
import type { AcmeNode } from './acme-node.ts';
import { admin } from './authority.ts';

let label = 0;

export function freshName(): string {
  label += 1;
  return `n${label}.example.test`;
}

/** Principal that owns the certificates of bound accounts. */
export const bindingOwner = 'team-a';

/** An account of the directory `eab` that is bound to a credential of its own. */
export async function boundAccount(server: AcmeNode, request: Partial<CreateEabRequest>) {
  const { acme, authority } = server;
  const principals = await authority.listPrincipals(admin);
  if (!principals.some(({ name }) => name === bindingOwner)) {
    await authority.createPrincipal(admin, { name: bindingOwner, role: 'subscriber' });
  }
  const { credential, hmacKey } = await acme.createCredential(admin, {
    directory: 'eab',
    owner: bindingOwner,
    ...request,
  });
  const client = server.client('eab');
  const { newAccount } = await client.directory();
  await client.register({
    externalAccountBinding: externalAccountBinding(
      { kid: credential.kid, hmacKey },
      newAccount,
      client.key.jwk,
    ),
  });
  return { client, credential };
}

/** The same account without the nonces that it had: after the clock went on they are too old. */
export function afterwards({ transport, directoryUrl, key, kid }: AcmeClient): AcmeClient {
  const client = new AcmeClient(transport, directoryUrl, key);
  client.kid = kid;
  return client;
}
