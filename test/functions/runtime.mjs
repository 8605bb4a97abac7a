/** A stand-in for Lambda's runtime: one function in a process of its own, invoked by messages of its parent. */
const [, , bundle] = process.argv;
const plain = ({ name, code, message }) => ({ error: { name, code, message } });

async function load() {
  const { handler } = await import(bundle);
  process.on('message', async ({ event, remainingMs }) => {
    const context = { getRemainingTimeInMillis: () => remainingMs };
    process.send(
      await handler(event, context).then(
        (result) => ({ result }),
        (error) => plain(error),
      ),
    );
  });
  process.send({ result: 'ready' });
}

load().catch((error) => process.send(plain(error), () => process.disconnect()));
