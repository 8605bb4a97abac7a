// Runs a command in a process group and with a folder of its own for as long as this process's input is open. The input
// is a pipe from whoever wants the command to run: whatever ends that process, SIGKILL included, closes it. Then
// everything that the command started is killed, and the folder removed.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';

const [, , folder, command, ...args] = process.argv;
const child = spawn(command, args, { detached: true, stdio: ['ignore', 'inherit', 'inherit'] });

const end = () => {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
};
child.once('error', (error) => {
  console.error(error.message);
  rmSync(folder, { recursive: true, force: true });
  process.exit(1);
});
child.once('exit', (code) => {
  // The command ended by itself; what it started may live on.
  end();
  // Somebody killed a moment ago may still be writing.
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  process.exit(code ?? 0);
});

process.stdin.resume().once('close', end);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, end);
