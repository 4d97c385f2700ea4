import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { isChanceryError } from '../../src/domain/index.ts';
import { decodePem, parseCertificateList } from '../../src/pkix/index.ts';
import type { Client } from './client.ts';
import { usageError } from './exit.ts';
import { print, printJson } from './output.ts';
import { cell, type Row } from './rows.ts';

type Options = Readonly<Record<string, string | boolean | undefined>>;

/** issuer adopt. */
export function adoptionCommand(issuer: Command, client: () => Client): void {
  issuer
    .command('adopt')
    .argument('<name>', 'how commands call it; letters, digits and hyphens')
    .description('take a key pair that is in a token already; its attributes must pass')
    .requiredOption('--key-id <hex>', 'CKA_ID of the pair: the identifier of its public key')
    .option('--token <label>', 'token it is in; default the issuing token')
    .option('--subject <dn>', "default the chain's, or CN=NAME")
    .addOption(new Option('--signature <scheme>', 'of an RSA key').choices(['pkcs1', 'pss']))
    .option('--chain <file>', 'PEM: the chain that its CA has already, own certificate first')
    .option('--former-crl <file>', 'its last CRL elsewhere: ours must have a greater number')
    .option('--json', 'print the REST representation')
    .action(async (name: string, options: Options) => {
      const chain = options['chain'];
      const formerCrl = options['formerCrl'];
      const answer = await client().call({
        method: 'POST',
        path: '/issuers/adoptions',
        body: {
          name,
          keyId: String(options['keyId']).toLowerCase().replaceAll(':', ''),
          token: options['token'],
          subject: options['subject'],
          signature: options['signature'],
          pem: chain === undefined ? undefined : readFileSync(String(chain), 'utf8'),
          formerCrlNumber: formerCrl === undefined ? undefined : crlNumberIn(String(formerCrl)),
        },
      });
      const record = answer.json() as Row;
      if (options['json'] === true) {
        printJson(record);
        return;
      }
      print(`issuer ${name} (${cell(record['issuerId'])}) is ${cell(record['state'])}`);
      if (record['state'] === 'pending') {
        print(`next: chancery issuer csr ${name} --out ${name}.csr`);
        return;
      }
      print(
        'what it certified elsewhere is not in the inventory: bring it with `chancery import` before its former CRL and OCSP addresses lead here',
      );
      if (formerCrl === undefined) {
        print(
          'give --former-crl FILE where it had CRLs: CRL numbers never go back (RFC 5280 §5.2.3)',
        );
      }
    });
}

/** cRLNumber of a CRL in DER or PEM, in decimal. */
function crlNumberIn(file: string): string | undefined {
  const content = readFileSync(file);
  try {
    const der =
      content[0] === 0x30 ? content : (decodePem(content.toString('utf8'))[0]?.der ?? content);
    return parseCertificateList(der).crlNumber?.toString();
  } catch (error) {
    if (!isChanceryError(error)) throw error;
    throw usageError(`${file} holds no CRL: ${error.message}`);
  }
}
