// The `lockstep` command: parses the command line, runs what it asks for, and turns errors into one line and an exit code.
import { createCommandLine } from './command-line.ts';
import { reportError } from './report-error.ts';

// `lockstep generate … | head` closes the pipe early: that is an end, not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await createCommandLine().parseAsync();
} catch (error) {
  process.exitCode = reportError(error);
}
