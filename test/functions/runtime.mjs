/** A stand-in for Lambda's runtime: one function in a process of its own, invoked by messages of its parent. */
const [, , bundle] = process.argv;
const plain = ({ name, code, message }) => ({ error: { name, code, message } });

/** Milliseconds of processor time, user and system. */
function spentSince(before) {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

async function load() {
  const { handler } = await import(bundle);
  process.on('message', async ({ event, remainingMs }) => {
    const context = { getRemainingTimeInMillis: () => remainingMs };
    const before = process.cpuUsage();
    process.send(
      await handler(event, context).then(
        (result) => ({ result, cpuMs: spentSince(before) }),
        (error) => plain(error),
      ),
    );
  });
  process.send({ result: 'ready' });
}

load().catch((error) => process.send(plain(error), () => process.disconnect()));
