// The `lockstep` command: parses the command line, runs what it asks for, and turns errors into one line and an exit code.
import { createCommandLine } from './command-line.ts';
import { endUnread } from './console/output.ts';
import { reportError } from './console/report-error.ts';

endUnread();
try {
  await createCommandLine().parseAsync();
} catch (error) {
  process.exitCode = reportError(error);
}
