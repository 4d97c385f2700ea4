/**
 * `publish-contest.ts FOLDER TIMES` adds 1 to the number in a published file so many times, each time
 * expecting the version that it read; `publish-contest.ts FOLDER hold` takes the file's lock, says
 * `held` and stays.
 */
import { join } from 'node:path';
import { isChanceryError } from '../../src/domain/index.ts';
import { withFileLock } from '../../src/storage/file-lock.ts';
import { filePublisher } from '../../src/storage/index.ts';

const [folder = '', times = '0'] = process.argv.slice(2);
const publisher = filePublisher(folder);

async function addOne(): Promise<boolean> {
  const before = await publisher.open('number');
  try {
    let value = 0;
    for await (const chunk of before?.chunks() ?? []) value = Number(Buffer.from(chunk).toString());
    const content = Buffer.from(String(value + 1));
    async function* chunks(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(content);
    }
    const version = before?.version ?? null;
    await publisher.publishStream('number', content.length, chunks(), { version });
    return true;
  } catch (error) {
    if (isChanceryError(error) && error.code === 'storeConflict') return false;
    throw error;
  }
}

if (times === 'hold') {
  await withFileLock(join(folder, '.number.lock'), async () => {
    console.log('held');
    await new Promise(() => setInterval(() => undefined, 60_000));
  });
} else {
  let done = 0;
  while (done < Number(times)) {
    if (await addOne()) done += 1;
  }
  console.log('done');
}
