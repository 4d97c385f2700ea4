import { type Permission, type Principal, permissions } from '../domain/index.ts';
import type { KeyAlgorithmName } from '../pkix/index.ts';
import { createAuthority } from './authority.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import { createInstallation } from './installation.ts';
import type { IssuerRecord } from './ports.ts';

/** What a first start makes; each step is skipped when it was done before. */
export interface Initialisation {
  readonly installationId: string;
  readonly root: {
    readonly name: string;
    readonly keyAlgorithm: KeyAlgorithmName;
    readonly subject?: string | undefined;
  };
  readonly issuing: {
    readonly name: string;
    readonly keyAlgorithm: KeyAlgorithmName;
    readonly subject?: string | undefined;
  };
  /** Principals with a client certificate each; the CSR is asked for only when it is needed. */
  readonly principals: readonly {
    readonly name: string;
    readonly role: 'administrator' | 'responder';
    /** Whether its credential is on disk already. */
    readonly present: boolean;
    csr(): Promise<Uint8Array>;
    /** Certificate, then issuers without the root. */
    store(chain: readonly Uint8Array[]): Promise<void>;
  }[];
  /** Says each step as it is done. */
  progress(step: string): void;
}

export interface InitialisedAuthority {
  readonly root: IssuerRecord;
  readonly issuing: IssuerRecord;
}

/** The principal of `chancery init`: it works on the machine itself and has no credential. */
function initPrincipal(tenant: string): Principal {
  return {
    id: 'init',
    name: 'init',
    role: 'system',
    tenant,
    permissions: new Set<Permission>(permissions),
  };
}

/** Root, issuing CA, first administrator and responder; safe to run again at any point of a crash. */
export async function initialise(
  dependencies: AuthorityDependencies,
  plan: Initialisation,
): Promise<InitialisedAuthority> {
  const { unitOfWork, tenant } = dependencies;
  const principal = initPrincipal(tenant);
  await createInstallation(dependencies, plan.installationId);
  const authority = createAuthority(dependencies);
  await authority.start();
  const ensure = async (
    name: string,
    isRoot: boolean,
    create: () => Promise<IssuerRecord>,
    what: string,
  ): Promise<IssuerRecord> => {
    const existing = await unitOfWork.read(async (transaction) => {
      const issuers = await transaction.issuers.list(tenant);
      // One that a ceremony made under another name before this was run.
      const alike = issuers.find(
        (issuer) => issuer.state === 'active' && (issuer.kind === 'root') === isRoot,
      );
      return issuers.find((issuer) => issuer.name === name) ?? alike;
    });
    if (existing?.state === 'active') {
      return existing;
    }
    plan.progress(what);
    return create();
  };
  const root = await ensure(
    plan.root.name,
    true,
    async () => authority.createIssuer(principal, { ...plan.root, kind: 'root' }),
    `root CA ${plan.root.name}: key ${plan.root.keyAlgorithm} in the root token`,
  );
  const issuing = await ensure(
    plan.issuing.name,
    false,
    async () =>
      authority.createIssuer(principal, {
        ...plan.issuing,
        kind: 'subordinate',
        parent: root.name,
      }),
    `issuing CA ${plan.issuing.name}: key ${plan.issuing.keyAlgorithm} in the issuing token, certificate by ${root.name}`,
  );
  for (const wanted of plan.principals) {
    if (wanted.present) {
      continue;
    }
    plan.progress(`principal ${wanted.name} (${wanted.role}) with a client certificate`);
    const issued = await authority.createClientCertificate(principal, {
      name: wanted.name,
      role: wanted.role,
      csr: await wanted.csr(),
    });
    await wanted.store([issued.certificate, ...issued.chain]);
  }
  await authority.drain();
  return { root, issuing };
}
