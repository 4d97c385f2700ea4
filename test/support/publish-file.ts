/** Publishes a file of a size in a folder: `publish-file.ts FOLDER OCTETS`; says `done` or the error's code. */
import { filePublisher } from '../../src/storage/index.ts';

const [folder = '', size = '0'] = process.argv.slice(2);
try {
  await filePublisher(folder).publish('crl/0.crl', new Uint8Array(Number(size)).fill(0x30));
  console.log('done');
} catch (error) {
  console.log(error instanceof Error && 'code' in error ? String(error.code) : String(error));
}
