/** OCSP clients that we did not write: openssl, GnuTLS's ocsptool, pkijs. */
import { execFile } from 'node:child_process';
import * as pkijs from 'pkijs';

export interface ToolRun {
  readonly code: number;
  readonly output: string;
}

/** Runs a program and answers its exit code with all that it said. */
export async function runTool(program: string, ...parameters: string[]): Promise<ToolRun> {
  return new Promise((resolve) => {
    execFile(program, parameters, { timeout: 20_000 }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, output: `${out}${err}` });
    });
  });
}

/** `openssl ocsp` as a relying party, with its default strictness. */
export async function opensslOcsp(options: {
  readonly issuer: string;
  readonly certificates: readonly string[];
  readonly url: string;
  readonly root: string;
  readonly more?: readonly string[] | undefined;
}): Promise<ToolRun> {
  return runTool(
    'openssl',
    'ocsp',
    '-issuer',
    options.issuer,
    ...(options.more ?? []),
    ...options.certificates.flatMap((file) => ['-cert', file]),
    '-url',
    options.url,
    '-CAfile',
    options.root,
    // `openssl ocsp` exits 0 also when the signature is wrong; the text is the verdict.
    '-resp_text',
  );
}

/** `ocsptool --ask`: checks the signature, the delegate, the times and the nonce. */
export async function gnutlsOcsp(options: {
  readonly issuer: string;
  readonly certificate: string;
  readonly url: string;
  readonly root: string;
  readonly more?: readonly string[] | undefined;
}): Promise<ToolRun> {
  return runTool(
    'ocsptool',
    `--ask=${options.url}`,
    '--load-cert',
    options.certificate,
    '--load-issuer',
    options.issuer,
    '--load-trust',
    options.root,
    ...(options.more ?? []),
  );
}

/** What pkijs says of an answer: signature, delegate and path to the trust anchor. */
export async function pkijsVerifies(
  response: Uint8Array,
  trusted: readonly Uint8Array[],
): Promise<boolean> {
  const basic = pkijsBasic(response);
  const trustedCerts = trusted.map((der) => pkijs.Certificate.fromBER(exact(der)));
  return basic.verify({ trustedCerts });
}

/** The BasicOCSPResponse as pkijs reads it. */
export function pkijsBasic(response: Uint8Array): pkijs.BasicOCSPResponse {
  const outer = pkijs.OCSPResponse.fromBER(exact(response));
  const bytes = outer.responseBytes;
  if (bytes === undefined) throw new Error('the answer has no responseBytes');
  return pkijs.BasicOCSPResponse.fromBER(exact(bytes.response.valueBlock.valueHexView));
}

function exact(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
